// thrum/requests/internal/exchange.hpp: floor 4, requests
// One request sent and the head of its answer received, over a connection of the pool.
#pragma once

#include <thrum/http/headers.hpp>
#include <thrum/requests/auth.hpp>
#include <thrum/requests/internal/body_source.hpp>
#include <thrum/requests/internal/context.hpp>
#include <thrum/requests/internal/pool.hpp>

#include <chrono>
#include <memory>
#include <string>

namespace thrum::requests::internal {

struct Reply {
    int status = 0;
    std::string reason = {};
    http::Headers headers = {};
    std::unique_ptr<BodySource> body = {};  // nothing where the answer has none
    std::chrono::nanoseconds elapsed = {};
};

// Throws ConnectionError and its kinds, Timeout and its kinds. A connection of the pool that turns out to be
// dead before one byte of the answer came is replaced, once and for idempotent methods only (RFC 9110
// §9.2.2).
Reply exchange(const std::shared_ptr<Pool>& pool, const PreparedRequest& request, const Trust& trust,
               const Context& context);

// Appends request line, Host first, fields, Content-Length and the empty line (RFC 9112 §3).
void write_head(std::string& out, const PreparedRequest& request);

}  // namespace thrum::requests::internal
