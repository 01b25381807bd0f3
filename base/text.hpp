// thrum/base/text.hpp: floor 0, base
// Small questions about ASCII text, the same on every floor and in every locale.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace thrum {

constexpr char ascii_lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
constexpr bool is_alpha(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr int hex_value(char c) noexcept {
    if (is_digit(c)) return c - '0';
    const char lower = ascii_lower(c);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

std::string to_lower(std::string_view text);
// Equal but for the case of ASCII letters.
bool iequals(std::string_view a, std::string_view b) noexcept;
// Without leading and trailing characters of `set`.
std::string_view trim(std::string_view text, std::string_view set = " \t\r\n") noexcept;
// The pieces between separators; "" gives one empty piece.
std::vector<std::string_view> split(std::string_view text, char separator);
// All of `text` as an unsigned decimal or hexadecimal number; nothing where it is empty, signed, has another
// character, or does not fit 64 bits.
std::optional<unsigned long long> parse_unsigned(std::string_view text, int base = 10) noexcept;
// "%C3%A9" for "é": every byte but RFC 3986's unreserved ones and those of `keep` is escaped.
std::string percent_encode(std::string_view text, std::string_view keep = "");
// The reverse; a "%" not followed by two hexadecimal digits stays as it is.
std::string percent_decode(std::string_view text);

}  // namespace thrum
