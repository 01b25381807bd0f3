// thrum/cli/serve_command.cpp: front door, cli
#include <thrum/base/errors.hpp>
#include <thrum/cli/arguments.hpp>
#include <thrum/cli/command_line.hpp>
#include <thrum/cli/output.hpp>
#include <thrum/cli/serve_command.hpp>
#include <thrum/cli/signals.hpp>
#include <thrum/fetch/utf8.hpp>
#include <thrum/http.hpp>

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <memory>
#include <string>

namespace thrum::cli {

namespace {

// How long answers that are under way may take after Ctrl-C.
constexpr std::chrono::seconds grace{5};

const HostAndPort default_bind = {"127.0.0.1", 8000};

constexpr const char* examples = R"(Examples:
  thrum serve                           this folder, on http://127.0.0.1:8000/
  thrum serve pictures --bind :9000     another folder, another port (0 takes a free one)
  thrum serve --bind 0.0.0.0:8000       for everyone who can reach this machine
  thrum serve --delay 200ms             as slow as the far side of the world

Each request is a line on standard error, in the common log format, unless --quiet is given.
Nothing outside of the folder can be had. Ctrl-C lets answers that are under way end, a second one does not.)";

struct ServeArguments {
    std::string folder = ".";
    std::string bind;
    std::string delay;
    bool quiet = false;
};

// What a client sent, as one word between quotes.
std::string quotable(std::string_view text) {
    std::string result;
    for (const char c : fetch::printable(text)) {
        if (c == '"' || c == '\\') result += '\\';
        result += c;
    }
    return result;
}

// One request in the common log format, which log readers know from Apache httpd and nginx:
//   127.0.0.1 - - [21/Nov/2026:16:50:34 +0000] "GET /a.jpg HTTP/1.1" 200 5120
std::string log_line(const http::AccessRecord& record) {
    const std::time_t now = std::time(nullptr);
    std::tm parts = {};
    ::localtime_r(&now, &parts);
    std::array<char, 32> time = {};
    const std::size_t size = std::strftime(time.data(), time.size(), "%d/%b/%Y:%H:%M:%S %z", &parts);
    const std::string request = record.method.empty()
                                    ? "-"
                                    : fmt::format("{} {} HTTP/1.{}", quotable(record.method),
                                                  quotable(record.target), record.minor_version);
    return fmt::format("{} - - [{}] \"{}\" {} {}", record.peer.host(), std::string_view(time.data(), size),
                       request, record.status,
                       record.body_bytes == 0 ? "-" : std::to_string(record.body_bytes));
}

void listen(http::Server& server, const HostAndPort& bind) {
    try {
        server.listen({bind.host, bind.port});
    } catch (const AddressError& error) {
        throw Error(
            "--bind " + bind.host + ": " + error.what() +
            "; an address of this machine is needed, such as 127.0.0.1:8000, or 0.0.0.0:8000 for all");
    }
}

// Over the "^C" that a terminal has just shown.
void tell(const std::string& what) {
    std::fprintf(stderr, "%sthrum serve: %s\n", ::isatty(STDERR_FILENO) == 1 ? "\r" : "", what.c_str());
}

void serve_until_stopped(http::Server& server) {
    try {
        server.serve_forever();
    } catch (const Cancelled&) {
        if (const std::size_t count = server.answering(); count > 0) {
            tell(fmt::format("finishing {} {}, for {} s at most; Ctrl-C again ends at once", count,
                             count == 1 ? "request" : "requests", grace.count()));
        }
        server.shutdown(grace);
        throw;
    }
}

int serve(const ServeArguments& arguments) {
    const auto bind = parse_host_and_port(arguments.bind, default_bind);
    if (!bind) {
        throw CLI::ValidationError("--bind: " + arguments.bind +
                                   " is no ADDRESS:PORT, such as 127.0.0.1:8000");
    }
    const auto delay = parse_duration(arguments.delay.empty() ? "0" : arguments.delay);
    if (!delay)
        throw CLI::ValidationError("--delay: " + arguments.delay + " is no time, such as 200ms or 1.5s");
    std::signal(SIGPIPE, SIG_IGN);
    const int caught = run_until_signal([&] {
        LineLog log;
        http::ServerOptions options;
        options.delay = *delay;
        if (!arguments.quiet) {
            options.access_log = [&log](const http::AccessRecord& record) { log.add(log_line(record)); };
        }
        http::Server server(std::move(options));
        server.files("/", arguments.folder);
        listen(server, *bind);
        write_output(fmt::format("Serving {} on http://{}/ (Ctrl-C stops)\n",
                                 fetch::printable(arguments.folder), server.address().to_string()));
        serve_until_stopped(server);
    });
    if (caught != 0 && !arguments.quiet) tell("stopped");
    // Ctrl-C is how a server is meant to end.
    return caught == 0 || caught == SIGINT || caught == SIGTERM ? exit_done : exit_status_of_signal(caught);
}

}  // namespace

void add_serve_command(CLI::App& app, int& status) {
    CLI::App* const command = app.add_subcommand("serve", "Serve the files of a folder over HTTP");
    // Options are bound to members, so these live as long as the command.
    const auto arguments = std::make_shared<ServeArguments>();
    command->add_option("DIR", arguments->folder, "The folder (this one)")
        ->type_name("")
        ->check(not_empty("folder's name", "leave it away for this folder"));
    command->add_option("--bind", arguments->bind, "Where to listen (127.0.0.1:8000)")
        ->type_name("ADDRESS")
        ->check(not_empty("address", "leave --bind away for 127.0.0.1:8000"));
    command->add_option("--delay", arguments->delay, "Wait so long before each answer: 200ms, 1.5s")
        ->type_name("TIME")
        ->check(not_empty("time", "give one such as 200ms or 1.5s"));
    command->add_flag("-q,--quiet", arguments->quiet, "No line for each request");
    command->footer(examples);
    command->callback([arguments, &status] { status = serve(*arguments); });
}

}  // namespace thrum::cli
