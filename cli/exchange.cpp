// thrum/cli/exchange.cpp: front door, cli
#include <thrum/base/errors.hpp>
#include <thrum/cli/arguments.hpp>
#include <thrum/cli/child.hpp>
#include <thrum/cli/exchange.hpp>
#include <thrum/cli/hex_dump.hpp>
#include <thrum/cli/standard_stream.hpp>
#include <thrum/sockets/relay.hpp>
#include <thrum/threads/task_group.hpp>

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <memory>

namespace thrum::cli {

namespace {

// Standard input is cut into datagrams of no more than this, which every network carries whole: an Ethernet
// frame of 1500 bytes without the headers of IPv6 and UDP.
constexpr std::size_t datagram_piece = 1452;
constexpr std::size_t datagram_buffer = 65'536;

}  // namespace

Address parse_endpoint(std::string_view text, std::string_view host) {
    try {
        if (text.starts_with('@')) return Address::unix_abstract(text.substr(1));
        if (text.starts_with("unix:")) return Address::parse(text);
    } catch (const AddressError& error) {
        throw CLI::ValidationError(error.what());
    }
    const auto parsed = parse_host_and_port(text, {std::string(host), -1});
    if (!parsed || parsed->port < 0) {
        throw CLI::ValidationError("ADDRESS: " + std::string(text) +
                                   " is no address, such as 127.0.0.1:8080, :8080, unix:/path or @name");
    }
    try {
        return Address(parsed->host, parsed->port);
    } catch (const AddressError& error) {
        throw CLI::ValidationError(error.what());
    }
}

Address parse_endpoint(const ExchangeArguments& arguments, std::string_view host) {
    if (arguments.port.empty()) return parse_endpoint(arguments.address, host);
    if (arguments.address.starts_with('@') || arguments.address.starts_with("unix:"))
        throw CLI::ValidationError("PORT: a Unix socket such as " + arguments.address + " has none");
    const bool is_bare_ipv6 = arguments.address.find(':') != std::string::npos && arguments.address[0] != '[';
    const std::string name = is_bare_ipv6 ? "[" + arguments.address + "]" : arguments.address;
    return parse_endpoint(name + ":" + arguments.port, host);
}

void add_exchange_options(CLI::App& command, ExchangeArguments& arguments, const char* address) {
    command.add_option("ADDRESS", arguments.address, address)
        ->type_name("")
        ->required()
        ->check(not_empty("address", "give one such as 127.0.0.1:8080, :8080, unix:/path or @name"));
    command.add_option("PORT", arguments.port, "The port, where ADDRESS has none")->type_name("");
    command.add_flag("-u,--udp", arguments.udp, "Datagrams instead of a stream");
    command.add_flag("--tls", arguments.tls, "TLS");
    command
        .add_option("-e,--exec", arguments.command,
                    "Join with this program instead of standard input and output")
        ->type_name("COMMAND")
        ->check(not_empty("command", "name a program, such as --exec cat"));
    command.add_flag("--shell", arguments.shell, "Let /bin/sh read the COMMAND");
    command.add_flag("-v,--verbose", arguments.verbose, "Say on standard error who is at the other end");
    command.add_flag("--hex", arguments.hex, "Show what goes both ways on standard error");
    command.add_option("--idle", arguments.idle, "End when so long nothing comes or goes: 5s, 500ms")
        ->type_name("TIME")
        ->check(not_empty("time", "give one such as 5s or 500ms"));
}

Exchange::Exchange(const ExchangeArguments& arguments) {
    if (arguments.tls && arguments.udp) throw CLI::ValidationError("--tls and --udp do not go together");
    if (arguments.shell && arguments.command.empty())
        throw CLI::ValidationError("--shell is of use with --exec only");
    idle_ = parse_time("--idle", arguments.idle);
    if (arguments.shell) {
        words_ = {"/bin/sh", "-c", arguments.command};
    } else if (!arguments.command.empty()) {
        try {
            words_ = split_command(arguments.command);
        } catch (const Error& error) {
            throw CLI::ValidationError(std::string("--exec: ") + error.what());
        }
    }
    if (arguments.hex) dump_.emplace();
}

void Exchange::run(Stream& peer, const std::string& name) {
    std::optional<HexDump> dump;
    if (dump_) dump.emplace(*dump_, name);
    // Forward is what the peer says where a program answers it, and what standard input says otherwise.
    const bool has_program = !words_.empty();
    RelayOptions options{.idle_timeout = idle_};
    if (dump) {
        options.inspect = [&](RelayWay way, std::string_view piece) {
            (way == RelayWay::forward) == has_program ? dump->received(piece) : dump->sent(piece);
            return piece.size();
        };
    }
    if (has_program) {
        Child child(words_);
        options.backward_ends_all = true;
        relay(peer, child.socket(), options);
        return;
    }
    StandardStream standard;
    // Who sits at a terminal need not type once more to see that the connection has ended.
    options.backward_ends_all = ::isatty(STDIN_FILENO) == 1;
    relay(standard, peer, options);
}

void Exchange::run_datagrams(Socket& peer, std::string_view first) {
    std::optional<HexDump> dump;
    if (dump_) dump.emplace(*dump_, "");
    StandardStream standard;
    const auto show = [&](std::string_view data) {
        if (dump) dump->received(data);
        standard.sendall(data);
    };
    show(first);
    peer.settimeout(idle_);
    TaskGroup ways;
    ways.start([&] {
        std::array<char, datagram_piece> buffer;
        while (const std::size_t size = standard.recv_into(buffer)) {
            peer.send({buffer.data(), size});
            if (dump) dump->sent({buffer.data(), size});
        }
    });
    ways.start([&] {
        const auto buffer = std::make_unique_for_overwrite<char[]>(datagram_buffer);
        try {
            for (;;) show({buffer.get(), peer.recv_into({buffer.get(), datagram_buffer})});
        } catch (const TimeoutError&) {
            ways.cancel();
        }
    });
    ways.wait();
}

}  // namespace thrum::cli
