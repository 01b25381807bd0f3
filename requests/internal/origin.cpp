// thrum/requests/internal/origin.cpp: floor 4, requests
// Comparing and hashing origins.
#include <thrum/requests/internal/origin.hpp>

#include <functional>

namespace thrum::requests::internal {

Origin Origin::of(const http::Url& url, const Trust& trust) {
    return {url.scheme(), url.host(), url.port(), url.scheme() == "https" ? trust : Trust()};
}

std::size_t OriginHash::operator()(const Origin& origin) const noexcept {
    // The rest seldom differs where host and port are the same.
    return std::hash<std::string>()(origin.host) * 31 + origin.port;
}

bool same_origin(const http::Url& a, const http::Url& b) noexcept {
    return a.scheme() == b.scheme() && a.host() == b.host() && a.port() == b.port();
}

}  // namespace thrum::requests::internal
