// thrum/http/internal/percent.hpp: floor 3, http
// The percent-encode sets of WHATWG URL §1.3, byte by byte.
#pragma once

#include <string>
#include <string_view>

namespace thrum::http::internal {

// Each set holds the one before it, as the standard builds them, save `special_query` and `form`.
enum class EncodeSet : unsigned char { c0_control, fragment, query, special_query, path, userinfo, form };

constexpr bool must_encode(char c, EncodeSet set) noexcept {
    const auto is_one_of = [c](std::string_view characters) { return characters.find(c) != characters.npos; };
    if (c < ' ' || c == 127) return true;  // also every byte above ASCII, where char is signed
    if (static_cast<unsigned char>(c) > 127) return true;
    switch (set) {
        case EncodeSet::c0_control: return false;
        case EncodeSet::fragment: return is_one_of(" \"<>`");
        case EncodeSet::query: return is_one_of(" \"#<>");
        case EncodeSet::special_query: return is_one_of(" \"#<>'");
        case EncodeSet::path: return is_one_of(" \"#<>?^`{}");
        case EncodeSet::userinfo: return is_one_of(" \"#<>?^`{}/:;=@[\\]|");
        case EncodeSet::form:
            return !((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                     is_one_of("*-._"));
    }
    return true;
}

inline void append_percent_encoded(std::string& out, char c, EncodeSet set) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    if (!must_encode(c, set)) {
        out += c;
        return;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += digits[byte >> 4];
    out += digits[byte & 15];
}

}  // namespace thrum::http::internal
