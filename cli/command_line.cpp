// thrum/cli/command_line.cpp: front door, cli
#include <thrum/cli/command_line.hpp>
#include <thrum/cli/get_command.hpp>
#include <thrum/cli/serve_command.hpp>
#include <thrum/cli/venv_command.hpp>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <iostream>
#include <string>

namespace thrum::cli {

namespace {

constexpr const char* about = "thrum: write it straight, run it wide.";

constexpr const char* examples = R"(Examples:
  thrum get -d pictures URL URL URL             fetch many files at once
  thrum get -j 64 -i list.txt                   64 at once, one URL per line
  thrum serve pictures                          serve a folder on http://127.0.0.1:8000/
  thrum venv --seed .venv                       a virtual environment with pip inside
  thrum --version                               which thrum this is

`thrum COMMAND --help` tells more of each.)";

// "thrum get", or "thrum" where no command was named.
std::string name_of(const CLI::App& app) {
    std::string name = "thrum";
    for (const CLI::App* command : app.get_subcommands()) name += " " + command->get_name();
    return name;
}

}  // namespace

int run_command_line(int argc, char** argv) {
    CLI::App app(about, "thrum");
    app.set_version_flag("--version", std::string("thrum ") + THRUM_VERSION, "Say the version and leave");
    app.set_help_flag("-h,--help", "Say how it is used and leave");
    app.require_subcommand(0, 1);
    app.footer(examples);
    int status = exit_done;
    add_get_command(app, status);
    add_serve_command(app, status);
    add_venv_command(app, status);
    try {
        app.parse(argc, argv);
    } catch (const CLI::CallForHelp&) {
        std::cout << app.help();
        return exit_done;
    } catch (const CLI::CallForVersion& version) {
        std::cout << version.what() << '\n';
        return exit_done;
    } catch (const CLI::ParseError& error) {
        const std::string name = name_of(app);
        std::fprintf(stderr, "%s: %s (see %s --help)\n", name.c_str(), error.what(), name.c_str());
        return exit_usage;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s: %s\n", name_of(app).c_str(), error.what());
        return exit_failed;
    }
    if (app.get_subcommands().empty()) std::cout << app.help();
    return status;
}

}  // namespace thrum::cli
