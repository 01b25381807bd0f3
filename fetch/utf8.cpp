// thrum/fetch/utf8.cpp: floor 5, fetch
#include <thrum/fetch/utf8.hpp>

#include <algorithm>
#include <iterator>

namespace thrum::fetch {

namespace {

struct Range {
    char32_t first;
    char32_t last;
};

// Blocks of which (nearly) all is wide, from Unicode's EastAsianWidth.txt, and the emoji most seen.
constexpr Range wide[] = {
    {0x1100, 0x115F},   {0x231A, 0x231B},   {0x2329, 0x232A},   {0x23E9, 0x23EC},   {0x25FD, 0x25FE},
    {0x2614, 0x2615},   {0x2648, 0x2653},   {0x26A1, 0x26A1},   {0x2705, 0x2705},   {0x270A, 0x270B},
    {0x2728, 0x2728},   {0x274C, 0x274C},   {0x2753, 0x2755},   {0x2795, 0x2797},   {0x2B1B, 0x2B1C},
    {0x2B50, 0x2B50},   {0x2E80, 0x303E},   {0x3041, 0x33FF},   {0x3400, 0x4DBF},   {0x4E00, 0x9FFF},
    {0xA000, 0xA4CF},   {0xA960, 0xA97F},   {0xAC00, 0xD7A3},   {0xF900, 0xFAFF},   {0xFE30, 0xFE6F},
    {0xFF00, 0xFF60},   {0xFFE0, 0xFFE6},   {0x16FE0, 0x18AFF}, {0x1B000, 0x1B2FF}, {0x1F004, 0x1F004},
    {0x1F18E, 0x1F18E}, {0x1F191, 0x1F19A}, {0x1F200, 0x1F265}, {0x1F300, 0x1F320}, {0x1F32D, 0x1F335},
    {0x1F337, 0x1F37C}, {0x1F37E, 0x1F393}, {0x1F3A0, 0x1F3CA}, {0x1F3E0, 0x1F3F0}, {0x1F400, 0x1F43E},
    {0x1F440, 0x1F440}, {0x1F442, 0x1F4FC}, {0x1F4FF, 0x1F53D}, {0x1F550, 0x1F567}, {0x1F5FB, 0x1F64F},
    {0x1F680, 0x1F6C5}, {0x1F6D0, 0x1F6D2}, {0x1F6EB, 0x1F6EC}, {0x1F6F4, 0x1F6FC}, {0x1F7E0, 0x1F7EB},
    {0x1F90C, 0x1F9FF}, {0x1FA70, 0x1FAFF}, {0x20000, 0x3FFFD},
};

// General categories Mn, Me and the zero-width Cf, by block.
constexpr Range zero_width[] = {
    {0x0300, 0x036F}, {0x0483, 0x0489}, {0x0591, 0x05BD},   {0x05BF, 0x05BF}, {0x05C1, 0x05C2},
    {0x0610, 0x061A}, {0x064B, 0x065F}, {0x0670, 0x0670},   {0x06D6, 0x06DC}, {0x06DF, 0x06E4},
    {0x0900, 0x0902}, {0x093C, 0x093C}, {0x0941, 0x0948},   {0x094D, 0x094D}, {0x0E31, 0x0E31},
    {0x0E34, 0x0E3A}, {0x0E47, 0x0E4E}, {0x1AB0, 0x1ACE},   {0x1DC0, 0x1DFF}, {0x200B, 0x200D},
    {0x2060, 0x2064}, {0x20D0, 0x20F0}, {0x302A, 0x302D},   {0x3099, 0x309A}, {0xFE00, 0xFE0F},
    {0xFE20, 0xFE2F}, {0xFEFF, 0xFEFF}, {0xE0100, 0xE01EF},
};

template <std::size_t size>
bool is_in(const Range (&ranges)[size], char32_t code) noexcept {
    const Range* const found =
        std::lower_bound(std::begin(ranges), std::end(ranges), code,
                         [](const Range& range, char32_t c) { return range.last < c; });
    return found != std::end(ranges) && found->first <= code;
}

}  // namespace

Character first_character(std::string_view text) noexcept {
    const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
    const unsigned lead = byte(0);
    if (lead < 0x80) return {lead, 1, true};
    const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return {lead, 1, false};
    char32_t code = lead & (0x7FU >> length);
    for (std::size_t at = 1; at < length; ++at) {
        if ((byte(at) & 0xC0) != 0x80) return {lead, 1, false};
        code = code << 6 | (byte(at) & 0x3F);
    }
    constexpr char32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (code < least[length] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF))
        return {lead, 1, false};
    return {code, length, true};
}

void append_utf8(std::string& text, char32_t code) {
    const auto put = [&](char32_t byte) { text += static_cast<char>(byte); };
    if (code < 0x80) {
        put(code);
    } else if (code < 0x800) {
        put(0xC0 | code >> 6);
        put(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
        put(0xE0 | code >> 12);
        put(0x80 | (code >> 6 & 0x3F));
        put(0x80 | (code & 0x3F));
    } else {
        put(0xF0 | code >> 18);
        put(0x80 | (code >> 12 & 0x3F));
        put(0x80 | (code >> 6 & 0x3F));
        put(0x80 | (code & 0x3F));
    }
}

bool is_treacherous(char32_t code) noexcept {
    return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0x61C || code == 0x200E ||
           code == 0x200F || (code >= 0x2028 && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
}

int character_width(char32_t code) noexcept {
    if (code < 0x300) return 1;
    if (is_in(zero_width, code)) return 0;
    return is_in(wide, code) ? 2 : 1;
}

std::size_t text_width(std::string_view text) noexcept {
    std::size_t columns = 0;
    while (!text.empty()) {
        const Character character = first_character(text);
        columns += character.valid ? static_cast<std::size_t>(character_width(character.code)) : 1;
        text.remove_prefix(character.length);
    }
    return columns;
}

std::string printable(std::string_view text) {
    std::string shown;
    shown.reserve(text.size());
    while (!text.empty()) {
        const Character character = first_character(text);
        if (character.valid && !is_treacherous(character.code)) {
            shown += text.substr(0, character.length);
        } else {
            shown += '?';
        }
        text.remove_prefix(character.length);
    }
    return shown;
}

std::string fit_text(std::string_view text, std::size_t columns, bool unicode) {
    std::string whole = printable(text);
    const std::size_t width = text_width(whole);
    if (width <= columns) return whole;
    if (columns == 0) return {};
    // Half for the end: names of one family differ there, by a number before their extension.
    const std::size_t tail_columns = columns / 2;
    const std::size_t head_columns = columns - 1 - tail_columns;
    std::string head;
    std::string_view rest = whole;
    for (std::size_t used = 0; !rest.empty();) {
        const Character character = first_character(rest);
        used += static_cast<std::size_t>(character_width(character.code));
        if (used > head_columns) break;
        head += rest.substr(0, character.length);
        rest.remove_prefix(character.length);
    }
    // What is cut away from the front of the rest: as many columns as make the tail fit.
    for (std::size_t left = text_width(rest); left > tail_columns && !rest.empty();) {
        const Character character = first_character(rest);
        left -= static_cast<std::size_t>(character_width(character.code));
        rest.remove_prefix(character.length);
    }
    // A combining mark does not belong to the sign of the cut.
    while (!rest.empty() && character_width(first_character(rest).code) == 0) {
        rest.remove_prefix(first_character(rest).length);
    }
    return head + (unicode ? "…" : "~") + std::string(rest);
}

}  // namespace thrum::fetch
