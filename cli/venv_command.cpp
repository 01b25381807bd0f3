// thrum/cli/venv_command.cpp: front door, cli
#include <thrum/base/errors.hpp>
#include <thrum/cli/arguments.hpp>
#include <thrum/cli/command_line.hpp>
#include <thrum/cli/descriptor_limit.hpp>
#include <thrum/cli/output.hpp>
#include <thrum/cli/signals.hpp>
#include <thrum/cli/venv_command.hpp>
#include <thrum/fetch/figures.hpp>
#include <thrum/venv/activation.hpp>
#include <thrum/venv/create.hpp>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

namespace thrum::cli {
namespace {

struct VenvArguments {
    std::string folder = ".venv";
    venv::CreateOptions options = {};
    bool quiet = false;
};

std::string version_of(const std::vector<venv::Package>& packages, std::string_view name) {
    const auto found = std::ranges::find(packages, name, &venv::Package::name);
    return found == packages.end() ? "" : found->version;
}

// `folder` as a word that no shell takes for an option.
std::filesystem::path typed(const std::string& folder) {
    return folder.starts_with('-') ? std::filesystem::path(".") / folder : std::filesystem::path(folder);
}

void make_environment(const VenvArguments& arguments) {
    const auto start = std::chrono::steady_clock::now();
    const std::filesystem::path folder(arguments.folder);
    const venv::Interpreter python = venv::find_interpreter(arguments.options.python);
    const venv::Environment environment = venv::create(folder, python, arguments.options);
    const std::string time = fetch::format_elapsed(std::chrono::steady_clock::now() - start);
    if (arguments.quiet) return;
    const char* shell = std::getenv("SHELL");
    std::string text = "Python " + python.version + " at " +
                       venv::on_one_line(python.base_executable.string()) + "\nEnvironment " +
                       venv::on_one_line(arguments.folder) + " made in " + time;
    text += arguments.options.seed ? ", with pip " + version_of(environment.packages(), "pip")
                                   : ", without pip (--seed puts it inside)";
    text += "\nActivate it with: " +
            venv::activation_command(shell == nullptr ? "" : shell, typed(arguments.folder)) + "\n";
    write_output(text);
}

int run_venv(const VenvArguments& arguments) {
    try {
        // On a thread of its own, so that Ctrl-C ends pip's installation and takes away what is half made.
        bool is_made = false;
        const int signal = run_until_signal(
            [&] {
                make_environment(arguments);
                is_made = true;
            },
            "thrum venv: ended at once; what was half made may be left");
        if (signal == 0) return exit_done;
        if (!is_made) {
            std::fprintf(stderr, "thrum venv: stopped before %s was made\n",
                         venv::on_one_line(arguments.folder).c_str());
        }
        return exit_status_of_signal(signal);
    } catch (const OutputError&) {
        throw;  // the environment stands; that it could not be said is told by the command line
    } catch (const std::exception& error) {
        std::fprintf(stderr, "thrum venv: %s\n", venv::on_one_line(error.what()).c_str());
        return exit_failed;
    }
}

}  // namespace

void add_venv_command(CLI::App& app, int& status, const DescriptorLimit& limit) {
    const auto arguments = std::make_shared<VenvArguments>();
    CLI::App* command = app.add_subcommand("venv", "Make a virtual environment");
    command->footer(
        "Examples:\n"
        "  thrum venv                      .venv, with the first python3 on PATH\n"
        "  thrum venv env -p 3.11 --seed   with pip inside\n"
        "  . .venv/bin/activate            bash and zsh; activate.fish and activate.csh for fish and csh\n"
        "Until an environment is whole, the one that it replaces stays where it is; but with --clear in the "
        "very\n"
        "folder that one stands in (thrum venv . --clear) the old one goes first, and that cannot be "
        "undone.\n"
        "Exit status: 0 made, 1 not made, 2 wrong command line, 130 or 143 stopped by Ctrl-C or SIGTERM.");
    venv::CreateOptions& options = arguments->options;
    command->add_option("DIR", arguments->folder, "The folder to make it in (.venv)")->type_name("");
    command
        ->add_option("-p,--python", options.python, "A path, a version (3.11) or a name (python3.11) on PATH")
        ->type_name("PYTHON")
        ->check(not_empty("interpreter's name", "leave it away for the first python3 on PATH"));
    command->add_option("--prompt", options.prompt, "Shown while it is active, instead of the folder's name")
        ->check(not_empty("prompt", "leave it away for the folder's name"));
    command->add_flag("--seed", options.seed, "Put pip inside");
    command->add_flag("--clear", options.clear, "Replace an environment that is there, with all it holds");
    command->add_flag("--system-site-packages", options.system_site_packages,
                      "See the system's packages inside");
    command->add_flag("--copies", options.copies, "Copy the interpreter instead of linking to it");
    command->add_flag("-q,--quiet", arguments->quiet, "Say nothing unless something fails");
    command->callback([arguments, &status, &limit] {
        limit.restore();
        status = run_venv(*arguments);
    });
}

}  // namespace thrum::cli
