// thrum/requests/internal/base64.hpp: floor 4, requests
// Base 64 of RFC 4648 §4, for credentials.
#pragma once

#include <string>
#include <string_view>

namespace thrum::requests::internal {

std::string base64_encode(std::string_view bytes);

}  // namespace thrum::requests::internal
