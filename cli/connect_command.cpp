// thrum/cli/connect_command.cpp: front door, cli
#include <thrum/cli/arguments.hpp>
#include <thrum/cli/command_line.hpp>
#include <thrum/cli/connect_command.hpp>
#include <thrum/cli/exchange.hpp>
#include <thrum/cli/signals.hpp>
#include <thrum/fetch/utf8.hpp>
#include <thrum/sockets/connection.hpp>
#include <thrum/sockets/resolver.hpp>
#include <thrum/sockets/tls.hpp>

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>

namespace thrum::cli {

namespace {

constexpr const char* examples = R"(Examples:
  thrum connect localhost:8080                  what you type goes there, what comes is shown
  thrum connect unix:/run/a.sock < request      a Unix socket; @name is an abstract one
  thrum connect --tls example.org:443           over TLS
  thrum connect -zv -w 5s example.org 22        whether anybody answers there
  thrum connect :2000 --exec 'sort -r'          a program instead of you
  thrum connect --udp :53 --idle 2s --hex       datagrams, shown byte by byte

When standard input ends, the peer is told so, and what it still says is shown. --exec runs the COMMAND without
a shell, its words parted by spaces and quotes; with --shell /bin/sh reads it.
Exit status: 0 both sides have ended, 1 it failed or was idle, 2 wrong usage, 130 stopped by Ctrl-C.)";

struct ConnectArguments : ExchangeArguments {
    std::string ca;
    std::string timeout;  // --timeout
    bool insecure = false;
    bool only_try = false;

    std::optional<std::chrono::nanoseconds> patience() const { return parse_time("--timeout", timeout); }
};

void say_who(const ConnectArguments& arguments, const std::string& words) {
    if (!arguments.verbose) return;
    std::fprintf(stderr, "thrum connect: connected to %s\n", fetch::printable(words).c_str());
}

void connect_stream(const ConnectArguments& arguments, const Address& address, Exchange& exchange) {
    const std::optional<std::chrono::nanoseconds> patience = arguments.patience();
    Socket socket = create_connection(address, {.timeout = patience});
    socket.settimeout(std::nullopt);
    if (!arguments.tls) {
        say_who(arguments, socket.peer_name());
        return arguments.only_try ? void() : exchange.run(socket, "");
    }
    const TLSContext context(TLSOptions{.verify = !arguments.insecure, .cafile = arguments.ca});
    const std::string host = address.family() == AF_UNIX ? "localhost" : address.host();
    socket.settimeout(patience);
    TLSSocket secure(std::move(socket), host, context);
    secure.settimeout(std::nullopt);
    say_who(arguments, secure.peer_name() + ", " + secure.version() + ", " + secure.cipher());
    if (!arguments.only_try) exchange.run(secure, "");
}

void connect_datagrams(const Address& address, Exchange& exchange) {
    const Address target = resolve(address, AF_UNSPEC, SOCK_DGRAM).front();
    Socket socket(target.family(), SOCK_DGRAM);
    // A Unix datagram socket without a name can be answered by nobody: the kernel gives it one.
    if (target.family() == AF_UNIX)
        socket.bind(Address::unix_abstract("thrum-connect-" + std::to_string(::getpid())));
    socket.connect(target);
    exchange.run_datagrams(socket);
}

int connect(const ConnectArguments& arguments) {
    const Address address = parse_endpoint(arguments, "localhost");
    if (arguments.udp && (arguments.only_try || !arguments.timeout.empty()))
        throw CLI::ValidationError(
            "--try and --timeout are of no use with --udp, which knows no connections");
    Exchange exchange(arguments);
    if (arguments.udp && !exchange.words().empty())
        throw CLI::ValidationError("--exec and --udp go together with thrum listen only");
    if (!arguments.tls && (arguments.insecure || !arguments.ca.empty()))
        throw CLI::ValidationError("--cacert and --insecure are of use with --tls only");
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGCHLD, SIG_IGN);
    const int caught = run_until_signal([&] {
        arguments.udp ? connect_datagrams(address, exchange) : connect_stream(arguments, address, exchange);
    });
    return caught == 0 ? exit_done : exit_status_of_signal(caught);
}

}  // namespace

void add_connect_command(CLI::App& app, int& status) {
    CLI::App* const command =
        app.add_subcommand("connect", "Connect standard input and output to an address");
    const auto arguments = std::make_shared<ConnectArguments>();
    add_exchange_options(*command, *arguments, "Where to: 127.0.0.1:8080, localhost:80, unix:/path, @name");
    command->add_option("-w,--timeout", arguments->timeout, "Give up to connect after so long: 5s, 500ms")
        ->type_name("TIME")
        ->check(not_empty("time", "give one such as 5s or 500ms"));
    command->add_flag("-z,--try", arguments->only_try, "Connect and leave: is anybody there?");
    add_trust_options(*command, arguments->ca, arguments->insecure, "read and change what goes");
    command->footer(examples);
    command->callback([arguments, &status] { status = connect(*arguments); });
}

}  // namespace thrum::cli
