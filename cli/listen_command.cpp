// thrum/cli/listen_command.cpp: front door, cli
#include <thrum/cli/arguments.hpp>
#include <thrum/cli/child.hpp>
#include <thrum/cli/command_line.hpp>
#include <thrum/cli/exchange.hpp>
#include <thrum/cli/listen_command.hpp>
#include <thrum/cli/signals.hpp>
#include <thrum/fetch/utf8.hpp>
#include <thrum/sockets/resolver.hpp>
#include <thrum/sockets/server.hpp>
#include <thrum/sockets/udp_server.hpp>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <exception>
#include <memory>
#include <string>

namespace thrum::cli {

namespace {

constexpr const char* examples = R"(Examples:
  thrum listen :8080                            one client of anywhere, with what you type and see
  thrum listen 127.0.0.1:0 > received           on a free port, which standard error names
  thrum listen -k :2000 --exec cat              every client gets a program of its own
  thrum listen unix:/run/a.sock                 a Unix socket; @name is an abstract one
  thrum listen --tls --cert c.pem --key k.pem :4433
  thrum listen -k --udp :5000                   every datagram, to standard output

Without --keep one client is served, and then it ends; with it, one after the other, or at once with --exec.
When standard input ends, the client is told so, and what it still says is shown. --exec runs the COMMAND
without a shell, its words parted by spaces and quotes; with --shell /bin/sh reads it; with --udp it runs for
each datagram, and what it writes is the answer.
Exit status: 0 the client has ended, or Ctrl-C with --keep, 1 it failed or was idle, 2 wrong usage, 130 stopped
by Ctrl-C before.)";

struct ListenArguments : ExchangeArguments {
    std::string certificate;
    std::string key;
    bool keep = false;
    bool quiet = false;
};

void say_where(const ListenArguments& arguments, const Address& address) {
    if (arguments.quiet) return;
    std::fprintf(stderr, "thrum listen: listening on %s\n", fetch::printable(address.to_string()).c_str());
}

std::string words_of(const std::exception_ptr& error) {
    try {
        std::rethrow_exception(error);
    } catch (const std::exception& failure) {
        return failure.what();
    }
}

std::optional<TLSContext> context_of(const ListenArguments& arguments) {
    if (!arguments.tls) return std::nullopt;
    return TLSContext(TLSServerOptions{.certfile = arguments.certificate, .keyfile = arguments.key});
}

// With --keep until it is cancelled, telling of each that failed; else one client, whose failure is ours.
void listen_stream(const ListenArguments& arguments, const Address& address, Exchange& exchange) {
    StreamServer* its = nullptr;
    std::exception_ptr failure;
    const bool at_once = arguments.keep && !exchange.words().empty();
    StreamServerOptions options{.max_clients = at_once ? default_max_clients : 1,
                                .tls = context_of(arguments)};
    options.on_error = [&](const Address& client, const std::exception_ptr& error) {
        if (!arguments.keep) {
            failure = error;
        } else {
            const std::string name = client.to_string();
            std::fprintf(stderr, "thrum listen: %s: %s\n", fetch::printable(name).c_str(),
                         fetch::printable(words_of(error)).c_str());
        }
    };
    TCPServer server(
        address,
        [&](Stream& client, const Address& from) {
            if (!arguments.keep) its->shutdown();  // nobody else is waited for
            if (arguments.verbose) {
                std::fprintf(stderr, "thrum listen: connected from %s\n",
                             fetch::printable(client.peer_name()).c_str());
            }
            exchange.run(client, at_once ? from.to_string() : "");
        },
        options);
    its = &server;
    say_where(arguments, server.address());
    server.serve_forever();
    server.shutdown(std::chrono::nanoseconds::max());
    if (failure) std::rethrow_exception(failure);
}

// Whoever sends the first datagram is the client.
void listen_to_one(const ListenArguments& arguments, const Address& address, Exchange& exchange) {
    const Address local = resolve(address, AF_UNSPEC, SOCK_DGRAM).front();
    Socket socket(local.family(), SOCK_DGRAM);
    socket.bind(local);
    say_where(arguments, socket.getsockname());
    const auto [data, from] = socket.recvfrom(largest_datagram);
    socket.connect(from);
    exchange.run_datagrams(socket, data);
}

// A client's datagrams, or with --keep everybody's.
void listen_datagrams(const ListenArguments& arguments, const Address& address, Exchange& exchange) {
    if (!arguments.keep && exchange.words().empty()) return listen_to_one(arguments, address, exchange);
    UDPServer server(address,
                     [&](const Datagram& datagram) {
                         if (exchange.words().empty()) return write_output(datagram.data());
                         Child child(exchange.words());
                         child.socket().sendall(datagram.data());
                         child.socket().shutdown_write();
                         datagram.reply(child.socket().recv_all());
                     },
                     {.max_handlers = exchange.words().empty() ? 1 : default_max_handlers});
    say_where(arguments, server.address());
    server.serve_forever();
}

int listen(const ListenArguments& arguments) {
    const Address address = parse_endpoint(arguments, "0.0.0.0");
    Exchange exchange(arguments);
    if (arguments.tls && arguments.certificate.empty())
        throw CLI::ValidationError("--tls: --cert is missing: the certificate that clients are shown");
    if (!arguments.tls && (!arguments.certificate.empty() || !arguments.key.empty()))
        throw CLI::ValidationError("--cert and --key are of use with --tls only");
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGCHLD, SIG_IGN);
    const int caught = run_until_signal([&] {
        arguments.udp ? listen_datagrams(arguments, address, exchange)
                      : listen_stream(arguments, address, exchange);
    });
    // Ctrl-C is how a server is meant to end.
    const bool is_meant = caught == 0 || (arguments.keep && (caught == SIGINT || caught == SIGTERM));
    return is_meant ? exit_done : exit_status_of_signal(caught);
}

}  // namespace

void add_listen_command(CLI::App& app, int& status) {
    CLI::App* const command = app.add_subcommand("listen", "Connect standard input and output to a client");
    const auto arguments = std::make_shared<ListenArguments>();
    add_exchange_options(*command, *arguments,
                         "Where: :8080, 127.0.0.1:8080, unix:/path, @name (port 0: a free one)");
    command->add_flag("-k,--keep", arguments->keep, "Go on with the next client");
    command->add_option("--cert", arguments->certificate, "The certificate chain of a TLS server, PEM")
        ->type_name("FILE")
        ->check(CLI::Validator(CLI::ExistingPath).description(""));
    command->add_option("--key", arguments->key, "Its key, PEM (in the certificate's file otherwise)")
        ->type_name("FILE")
        ->check(CLI::Validator(CLI::ExistingPath).description(""));
    command->add_flag("-q,--quiet", arguments->quiet, "Do not say where it listens");
    command->footer(examples);
    command->callback([arguments, &status] { status = listen(*arguments); });
}

}  // namespace thrum::cli
