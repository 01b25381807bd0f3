// thrum/sockets/internal/tls_server_name.hpp: floor 2, sockets
// The name that a client asks for in its first message.
#pragma once

#include <optional>
#include <span>
#include <string>

namespace thrum::internal {

// The host_name in the body of a server_name extension (RFC 6066 §3), in lower case and without a last dot;
// nothing where the body is malformed or the name could not be one.
std::optional<std::string> parse_server_name(std::span<const unsigned char> extension);

}  // namespace thrum::internal
