// thrum/cli/serve_command.cpp: front door, cli
#include <thrum/base/errors.hpp>
#include <thrum/cli/arguments.hpp>
#include <thrum/cli/command_line.hpp>
#include <thrum/cli/serve_command.hpp>
#include <thrum/cli/signals.hpp>
#include <thrum/fetch/utf8.hpp>
#include <thrum/http.hpp>

#include <CLI/CLI.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>
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

Nothing outside of the folder can be had. Ctrl-C lets answers that are under way end, a second one does not.)";

struct ServeArguments {
    std::string folder = ".";
    std::string bind;
    std::string delay;
};

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
        http::ServerOptions options;
        options.delay = *delay;
        http::Server server(std::move(options));
        server.files("/", arguments.folder);
        server.listen({bind->host, bind->port});
        std::printf("Serving %s on http://%s/ (Ctrl-C stops)\n", fetch::printable(arguments.folder).c_str(),
                    server.address().to_string().c_str());
        std::fflush(stdout);
        try {
            server.serve_forever();
        } catch (const Cancelled&) {
            server.shutdown(grace);
            throw;
        }
    });
    // Ctrl-C is how a server is meant to end.
    return caught == 0 || caught == SIGINT || caught == SIGTERM ? exit_done : exit_status_of_signal(caught);
}

}  // namespace

void add_serve_command(CLI::App& app, int& status) {
    CLI::App* const command = app.add_subcommand("serve", "Serve the files of a folder over HTTP");
    // Options are bound to members, so these live as long as the command.
    const auto arguments = std::make_shared<ServeArguments>();
    command->add_option("DIR", arguments->folder, "The folder (this one)");
    command->add_option("--bind", arguments->bind, "Where to listen (127.0.0.1:8000)")->type_name("ADDRESS");
    command->add_option("--delay", arguments->delay, "Wait so long before each answer: 200ms, 1.5s")
        ->type_name("TIME");
    command->footer(examples);
    command->callback([arguments, &status] { status = serve(*arguments); });
}

}  // namespace thrum::cli
