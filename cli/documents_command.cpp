// thrum/cli/documents_command.cpp: front door, cli
#include <thrum/base/file.hpp>
#include <thrum/cli/command_line.hpp>
#include <thrum/cli/completions.hpp>
#include <thrum/cli/documents_command.hpp>
#include <thrum/cli/manual.hpp>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <string>

namespace thrum::cli {

namespace {

void write(const std::filesystem::path& path, const std::string& text) {
    std::filesystem::create_directories(path.parent_path());
    AtomicFile file(path);
    file.write(text);
    file.commit();
}

// Where each shell and man(1) look, below the folder "share" of a prefix.
void write_documents(const CLI::App& app, const std::filesystem::path& share) {
    const std::vector<DescribedCommand> all = describe(app);
    const std::filesystem::path pages = share / "man" / "man1";
    write(pages / "thrum.1", manual_of_all(all, THRUM_VERSION));
    for (const DescribedCommand& command : all) {
        if (!command.name.empty())
            write(pages / ("thrum-" + command.name + ".1"), manual_of(command, THRUM_VERSION));
    }
    write(share / "bash-completion" / "completions" / "thrum", bash_completion(all));
    write(share / "zsh" / "site-functions" / "_thrum", zsh_completion(all));
    write(share / "fish" / "vendor_completions.d" / "thrum.fish", fish_completion(all));
}

}  // namespace

void add_documents_command(CLI::App& app, int& status) {
    CLI::App* const command = app.add_subcommand("documents", "Write manual pages and completions");
    command->group("");  // not shown
    const auto share = std::make_shared<std::string>();
    command->add_option("DIR", *share, "The folder to write them below")->type_name("")->required();
    command->callback([&app, share, &status] {
        write_documents(app, *share);
        status = exit_done;
    });
}

}  // namespace thrum::cli
