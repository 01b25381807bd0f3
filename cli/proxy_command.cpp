// thrum/cli/proxy_command.cpp: front door, cli
#include <thrum/cli/arguments.hpp>
#include <thrum/cli/command_line.hpp>
#include <thrum/cli/exchange.hpp>
#include <thrum/cli/proxy_command.hpp>
#include <thrum/cli/signals.hpp>
#include <thrum/fetch/figures.hpp>
#include <thrum/fetch/utf8.hpp>
#include <thrum/sockets/connection.hpp>
#include <thrum/sockets/relay.hpp>
#include <thrum/sockets/server.hpp>
#include <thrum/threads/thread.hpp>

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

namespace thrum::cli {

namespace {

using namespace std::chrono_literals;

// How often the counters are shown: on a terminal, and as lines elsewhere, where something changed.
constexpr std::chrono::milliseconds terminal_interval = 500ms;
constexpr std::chrono::milliseconds line_interval = 10s;
// How long clients may go on after Ctrl-C.
constexpr std::chrono::seconds grace{5};

constexpr const char* examples = R"(Examples:
  thrum proxy :8080 example.org:80              what comes to port 8080 goes there
  thrum proxy unix:/run/a.sock 127.0.0.1:5432   from a Unix socket to TCP
  thrum proxy :2000 :2001 --idle 60s            clients that are silent for a minute are closed

Standard error shows how many clients there are and what goes, as it changes on a terminal, every 10 s
elsewhere. Connections that break on one side are reset on the other. Ctrl-C lets clients end for 5 s.)";

// As many of the first characters, all of them ASCII, as a line of the terminal shows: one that is wrapped is
// not taken back by a carriage return.
std::string_view fitting(std::string_view line) {
    winsize size = {};
    if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < 2) return line;
    return line.substr(0, size.ws_col - 1U);
}

struct ProxyArguments {
    std::string listen;
    std::string target;
    std::string idle;
    std::size_t max_clients = default_max_clients;
    bool quiet = false;
};

// The counters as people read them, shown again and again while it lives.
class Display {
public:
    Display(const StreamServer& server, const RelayCounters& counters, bool is_quiet)
        : server_(server), counters_(counters), is_quiet_(is_quiet) {
        const char* const no_color = std::getenv("NO_COLOR");
        has_color_ = is_terminal_ && (no_color == nullptr || *no_color == '\0');
        if (!is_quiet) thread_ = Thread([this] { run(); });
    }
    ~Display() { thread_ = Thread(); }

    // A line of its own, above what is shown.
    void say(const std::string& text) const {
        std::fprintf(stderr, "%sthrum proxy: %s\n", is_terminal_ ? "\r\x1b[K" : "",
                     fetch::printable(text).c_str());
    }
    void finish() {
        thread_ = Thread();
        if (!is_quiet_) say(summary());
    }

private:
    void run() {
        const auto interval = is_terminal_ ? terminal_interval : line_interval;
        std::string shown;
        for (;;) {
            const std::uint64_t forward = counters_.forward;
            const std::uint64_t backward = counters_.backward;
            sleep(interval);
            const double seconds = std::chrono::duration<double>(interval).count();
            const std::string rates = fmt::format(
                ", {} and {}", fetch::format_rate(static_cast<double>(counters_.forward - forward) / seconds),
                fetch::format_rate(static_cast<double>(counters_.backward - backward) / seconds));
            const std::string now = summary() + rates;
            if (is_terminal_) {
                std::fprintf(stderr, "\r%s%s%s\x1b[K", has_color_ ? "\x1b[1m" : "",
                             std::string(fitting(now)).c_str(), has_color_ ? "\x1b[0m" : "");
            } else if (now != shown) {
                say(now);
            }
            shown = now;
        }
    }

    std::string summary() const {
        const ServerStatistics counts = server_.statistics();
        std::string text = fmt::format("{} {}, {} in all", counts.active,
                                       counts.active == 1 ? "client" : "clients", counts.accepted);
        if (counts.failed > 0) text += fmt::format(", {} failed", counts.failed);
        return text + fmt::format(", {} there, {} back", fetch::format_bytes(counters_.forward),
                                  fetch::format_bytes(counters_.backward));
    }

    const StreamServer& server_;
    const RelayCounters& counters_;
    const bool is_quiet_;
    const bool is_terminal_ = ::isatty(STDERR_FILENO) == 1;
    bool has_color_ = false;
    Thread thread_;
};

void serve(const ProxyArguments& arguments, const Address& listen, const Address& target,
           std::optional<std::chrono::nanoseconds> idle) {
    RelayCounters counters;
    StreamServerOptions options{.max_clients = arguments.max_clients};
    options.on_error = [&](const Address& client, const std::exception_ptr& error) {
        try {
            std::rethrow_exception(error);
        } catch (const std::exception& failure) {
            const std::string text = client.to_string() + ": " + failure.what();
            if (!arguments.quiet) {
                std::fprintf(stderr, "%sthrum proxy: %s\n", ::isatty(STDERR_FILENO) == 1 ? "\r\x1b[K" : "",
                             fetch::printable(text).c_str());
            }
        }
    };
    TCPServer server(
        listen,
        [&](Stream& client, const Address&) {
            Socket onward = create_connection(target);
            relay(client, onward, {.idle_timeout = idle, .counters = &counters});
        },
        options);
    Display display(server, counters, arguments.quiet);
    display.say("listening on " + server.address().to_string() + ", for " + target.to_string());
    try {
        server.serve_forever();
    } catch (const Cancelled&) {
        server.shutdown(server.clients() > 0 ? grace : 0s);
        display.finish();
        throw;
    }
}

int proxy(const ProxyArguments& arguments) {
    const Address listen = parse_endpoint(arguments.listen, "0.0.0.0");
    const Address target = parse_endpoint(arguments.target, "localhost");
    const std::optional<std::chrono::nanoseconds> idle = parse_time("--idle", arguments.idle);
    std::signal(SIGPIPE, SIG_IGN);
    const int caught = run_until_signal([&] { serve(arguments, listen, target, idle); });
    // Ctrl-C is how a server is meant to end.
    return caught == 0 || caught == SIGINT || caught == SIGTERM ? exit_done : exit_status_of_signal(caught);
}

}  // namespace

void add_proxy_command(CLI::App& app, int& status) {
    CLI::App* const command = app.add_subcommand("proxy", "Pass on what comes to one address to another");
    const auto arguments = std::make_shared<ProxyArguments>();
    command
        ->add_option("LISTEN", arguments->listen,
                     "Where clients come: :8080, 127.0.0.1:8080, unix:/path, @name")
        ->type_name("")
        ->required()
        ->check(not_empty("address", "give one such as :8080"));
    command->add_option("TARGET", arguments->target, "Where they are connected to")
        ->type_name("")
        ->required()
        ->check(not_empty("address", "give one such as example.org:80"));
    command
        ->add_option("--idle", arguments->idle,
                     "Close a client when so long nothing comes or goes: 5s, 500ms")
        ->type_name("TIME")
        ->check(not_empty("time", "give one such as 5s or 500ms"));
    command->add_option("--max-clients", arguments->max_clients, "So many at once; others wait")
        ->type_name("N")
        ->check(CLI::Range(std::size_t{1}, default_max_clients).description(""));
    command->add_flag("-q,--quiet", arguments->quiet, "Show neither the counters nor what fails");
    command->footer(examples);
    command->callback([arguments, &status] { status = proxy(*arguments); });
}

}  // namespace thrum::cli
