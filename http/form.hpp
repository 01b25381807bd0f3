// thrum/http/form.hpp: floor 3, http
// Names and values as forms and query strings carry them: application/x-www-form-urlencoded.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace thrum::http {

// Names with their values, in order; a name may come several times.
using Params = std::vector<std::pair<std::string, std::string>>;

// "q=threads+%26+sockets&page=2" (WHATWG URL §5.2; values are taken as UTF-8).
std::string form_encode(const Params& params);
// The reverse (WHATWG URL §5.1): "+" is a space, "%XX" a byte, a piece without "=" has an empty value. Never
// fails.
Params form_decode(std::string_view text);

}  // namespace thrum::http
