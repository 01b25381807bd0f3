// thrum/http/status.hpp: floor 3, http
// Status codes and what they are called.
#pragma once

#include <string_view>

namespace thrum::http {

// "Not Found" for 404, from the registry of RFC 9110 §15 and its updates; "" for a code that it does not
// have.
std::string_view reason_phrase(int status) noexcept;

}  // namespace thrum::http
