// thrum/cli/exchange.hpp: front door, cli
// What `thrum listen` and `thrum connect` have in common: one connection, joined with standard input and
// output or with a program.
#pragma once

#include <thrum/cli/output.hpp>
#include <thrum/sockets/address.hpp>
#include <thrum/sockets/socket.hpp>
#include <thrum/sockets/stream.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
}

namespace thrum::cli {

struct ExchangeArguments {
    std::string address;
    std::string port;     // behind a space, as nc(1) wants it; part of the address otherwise
    std::string command;  // --exec
    std::string idle;     // --idle
    bool shell = false;
    bool hex = false;
    bool udp = false;
    bool tls = false;
    bool verbose = false;
};

// Adds what both commands take. `address` says what ADDRESS is.
void add_exchange_options(CLI::App& command, ExchangeArguments& arguments, const char* address);

// "127.0.0.1:8080", "[::1]:80", "localhost:80", ":8080", "8080", "unix:/path", "@abstract". A text without a
// host means `host`. Throws CLI::ValidationError.
Address parse_endpoint(std::string_view text, std::string_view host);
// The same of arguments whose port may stand by itself: "localhost 80", "::1 80".
Address parse_endpoint(const ExchangeArguments& arguments, std::string_view host);

// The arguments, read. Throws CLI::ValidationError for what is no time, and for what does not go together.
class Exchange {
public:
    explicit Exchange(const ExchangeArguments& arguments);

    // Until both directions have ended, or the program's output. Throws OutputError, OSError, TimeoutError
    // when idle, Cancelled. `name` is said in a dump where it is not empty.
    void run(Stream& peer, const std::string& name);
    // The same with datagrams: each piece of standard input is one, and each that comes is written out, after
    // `first`, which came already. Datagrams have no end: it ends when nothing came for --idle, or never.
    void run_datagrams(Socket& peer, std::string_view first = {});

    // The words of --exec, empty without.
    const std::vector<std::string>& words() const noexcept { return words_; }
    const std::optional<std::chrono::nanoseconds>& idle() const noexcept { return idle_; }

private:
    std::vector<std::string> words_;
    std::optional<std::chrono::nanoseconds> idle_;
    std::optional<LineLog> dump_;
};

}  // namespace thrum::cli
