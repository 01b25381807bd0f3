// thrum/requests/auth.cpp: floor 4, requests
// The Authorization field.
#include <thrum/requests/auth.hpp>
#include <thrum/requests/errors.hpp>
#include <thrum/requests/internal/base64.hpp>

namespace thrum::requests {

BasicAuth::BasicAuth(std::string_view user, std::string_view password) {
    // RFC 7617 §2: the first colon ends the user's name.
    if (user.find(':') != user.npos) {
        // Who puts one there has taken a token apart in the wrong place, as often as not: it is not shown.
        throw RequestException("the user name holds a colon, which Basic authentication cannot carry");
    }
    header_ = "Basic " + internal::base64_encode(std::string(user).append(":").append(password));
}

void BasicAuth::operator()(PreparedRequest& request) const { request.headers.set("Authorization", header_); }

BearerAuth::BearerAuth(std::string_view token) : header_("Bearer ") { header_ += token; }

void BearerAuth::operator()(PreparedRequest& request) const { request.headers.set("Authorization", header_); }

}  // namespace thrum::requests
