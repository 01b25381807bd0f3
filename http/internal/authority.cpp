// thrum/http/internal/authority.cpp: floor 3, http
#include <thrum/base/text.hpp>
#include <thrum/http/internal/authority.hpp>
#include <thrum/http/internal/characters.hpp>

#include <arpa/inet.h>

#include <algorithm>
#include <array>

namespace thrum::http::internal {
namespace {

constexpr std::size_t port_digits_limit = 5;

bool is_ipv6(std::string_view text) noexcept {
    std::array<char, INET6_ADDRSTRLEN> terminated = {};
    std::array<unsigned char, 16> bytes;
    if (text.size() >= terminated.size() || text.find('\0') != text.npos) return false;
    std::copy(text.begin(), text.end(), terminated.begin());
    return inet_pton(AF_INET6, terminated.data(), bytes.data()) == 1;
}

// reg-name or IPv4 address, RFC 3986 §3.2.2.
bool is_name(std::string_view text) noexcept {
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%') {
            if (i + 2 >= text.size() || hex_value(text[i + 1]) < 0 || hex_value(text[i + 2]) < 0)
                return false;
            i += 2;
        } else if (!is_class(text[i], host_character)) {
            return false;
        }
    }
    return !text.empty();
}

bool is_port(std::string_view text) noexcept {
    if (text.size() > port_digits_limit || !std::all_of(text.begin(), text.end(), is_digit)) return false;
    return text.empty() || *parse_unsigned(text) <= 65535;
}

// Sets `port` to what follows the host; false where the host is wrong.
bool split_host(std::string_view text, std::string_view& port) noexcept {
    if (text.starts_with('[')) {
        const auto bracket = text.find(']');
        if (bracket == text.npos || !is_ipv6(text.substr(1, bracket - 1))) return false;
        port = text.substr(bracket + 1);
        return true;
    }
    const auto colon = std::min(text.find(':'), text.size());
    port = text.substr(colon);
    return is_name(text.substr(0, colon));
}

}  // namespace

bool is_authority(std::string_view text) noexcept {
    std::string_view port;
    if (!split_host(text, port)) return false;
    return port.empty() || (port.front() == ':' && is_port(port.substr(1)));
}

bool is_authority_with_port(std::string_view text) noexcept {
    std::string_view port;
    return split_host(text, port) && port.size() > 1 && port.front() == ':' && is_port(port.substr(1));
}

}  // namespace thrum::http::internal
