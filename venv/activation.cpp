// thrum/venv/activation.cpp: floor 5, venv
#include <thrum/base/text.hpp>
#include <thrum/venv/activation.hpp>
#include <thrum/venv/internal/activation_scripts.hpp>

#include <algorithm>

namespace thrum::venv {
namespace {

using Replacement = std::pair<std::string_view, std::string>;

// One pass over `text`, so that a mark inside a replacement stays text.
std::string fill(std::string_view text, const std::vector<Replacement>& replacements) {
    std::string result;
    while (!text.empty()) {
        const std::size_t start = std::min(text.find('@'), text.size());
        result.append(text.substr(0, start));
        text.remove_prefix(start);
        if (text.empty()) break;
        const auto found = std::ranges::find_if(replacements, [&text](const Replacement& replacement) {
            return text.starts_with(replacement.first);
        });
        result.append(found == replacements.end() ? text.substr(0, 1) : std::string_view(found->second));
        text.remove_prefix(found == replacements.end() ? 1 : found->first.size());
    }
    return result;
}

// cmd wants "\r\n"; a label or a long line can be misread without.
std::string with_carriage_returns(std::string_view text) {
    std::string result;
    for (const char c : text) {
        if (c == '\n') result += '\r';
        result += c;
    }
    return result;
}

std::string quoted(std::string_view text, std::string_view quote, std::string_view special,
                   std::string_view before) {
    std::string result(quote);
    for (const char c : text) {
        if (special.find(c) != special.npos) result.append(before);
        result += c;
    }
    return result.append(quote);
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

}  // namespace

std::string plain_prompt(std::string_view text) {
    std::string result(text);
    for (char& c : result) {
        if (is_control(c) || std::string_view("$`\\!%").find(c) != std::string_view::npos) c = '_';
    }
    return result;
}

std::string posix_quote(std::string_view text) {
    std::string result = "'";
    for (const char c : text) {
        if (c == '\'') {
            result += "'\\''";
        } else {
            result += c;
        }
    }
    return result + '\'';
}

std::string fish_quote(std::string_view text) { return quoted(text, "'", "\\'", "\\"); }

std::string csh_quote(std::string_view text) {
    std::string result = "'";
    for (const char c : text) {
        if (c == '\'' || c == '!' || c == '\\') {
            result.append("'\\").append(1, c).append("'");
        } else {
            result += c == '\n' ? '_' : c;
        }
    }
    return result + '\'';
}

std::string powershell_quote(std::string_view text) {
    std::string result = "'";
    while (!text.empty()) {
        // U+2018 to U+201B are E2 80 98 to E2 80 9B.
        const bool curly =
            text.size() >= 3 && text.starts_with("\xE2\x80") && text[2] >= '\x98' && text[2] <= '\x9B';
        const std::size_t length = curly ? 3 : 1;
        const std::string_view character = text.substr(0, length);
        if (curly || character == "'") result.append(character);
        result.append(character);
        text.remove_prefix(length);
    }
    return result + '\'';
}

std::string batch_text(std::string_view text) {
    std::string result(text);
    for (char& c : result) {
        if (!is_alpha(c) && !is_digit(c) && std::string_view(" _-+.,@#()").find(c) == std::string_view::npos)
            c = '_';
    }
    return result;
}

std::vector<ActivationScript> activation_scripts(const std::filesystem::path& folder,
                                                 std::string_view scripts, std::string_view prompt) {
    const std::string root = folder.string();
    const std::string bin = (folder / scripts).string();
    const std::string plain = plain_prompt(prompt);
    // Windows PowerShell takes a script without a byte order mark for the system's legacy encoding.
    const bool ascii =
        std::ranges::all_of(prompt, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
    const auto script = [&](std::string_view text, std::string (*quote)(std::string_view)) {
        std::string shown = plain;
        // In a prompt, csh takes ^X for a control character: ^[ would speak to the terminal.
        if (quote == csh_quote) std::ranges::replace(shown, '^', '_');
        return fill(text, {{"@ROOT@", quote(root)},
                           {"@BIN@", quote(bin)},
                           {"@PROMPT@", quote(prompt)},
                           {"@PLAIN_PROMPT@", quote(shown)}});
    };
    return {
        {"activate", script(internal::posix_activation, posix_quote)},
        {"activate.csh", root.find('\n') == root.npos ? script(internal::csh_activation, csh_quote)
                                                      : std::string(internal::csh_refusal)},
        {"activate.fish", script(internal::fish_activation, fish_quote)},
        {"Activate.ps1",
         (ascii ? "" : "\xEF\xBB\xBF") + script(internal::powershell_activation, powershell_quote)},
        {"activate.bat", with_carriage_returns(script(internal::batch_activation, batch_text))},
        {"deactivate.bat", with_carriage_returns(internal::batch_deactivation)},
    };
}

std::string activation_command(std::string_view shell, const std::filesystem::path& folder) {
    const std::string_view name = shell.substr(shell.rfind('/') + 1);  // npos + 1 is 0
    const auto word = [](std::string_view path, std::string (*quote)(std::string_view)) {
        const bool plain = std::ranges::all_of(path, [](char c) {
            return is_alpha(c) || is_digit(c) || std::string_view("/._-+").find(c) != std::string_view::npos;
        });
        return plain ? std::string(path) : quote(path);
    };
    const std::string bin = (folder / "bin").string();
    if (name == "fish") return "source " + word(bin + "/activate.fish", fish_quote);
    if (name == "csh" || name == "tcsh") return "source " + word(bin + "/activate.csh", csh_quote);
    if (name == "pwsh") return "& " + word(bin + "/Activate.ps1", powershell_quote);
    // dash has no `source`, and looks a word without a slash up on PATH.
    const std::string script = word(bin + "/activate", posix_quote);
    return (name == "bash" || name == "zsh" ? "source " : ". ") + script;
}

}  // namespace thrum::venv
