// thrum/http/internal/url_host.hpp: floor 3, http
// The host parser of WHATWG URL §3.5: domains, IPv4 in all its spellings, IPv6, opaque hosts.
#pragma once

#include <thrum/http/url.hpp>

#include <string>
#include <string_view>

namespace thrum::http::internal {

// Puts the normal form of `text` into `host`. `special` says that the scheme has domains (http, https …).
// Returns UrlError::none, or what is wrong and `host` is untouched.
UrlError parse_host(std::string_view text, bool special, std::string& host);

}  // namespace thrum::http::internal
