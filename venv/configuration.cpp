// thrum/venv/configuration.cpp: floor 5, venv
#include <thrum/base/file.hpp>
#include <thrum/base/text.hpp>
#include <thrum/venv/configuration.hpp>
#include <thrum/venv/errors.hpp>

#include <fmt/format.h>

#include <cstdint>
#include <iterator>

namespace thrum::venv {
namespace {

struct Character {
    std::uint32_t code = 0;
    std::size_t length = 1;  // bytes
    bool valid = false;
};

// The UTF-8 character at the beginning of `text`, which is not empty (RFC 3629: no surrogates, no long
// forms).
Character first_character(std::string_view text) noexcept {
    const auto byte = [&text](std::size_t index) { return static_cast<unsigned char>(text[index]); };
    const unsigned lead = byte(0);
    if (lead < 0x80) return {lead, 1, true};
    const std::size_t length = lead >= 0xF0 && lead < 0xF5   ? 4
                               : lead >= 0xE0 && lead < 0xF0 ? 3
                               : lead >= 0xC2 && lead < 0xE0 ? 2
                                                             : 0;
    if (length == 0 || length > text.size()) return {lead, 1, false};
    std::uint32_t code = lead & (0xFFu >> (length + 1));
    for (std::size_t index = 1; index < length; ++index) {
        if ((byte(index) & 0xC0) != 0x80) return {lead, 1, false};
        code = code << 6 | (byte(index) & 0x3Fu);
    }
    const bool too_long = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
    const bool surrogate = code >= 0xD800 && code < 0xE000;
    if (too_long || surrogate || code > 0x10FFFF) return {lead, 1, false};
    return {code, length, true};
}

bool breaks_a_line(std::uint32_t code) noexcept { return code == 0x2028 || code == 0x2029; }
bool is_control(std::uint32_t code) noexcept { return code < 0x20 || (code >= 0x7F && code < 0xA0); }

// Appends the first character of `text`, escaped where it must be; returns its length.
std::size_t append_shown(std::string_view text, std::string& result) {
    const Character character = first_character(text);
    auto out = std::back_inserter(result);
    if (!character.valid) {
        fmt::format_to(out, "\\x{:02x}", character.code);
    } else if (character.code == '\n') {
        result += "\\n";
    } else if (character.code == '\r') {
        result += "\\r";
    } else if (character.code == '\t') {
        result += "\\t";
    } else if (is_control(character.code)) {
        fmt::format_to(out, "\\x{:02x}", character.code);
    } else if (breaks_a_line(character.code)) {
        fmt::format_to(out, "\\u{:04x}", character.code);
    } else {
        result.append(text.substr(0, character.length));
    }
    return character.length;
}

}  // namespace

Configuration parse_configuration(std::string_view text) {
    Configuration result;
    // Python's universal newlines: "\r\n" and "\r" end lines too.
    while (!text.empty()) {
        const std::size_t end = std::min(text.find_first_of("\r\n"), text.size());
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        const std::size_t equals = line.find('=');
        if (equals == line.npos) continue;
        result.insert_or_assign(to_lower(trim(line.substr(0, equals))),
                                std::string(trim(line.substr(equals + 1))));
    }
    return result;
}

Configuration read_configuration(const std::filesystem::path& folder) {
    try {
        return parse_configuration(read_file(folder / configuration_name));
    } catch (const OSError& error) {
        if (error.code() != ENOENT && error.code() != ENOTDIR) throw;
        throw NotAnEnvironmentError(folder.string() + " is not a virtual environment: it has no " +
                                    configuration_name + "; make one with thrum venv");
    }
}

std::string_view value_of(const Configuration& configuration, std::string_view key) noexcept {
    const auto found = configuration.find(key);
    return found == configuration.end() ? std::string_view() : std::string_view(found->second);
}

std::string python_repr(std::string_view text) {
    const char quote = text.find('\'') != text.npos && text.find('"') == text.npos ? '"' : '\'';
    std::string result(1, quote);
    while (!text.empty()) {
        if (text.front() == quote || text.front() == '\\') result += '\\';
        text.remove_prefix(append_shown(text, result));
    }
    return result + quote;
}

std::string on_one_line(std::string_view text) {
    std::string result;
    while (!text.empty()) text.remove_prefix(append_shown(text, result));
    return result;
}

bool is_configuration_value(std::string_view text) noexcept {
    constexpr std::string_view spaces = " \t\v\f\x1c\x1d\x1e\x1f";
    if (trim(text, spaces) != text) return false;
    while (!text.empty()) {
        const Character character = first_character(text);
        if (!character.valid || character.code == '\n' || character.code == '\r') return false;
        text.remove_prefix(character.length);
    }
    return true;
}

}  // namespace thrum::venv
