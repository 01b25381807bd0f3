// thrum/http/internal/url_host.cpp: floor 3, http
#include <thrum/base/text.hpp>
#include <thrum/http/internal/percent.hpp>
#include <thrum/http/internal/url_host.hpp>

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <optional>
#include <vector>

namespace thrum::http::internal {
namespace {

using namespace std::string_view_literals;

// Forbidden host code points, WHATWG URL §3.2.
constexpr std::string_view forbidden_in_host = "\0\t\n\r #/:<>?@[\\]^|"sv;

constexpr bool is_forbidden_in_domain(char c) noexcept {
    return (c >= 0 && c < ' ') || c == '%' || c == 127 || forbidden_in_host.find(c) != forbidden_in_host.npos;
}

// Above any number that an address can hold.
constexpr std::uint64_t beyond_ipv4 = std::uint64_t{1} << 33;

// The IPv4 number parser, §3.5: decimal, "0x" hexadecimal or "0" octal. A number too large gives
// `beyond_ipv4`.
std::optional<std::uint64_t> parse_ipv4_number(std::string_view text) noexcept {
    if (text.empty()) return std::nullopt;
    int base = 10;
    if (text.size() >= 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
        base = 16;
        text.remove_prefix(2);
    } else if (text.size() >= 2 && text[0] == '0') {
        base = 8;
        text.remove_prefix(1);
    }
    std::uint64_t number = 0;
    for (char c : text) {
        const int digit = hex_value(c);
        if (digit < 0 || digit >= base) return std::nullopt;
        number = std::min(number * static_cast<unsigned>(base) + static_cast<unsigned>(digit), beyond_ipv4);
    }
    return number;
}

// Whether the domain must be read as an IPv4 address: the ends-in-a-number checker, §3.5.
bool ends_in_number(std::string_view domain) noexcept {
    if (domain.ends_with('.')) domain.remove_suffix(1);
    const auto dot = domain.rfind('.');
    const std::string_view last = dot == domain.npos ? domain : domain.substr(dot + 1);
    if (last.empty()) return false;
    return std::all_of(last.begin(), last.end(), is_digit) || parse_ipv4_number(last).has_value();
}

UrlError parse_ipv4(std::string_view domain, std::string& host) {
    std::vector<std::string_view> parts = split(domain, '.');
    if (parts.back().empty() && parts.size() > 1) parts.pop_back();
    if (parts.size() > 4) return UrlError::invalid_ipv4;
    std::uint64_t address = 0;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        const auto number = parse_ipv4_number(parts[i]);
        if (!number) return UrlError::invalid_ipv4;
        // The last number fills all the bytes that are left.
        const bool is_last = i + 1 == parts.size();
        const unsigned bytes = is_last ? 5 - static_cast<unsigned>(parts.size()) : 1;
        if (*number >= std::uint64_t{1} << (8 * bytes)) return UrlError::invalid_ipv4;
        address = (address << (8 * bytes)) | *number;
    }
    std::array<char, 16> text;
    const int size =
        std::snprintf(text.data(), text.size(), "%u.%u.%u.%u", static_cast<unsigned>(address >> 24) & 255,
                      static_cast<unsigned>(address >> 16) & 255, static_cast<unsigned>(address >> 8) & 255,
                      static_cast<unsigned>(address) & 255);
    host.assign(text.data(), static_cast<std::size_t>(size));
    return UrlError::none;
}

// The IPv6 serializer, §3.6: the first longest run of zero pieces becomes "::"; never dotted.
std::string ipv6_to_string(const std::array<unsigned, 8>& pieces) {
    std::size_t run_start = 8;
    std::size_t run_size = 1;  // a single zero is not shortened
    for (std::size_t i = 0; i < 8;) {
        std::size_t end = i;
        while (end < 8 && pieces[end] == 0) ++end;
        if (end - i > run_size) {
            run_start = i;
            run_size = end - i;
        }
        i = end == i ? i + 1 : end;
    }
    std::string text = "[";
    for (std::size_t i = 0; i < 8; ++i) {
        if (i == run_start) {
            text += i == 0 ? "::" : ":";
            i += run_size - 1;
            continue;
        }
        std::array<char, 6> piece;
        const int size =
            std::snprintf(piece.data(), piece.size(), i == 7 ? "%x" : "%x:", pieces[i] & 0xffffU);
        text.append(piece.data(), static_cast<std::size_t>(size));
    }
    return text + "]";
}

UrlError parse_ipv6(std::string_view text, std::string& host) {
    std::array<char, INET6_ADDRSTRLEN> terminated = {};
    std::array<unsigned char, 16> bytes;
    if (text.size() >= terminated.size() || text.find('\0') != text.npos) return UrlError::invalid_ipv6;
    std::copy(text.begin(), text.end(), terminated.begin());
    if (inet_pton(AF_INET6, terminated.data(), bytes.data()) != 1) return UrlError::invalid_ipv6;
    std::array<unsigned, 8> pieces;
    for (std::size_t i = 0; i < 8; ++i) pieces[i] = bytes[2 * i] * 256U + bytes[2 * i + 1];
    host = ipv6_to_string(pieces);
    return UrlError::none;
}

UrlError parse_opaque_host(std::string_view text, std::string& host) {
    std::string encoded;
    for (char c : text) {
        if (forbidden_in_host.find(c) != forbidden_in_host.npos) return UrlError::invalid_host_character;
        append_percent_encoded(encoded, c, EncodeSet::c0_control);
    }
    host = std::move(encoded);
    return UrlError::none;
}

}  // namespace

UrlError parse_host(std::string_view text, bool special, std::string& host) {
    if (text.starts_with('[')) {
        if (!text.ends_with(']')) return UrlError::invalid_ipv6;
        return parse_ipv6(text.substr(1, text.size() - 2), host);
    }
    if (!special) return parse_opaque_host(text, host);
    std::string domain = percent_decode(text);
    // Here IDNA (UTS #46) will map domains beyond ASCII and check "xn--" labels.
    if (std::any_of(domain.begin(), domain.end(),
                    [](char c) { return static_cast<unsigned char>(c) > 127; })) {
        return UrlError::non_ascii_host;
    }
    std::transform(domain.begin(), domain.end(), domain.begin(), ascii_lower);
    if (domain.empty()) return UrlError::missing_host;
    if (std::any_of(domain.begin(), domain.end(), is_forbidden_in_domain))
        return UrlError::invalid_host_character;
    if (ends_in_number(domain)) return parse_ipv4(domain, host);
    host = std::move(domain);
    return UrlError::none;
}

}  // namespace thrum::http::internal
