// thrum/http/internal/characters.hpp: floor 3, http
// The classes of characters that the grammar of HTTP is made of, as tables: one load for each byte of a head.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace thrum::http::internal {

enum CharacterClass : std::uint8_t {
    token_character = 1,   // tchar, RFC 9110 §5.6.2
    field_character = 2,   // HTAB, SP, VCHAR and obs-text, RFC 9110 §5.5
    target_character = 4,  // VCHAR but "#", which no form of a request-target has (RFC 9112 §3.2)
    host_character = 8,    // unreserved and sub-delims of a reg-name, RFC 3986 §3.2.2; "%" is apart
};

constexpr std::array<std::uint8_t, 256> make_character_classes() {
    std::array<std::uint8_t, 256> classes = {};
    for (unsigned c = 0; c < 256; ++c) {
        const bool letter_or_digit =
            (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        const auto is_one_of = [c](std::string_view set) {
            return c != 0 && c < 128 && set.find(static_cast<char>(c)) != set.npos;
        };
        if (letter_or_digit || is_one_of("!#$%&'*+-.^_`|~")) classes[c] |= token_character;
        if (c == '\t' || (c >= ' ' && c != 127)) classes[c] |= field_character;
        if (c > ' ' && c < 127 && c != '#') classes[c] |= target_character;
        if (letter_or_digit || is_one_of("-._~!$&'()*+,;=")) classes[c] |= host_character;
    }
    return classes;
}

inline constexpr std::array<std::uint8_t, 256> character_classes = make_character_classes();

constexpr bool is_class(char c, CharacterClass wanted) noexcept {
    return (character_classes[static_cast<unsigned char>(c)] & wanted) != 0;
}
constexpr bool is_token_character(char c) noexcept { return is_class(c, token_character); }
constexpr bool is_field_character(char c) noexcept { return is_class(c, field_character); }

}  // namespace thrum::http::internal
