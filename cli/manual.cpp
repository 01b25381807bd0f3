// thrum/cli/manual.cpp: front door, cli
#include <thrum/base/text.hpp>
#include <thrum/cli/manual.hpp>

#include <fmt/format.h>

#include <string_view>
#include <utility>

namespace thrum::cli {

namespace {

// man(7), groff_char(7): what stands for itself on paper and on a screen. `is_code` keeps hyphens and quotes
// such as they are typed.
std::string roff(std::string_view text, bool is_code) {
    std::string result;
    if (!text.empty() && (text.front() == '.' || text.front() == '\'')) result += "\\&";
    for (const char c : text) {
        switch (c) {
            case '\\': result += "\\e"; break;
            case '`': result += "\\(ga"; break;
            case '^': result += "\\(ha"; break;
            case '~': result += "\\(ti"; break;
            case '"': result += "\\(dq"; break;
            case '\'': result += is_code ? "\\(aq" : "'"; break;
            case '-': result += is_code ? "\\-" : "-"; break;
            default: result += c;
        }
    }
    return result;
}

// Prose, in which words that begin with a dash are options.
std::string prose(std::string_view text) {
    std::string result;
    bool is_first = true;
    for (const std::string_view word : split(text, ' ')) {
        if (!std::exchange(is_first, false)) result += ' ';
        const bool is_code = word.starts_with('-') || word.starts_with("(-") || word.starts_with("'-");
        result += roff(word, is_code);
    }
    if (result.starts_with('.') || result.starts_with('\'')) result.insert(0, "\\&");
    return result;
}

// "  command    what it does": two columns or more apart.
std::string example(std::string_view line) {
    line.remove_prefix(2);
    const auto gap = line.find("  ");
    if (gap == line.npos) return ".TP\n.B " + roff(line, true) + "\n";
    return ".TP\n.B " + roff(line.substr(0, gap), true) + "\n" + prose(trim(line.substr(gap))) + "\n";
}

// The footer of a command's help: lines that are set in are examples, "Exit status:" begins a section of its
// own, an empty line a paragraph.
std::string sections_of(std::string_view footer) {
    constexpr std::string_view status = "Exit status: ";
    std::string examples;
    std::string notes;
    std::string statuses;
    std::string* into = &notes;
    for (std::string_view line : split(footer, '\n')) {
        if (line == "Examples:") continue;
        if (line.starts_with("  ")) {
            examples += example(line);
            continue;
        }
        if (line.starts_with(status)) {
            into = &statuses;
            line.remove_prefix(status.size());
        }
        if (!line.empty()) {
            *into += prose(line) + "\n";
        } else if (!into->empty()) {
            *into += ".PP\n";
        }
    }
    std::string text;
    if (!notes.empty()) text += ".SH NOTES\n" + notes;
    if (!statuses.empty()) text += ".SH EXIT STATUS\n" + statuses;
    if (!examples.empty()) text += ".SH EXAMPLES\n" + examples;
    return text;
}

std::string names_of(const DescribedOption& option) {
    std::string names;
    for (const std::string& name : option.names)
        names += (names.empty() ? "\\fB" : ", \\fB") + roff(name, true) + "\\fR";
    if (option.is_positional()) return "\\fI" + roff(option.argument, true) + "\\fR";
    return option.argument.empty() ? names : names + " \\fI" + roff(option.argument, true) + "\\fR";
}

std::string options_of(const DescribedCommand& command) {
    std::string text;
    for (const DescribedOption& option : command.options)
        text += ".TP\n" + names_of(option) + "\n" + prose(option.text) + "\n";
    return ".SH OPTIONS\n" + text;
}

std::string synopsis_of(const DescribedCommand& command) {
    std::string text = ".SH SYNOPSIS\n.B thrum " + command.name + "\n[\\fIOPTION\\fR]...\n";
    for (const DescribedOption& option : command.options) {
        if (!option.is_positional()) continue;
        const std::string name = "\\fI" + roff(option.argument, true) + "\\fR";
        text += (option.is_required ? name : "[" + name + "]") + (option.is_repeated ? "...\n" : "\n");
    }
    return text;
}

std::string heading(const std::string& name, const std::string& text, const std::string& version) {
    std::string title;
    for (const char c : name) title += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    return fmt::format(".TH {} 1 \"\" \"thrum {}\" \"User Commands\"\n.SH NAME\n{} \\- {}\n",
                       roff(title, true), version, roff(name, true), prose(text));
}

}  // namespace

std::string manual_of(const DescribedCommand& command, const std::string& version) {
    return heading("thrum-" + command.name, command.text, version) + synopsis_of(command) +
           options_of(command) + sections_of(command.footer) + ".SH SEE ALSO\n.BR thrum (1)\n";
}

std::string manual_of_all(const std::vector<DescribedCommand>& all, const std::string& version) {
    const DescribedCommand& thrum = all.front();
    std::string text = heading("thrum", "downloads, servers, connections and virtual environments", version) +
                       ".SH SYNOPSIS\n.B thrum\n\\fICOMMAND\\fR [\\fIOPTION\\fR]... [\\fIARGUMENT\\fR]...\n"
                       ".SH COMMANDS\n";
    std::string others;
    for (const DescribedCommand& command : all) {
        if (command.name.empty()) continue;
        const std::string page = ".BR thrum\\-" + command.name + " (1)";
        text += ".TP\n" + page + "\n" + prose(command.text) + "\n";
        others += page + (&command == &all.back() ? "\n" : ",\n");
    }
    return text + options_of(thrum) + sections_of(thrum.footer) + ".SH SEE ALSO\n" + others;
}

}  // namespace thrum::cli
