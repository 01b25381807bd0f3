// thrum/fetch/utf8.hpp: floor 5, fetch
// Text by the character: decoding that survives any bytes, and how many columns of a terminal a text takes.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace thrum::fetch {

// One character of a text: `length` bytes long; where `valid` is false, a byte that is not UTF-8.
struct Character {
    char32_t code = 0;
    std::size_t length = 1;
    bool valid = false;
};

// The first character of `text`, which is not empty. Follows RFC 3629: overlong forms, surrogates and what
// lies beyond U+10FFFF are not valid.
Character first_character(std::string_view text) noexcept;

// Appends U+0000 to U+10FFFF as UTF-8.
void append_utf8(std::string& text, char32_t code);

// C0, DEL, C1, line and paragraph separators, and what turns or hides the direction of text (a name can look
// like another by them). Such characters go to no terminal and into no file name.
bool is_treacherous(char32_t code) noexcept;

// Columns: 2 for East Asian wide and emoji, 0 for combining marks (UAX #11), else 1.
int character_width(char32_t code) noexcept;

// Columns of a whole text; a byte that is not UTF-8 counts as the "?" that printable() makes of it.
std::size_t text_width(std::string_view text) noexcept;

// `text` with "?" in place of each treacherous character and each invalid byte.
std::string printable(std::string_view text);

// printable(text) in at most `columns`, cut in the middle with "…" (or "~" where not `unicode`) so that the
// ending of a name stays to be seen.
std::string fit_text(std::string_view text, std::size_t columns, bool unicode = true);

}  // namespace thrum::fetch
