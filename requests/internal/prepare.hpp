// thrum/requests/internal/prepare.hpp: floor 4, requests
// From what the caller wrote, and what the session holds, to the request that is sent.
#pragma once

#include <thrum/requests/internal/context.hpp>
#include <thrum/requests/internal/origin.hpp>
#include <thrum/requests/options.hpp>

#include <string_view>

namespace thrum::requests::internal {

// What a session has for every request.
struct Defaults {
    http::Headers headers = {};
    Pairs params = {};
    Auth auth = {};
    Timeouts timeout = {};
    Trust trust = {};
    int max_redirects = default_max_redirects;
};

// User-Agent, Accept-Encoding and Accept.
http::Headers default_headers();

struct Job {
    PreparedRequest request;
    Context context;
    Trust trust;
    Auth auth;
    std::string cookies;  // of Options::cookies, as in a Cookie field
    bool allow_redirects;
};

// To be called once nothing is added any more, Auth included. Throws InvalidHeader where the request could
// pass for another, or for two.
void check_framing(const PreparedRequest& request);

// Throws InvalidURL, InvalidHeader, RequestException (several bodies at once).
Job prepare(const Defaults& defaults, std::string_view method, std::string_view url, const Options& options);

}  // namespace thrum::requests::internal
