// thrum/cli/completions.cpp: front door, cli
#include <thrum/cli/completions.hpp>

#include <fmt/format.h>

#include <string_view>

namespace thrum::cli {

namespace {

std::string joined(const std::vector<std::string>& words, std::string_view between) {
    std::string text;
    for (const std::string& word : words) {
        if (!text.empty()) text += between;
        text += word;
    }
    return text;
}

// Between single quotes, which these shells read alike but for fish's backslash.
std::string quoted(std::string_view text, bool is_fish = false) {
    std::string result = "'";
    for (const char c : text) {
        if (c == '\'') {
            result += is_fish ? "\\'" : "'\\''";
        } else if (c == '\\' && is_fish) {
            result += "\\\\";
        } else {
            result += c;
        }
    }
    return result + "'";
}

// zshcompsys(1): brackets and colons of a text mean something to _arguments and _describe.
std::string zsh_text(std::string_view text) {
    std::string result;
    for (const char c : text) {
        if (c == '[' || c == ']' || c == ':' || c == '\\') result += '\\';
        result += c;
    }
    return result;
}

std::vector<std::string> names_of(const std::vector<DescribedCommand>& all) {
    std::vector<std::string> names;
    for (const DescribedCommand& command : all) {
        if (!command.name.empty()) names.push_back(command.name);
    }
    return names;
}

std::vector<std::string> options_of(const DescribedCommand& command) {
    std::vector<std::string> names;
    for (const DescribedOption& option : command.options)
        names.insert(names.end(), option.names.begin(), option.names.end());
    return names;
}

// What stands where no option does.
Completed positional_of(const DescribedCommand& command) {
    for (const DescribedOption& option : command.options) {
        if (option.is_positional()) return completed_with(option.argument);
    }
    return Completed::nothing;
}

constexpr std::string_view bash_function(Completed completed) noexcept {
    switch (completed) {
        case Completed::files: return "_thrum_names -f";
        case Completed::folders: return "_thrum_names -d";
        case Completed::programs: return "_thrum_words -c";
        default: return "true";
    }
}

std::string bash_case(const DescribedCommand& command) {
    std::string text = "    " + (command.name.empty() ? "''" : command.name) + ")\n";
    std::string arguments;
    for (const DescribedOption& option : command.options) {
        if (option.is_positional() || option.argument.empty()) continue;
        arguments += fmt::format("        {}) {}; return ;;\n", joined(option.names, "|"),
                                 bash_function(completed_with(option.argument)));
    }
    if (!arguments.empty()) text += "        case $previous in\n" + arguments + "        esac\n";
    return text +
           fmt::format("        if [[ $current == -* ]]; then _thrum_words -W {}\n        else {}; fi ;;\n",
                       quoted(joined(options_of(command), " ")), bash_function(positional_of(command)));
}

constexpr std::string_view zsh_action(Completed completed) noexcept {
    switch (completed) {
        case Completed::files: return "_files";
        case Completed::folders: return "_files -/";
        case Completed::programs: return "_command_names -e";
        default: return " ";
    }
}

std::string zsh_option(const DescribedOption& option) {
    const std::string argument =
        option.argument.empty()
            ? ""
            : fmt::format(":{}:{}", zsh_text(option.argument), zsh_action(completed_with(option.argument)));
    if (option.is_positional())
        return quoted((option.is_repeated ? "*" : option.is_required ? "" : ":") + argument);
    std::string all;
    for (const std::string& name : option.names) {
        const std::string others = option.names.size() > 1 ? "(" + joined(option.names, " ") + ")" : "";
        if (!all.empty()) all += " ";
        all += quoted(others + name + "[" + zsh_text(option.text) + "]" + argument);
    }
    return all;
}

std::string zsh_arguments(const DescribedCommand& command) {
    std::string text = "_arguments -s";
    for (const DescribedOption& option : command.options) text += " \\\n            " + zsh_option(option);
    return text;
}

constexpr std::string_view fish_action(Completed completed) noexcept {
    switch (completed) {
        case Completed::files: return " -rF";
        case Completed::folders: return " -xa '(__fish_complete_directories)'";
        case Completed::programs: return " -xa '(__fish_complete_command)'";
        default: return " -x";
    }
}

std::string fish_option(const DescribedCommand& command, const DescribedOption& option) {
    std::string line = "complete -c thrum -n ";
    line += command.name.empty() ? "__fish_use_subcommand"
                                 : quoted("__fish_seen_subcommand_from " + command.name, true);
    for (const std::string& name : option.names)
        line += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
    if (!option.argument.empty()) line += fish_action(completed_with(option.argument));
    return option.is_positional() ? line + "\n" : line + " -d " + quoted(option.text, true) + "\n";
}

}  // namespace

std::string bash_completion(const std::vector<DescribedCommand>& all) {
    std::string cases;
    for (const DescribedCommand& command : all) {
        if (!command.name.empty()) cases += bash_case(command);
    }
    return fmt::format(R"(# bash completion for thrum, made from its own options
_thrum_words() {{
    mapfile -t COMPREPLY < <(compgen "$@" -- "$current")
}}
_thrum_names() {{
    compopt -o filenames 2> /dev/null
    _thrum_words "$@"
}}
_thrum() {{
    local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD - 1]}} command= i
    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        if [[ ${{COMP_WORDS[i]}} != -* ]]; then command=${{COMP_WORDS[i]}}; break; fi
    done
    case $command in
    '') _thrum_words -W {} ;;
{}    esac
}}
complete -F _thrum thrum
)",
                       quoted(joined(names_of(all), " ") + " " + joined(options_of(all.front()), " ")),
                       cases);
}

std::string zsh_completion(const std::vector<DescribedCommand>& all) {
    std::string names;
    std::string cases;
    for (const DescribedCommand& command : all) {
        if (command.name.empty()) continue;
        names += "        " + quoted(command.name + ":" + zsh_text(command.text)) + "\n";
        cases += "        " + command.name + ") " + zsh_arguments(command) + " ;;\n";
    }
    return fmt::format(
        R"(#compdef thrum
# zsh completion for thrum, made from its own options
_thrum() {{
    local context state state_descr line
    typeset -A opt_args
    local -a commands=(
{}    )
    {} \
            '1: :->command' '*:: :->arguments'
    case $state in
    command) _describe -t commands command commands ;;
    arguments)
        case $words[1] in
{}        esac ;;
    esac
}}
_thrum "$@"
)",
        names, "_arguments -C" + zsh_arguments(all.front()).substr(std::size("_arguments -s") - 1), cases);
}

std::string fish_completion(const std::vector<DescribedCommand>& all) {
    std::string text = "# fish completion for thrum, made from its own options\ncomplete -c thrum -f\n";
    for (const DescribedCommand& command : all) {
        if (!command.name.empty()) {
            text += fmt::format("complete -c thrum -n __fish_use_subcommand -a {} -d {}\n", command.name,
                                quoted(command.text, true));
        }
        for (const DescribedOption& option : command.options) {
            const bool proposes = completed_with(option.argument) != Completed::nothing;
            if (!option.is_positional() || proposes) text += fish_option(command, option);
        }
    }
    return text;
}

}  // namespace thrum::cli
