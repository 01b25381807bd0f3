// thrum/requests/internal/origin.hpp: floor 4, requests
// Origin: what two requests must share to share a connection.
#pragma once

#include <thrum/http/url.hpp>
#include <thrum/requests/options.hpp>

#include <cstdint>
#include <filesystem>
#include <string>

namespace thrum::requests::internal {

// How the peer's certificate is judged, and how we show our own.
struct Trust {
    bool verify = true;
    std::filesystem::path ca = {};
    ClientCertificate cert = {};
    friend bool operator==(const Trust&, const Trust&) = default;
};

// RFC 9110 §4.3.1, and the trust: a connection that was made without looking at the certificate must not
// serve a request that asks for it.
struct Origin {
    std::string scheme;
    std::string host;  // in brackets where it is IPv6
    std::uint16_t port = 0;
    Trust trust = {};

    static Origin of(const http::Url& url, const Trust& trust);
    friend bool operator==(const Origin&, const Origin&) = default;
};

struct OriginHash {
    std::size_t operator()(const Origin& origin) const noexcept;
};

// Same scheme, host and port.
bool same_origin(const http::Url& a, const http::Url& b) noexcept;

}  // namespace thrum::requests::internal
