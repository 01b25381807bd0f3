// thrum/cli/described.hpp: front door, cli
// What the command line understands, as data: manual pages and completions are made of it, so that they say
// what the commands do.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace thrum::cli {

struct DescribedOption {
    std::vector<std::string> names;  // "-d", "--directory"; empty for a positional argument
    std::string argument;            // "DIR", or the positional argument's name; empty for a flag
    std::string text;
    bool is_required = false;
    bool is_repeated = false;

    bool is_positional() const noexcept { return names.empty(); }
};

struct DescribedCommand {
    std::string name;  // empty for `thrum` itself
    std::string text;
    std::vector<DescribedOption> options;
    std::string footer;  // examples, then prose
};

// First `thrum` itself, then each command that is shown in its help.
std::vector<DescribedCommand> describe(const CLI::App& app);

// What an argument of this name is completed with.
enum class Completed { nothing, files, folders, programs };
Completed completed_with(const std::string& argument) noexcept;

}  // namespace thrum::cli
