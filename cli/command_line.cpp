// thrum/cli/command_line.cpp: front door, cli
#include <thrum/cli/command_line.hpp>
#include <thrum/cli/connect_command.hpp>
#include <thrum/cli/descriptor_limit.hpp>
#include <thrum/cli/documents_command.hpp>
#include <thrum/cli/get_command.hpp>
#include <thrum/cli/listen_command.hpp>
#include <thrum/cli/output.hpp>
#include <thrum/cli/proxy_command.hpp>
#include <thrum/cli/serve_command.hpp>
#include <thrum/cli/venv_command.hpp>
#include <thrum/fetch/utf8.hpp>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <exception>
#include <string>

namespace thrum::cli {

namespace {

constexpr const char* about = "thrum: write it straight, run it wide.";

constexpr const char* examples = R"(Examples:
  thrum get -d pictures URL URL URL             fetch many files at once
  thrum get -j 64 -i list.txt                   64 at once, one URL per line
  thrum serve pictures                          serve a folder on http://127.0.0.1:8000/
  thrum connect --tls example.org:443           what you type goes there, what comes is shown
  thrum listen -k :2000 --exec cat              every client gets a program of its own
  thrum proxy :8080 example.org:80              what comes here goes there, counted
  thrum venv --seed .venv                       a virtual environment with pip inside
  thrum --version                               which thrum this is

`thrum COMMAND --help` tells more of each.)";

// "thrum get", or "thrum" where no command was named.
std::string name_of(const CLI::App& app) {
    std::string name = "thrum";
    for (const CLI::App* command : app.get_subcommands()) name += " " + command->get_name();
    return name;
}

int told(const CLI::App& app, const char* what, int status) {
    std::fprintf(stderr, "%s: %s\n", name_of(app).c_str(), fetch::printable(what).c_str());
    return status;
}

// "there is no command gte; there are get, serve and venv".
std::string unknown_command(const CLI::App& app, const std::string& name) {
    const auto commands =
        app.get_subcommands([](const CLI::App* command) { return !command->get_group().empty(); });
    std::string known;
    for (std::size_t i = 0; i < commands.size(); ++i) {
        if (i > 0) known += i + 1 == commands.size() ? " and " : ", ";
        known += commands[i]->get_name();
    }
    return "there is no command " + name + "; there are " + known;
}

int run(CLI::App& app, const int& status, int argc, char** argv) {
    try {
        app.parse(argc, argv);
    } catch (const CLI::CallForHelp&) {
        write_output(app.help());
        return exit_done;
    } catch (const CLI::CallForVersion& version) {
        write_output(std::string(version.what()) + "\n");
        return exit_done;
    } catch (const CLI::ParseError& error) {
        const std::string advice = " (see " + name_of(app) + " --help)";
        const bool no_command = app.get_subcommands().empty() && argc > 1 && argv[1][0] != '-';
        const std::string what = no_command ? unknown_command(app, argv[1]) : error.what();
        return told(app, (what + advice).c_str(), exit_usage);
    }
    if (!app.get_subcommands().empty()) return status;
    // A script whose command is an empty variable must not take this for success.
    std::fputs(app.help().c_str(), stderr);
    return exit_usage;
}

}  // namespace

int run_command_line(int argc, char** argv) {
    hold_standard_descriptors();
    const DescriptorLimit limit;
    CLI::App app(about, "thrum");
    app.set_version_flag("--version", std::string("thrum ") + THRUM_VERSION, "Say the version and leave");
    app.set_help_flag("-h,--help", "Say how it is used and leave");
    app.require_subcommand(0, 1);
    app.footer(examples);
    int status = exit_done;
    add_get_command(app, status);
    add_serve_command(app, status);
    add_connect_command(app, status);
    add_listen_command(app, status);
    add_proxy_command(app, status);
    add_venv_command(app, status, limit);
    add_documents_command(app, status);
    try {
        return run(app, status, argc, argv);
    } catch (const OutputError& error) {
        return error.code() == EPIPE ? exit_reader_gone : told(app, error.what(), exit_failed);
    } catch (const std::exception& error) {
        return told(app, error.what(), exit_failed);
    }
}

}  // namespace thrum::cli
