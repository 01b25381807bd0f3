// thrum/cli/command_line.cpp: front door, cli
#include <thrum/cli/command_line.hpp>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <iostream>
#include <string>

namespace thrum::cli {

namespace {

constexpr const char* about = "thrum: write it straight, run it wide.";

constexpr const char* examples = R"(Examples:
  thrum --version                               which thrum this is

`thrum COMMAND --help` tells more of each.)";

// One line, named after the command that was meant: "thrum get: ...".
int refuse(const CLI::App& app, const CLI::Error& error) {
    std::string who = "thrum";
    for (const CLI::App* command : app.get_subcommands()) who += " " + command->get_name();
    std::fprintf(stderr, "%s: %s (see %s --help)\n", who.c_str(), error.what(), who.c_str());
    return exit_usage;
}

}  // namespace

int run_command_line(int argc, char** argv) {
    CLI::App app(about, "thrum");
    app.set_version_flag("--version", std::string("thrum ") + THRUM_VERSION, "Say the version and leave");
    app.set_help_flag("-h,--help", "Say how it is used and leave");
    app.require_subcommand(0, 1);
    app.footer(examples);
    int status = exit_done;
    try {
        app.parse(argc, argv);
    } catch (const CLI::CallForHelp&) {
        std::cout << app.help();
        return exit_done;
    } catch (const CLI::CallForVersion& version) {
        std::cout << version.what() << '\n';
        return exit_done;
    } catch (const CLI::ParseError& error) {
        return refuse(app, error);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "thrum: %s\n", error.what());
        return exit_failed;
    }
    if (app.get_subcommands().empty()) std::cout << app.help();
    return status;
}

}  // namespace thrum::cli
