// thrum/requests/internal/redirect.hpp: floor 4, requests
// Redirects: where they lead, and what of the request goes along (RFC 9110 §15.4).
#pragma once

#include <thrum/requests/auth.hpp>
#include <thrum/requests/internal/context.hpp>

namespace thrum::requests::internal {

// 301, 302, 303, 307 or 308 with a Location.
bool is_redirect(int status, const http::Headers& headers) noexcept;

// Where a Location leads, for messages: no password in it.
std::string shown_location(const http::Url& from, std::string_view location);

// Makes of `request`, which was answered by `status` with `headers`, the one to send next. Method and body
// change as in Python's requests: 303 becomes GET (HEAD stays), so does 302, and POST on 301; a GET or HEAD
// that was rewritten so, or was one before, has no body any more. Credentials and cookies do not go to
// another origin. Returns whether the origin is still the same. Throws InvalidURL where Location leads
// nowhere that is http or https.
bool follow(PreparedRequest& request, int status, const http::Headers& headers, const Context& context);

}  // namespace thrum::requests::internal
