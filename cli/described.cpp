// thrum/cli/described.cpp: front door, cli
#include <thrum/cli/described.hpp>

#include <CLI/CLI.hpp>

namespace thrum::cli {

namespace {

DescribedOption describe_option(const CLI::Option& option) {
    DescribedOption described;
    for (const std::string& name : option.get_snames()) described.names.push_back("-" + name);
    for (const std::string& name : option.get_lnames()) described.names.push_back("--" + name);
    described.argument = described.is_positional() ? option.get_name(true) : option.get_type_name();
    described.text = option.get_description();
    described.is_required = option.get_required();
    described.is_repeated = described.is_positional() && option.get_expected_max() > 1;
    return described;
}

DescribedCommand describe_command(const CLI::App& app, std::string name) {
    DescribedCommand described{std::move(name), app.get_description(), {}, app.get_footer()};
    for (const CLI::Option* option : app.get_options([](const CLI::Option*) { return true; })) {
        if (!option->get_group().empty()) described.options.push_back(describe_option(*option));
    }
    return described;
}

}  // namespace

std::vector<DescribedCommand> describe(const CLI::App& app) {
    std::vector<DescribedCommand> all = {describe_command(app, "")};
    for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
        if (!command->get_group().empty()) all.push_back(describe_command(*command, command->get_name()));
    }
    return all;
}

Completed completed_with(const std::string& argument) noexcept {
    if (argument == "DIR") return Completed::folders;
    if (argument == "FILE" || argument == "FILE.svg" || argument == "LIST") return Completed::files;
    if (argument == "COMMAND" || argument == "PYTHON") return Completed::programs;
    return Completed::nothing;
}

}  // namespace thrum::cli
