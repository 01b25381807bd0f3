// thrum/http/internal/authority.hpp: floor 3, http
// Host and port as the Host field and request targets write them.
#pragma once

#include <string_view>

namespace thrum::http::internal {

// uri-host [ ":" port ] of RFC 9110 §7.2: a name, an IPv4 address or an IPv6 address in brackets, never empty
// and never with user information; the port, where written, from 0 to 65535.
bool is_authority(std::string_view text) noexcept;
// The same with a port that is really there, as CONNECT wants it (RFC 9112 §3.2.3).
bool is_authority_with_port(std::string_view text) noexcept;

}  // namespace thrum::http::internal
