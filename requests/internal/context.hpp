// thrum/requests/internal/context.hpp: floor 4, requests
// What is known of a request in flight: for messages, and until when it may wait.
#pragma once

#include <thrum/http/url.hpp>
#include <thrum/threads/deadline.hpp>

#include <chrono>
#include <string>

namespace thrum::requests::internal {

// The limits of a request, nothing left open.
struct Limits {
    std::chrono::nanoseconds connect;
    std::chrono::nanoseconds read;
    std::chrono::nanoseconds total;
};

struct Context {
    std::string method;
    std::string url;  // as shown to people: without its password
    Limits limits;
    Deadline deadline = never;         // by Limits::total
    std::string redirected_from = {};  // the URL that was asked for, shown; empty where it is `url`
};

// The URL as messages show it: a password becomes "***", and so does a user name without one.
std::string shown(const http::Url& url);

// "GET http://…: what", or "GET http://…, redirected from http://…: what".
std::string message(const Context& context, std::string_view what);

enum class Phase : unsigned char { connect, handshake, send, head, body };

// To be called while an exception is handled: throws in its place the RequestException that says what it
// means for this request, with the exception nested in it. RequestExceptions and Cancelled pass unchanged;
// a TimeoutError of the caller's own Timeout scope (its deadline is `outer`) stays one and names the request.
[[noreturn]] void rethrow_for(const Context& context, Phase phase, Deadline outer);

}  // namespace thrum::requests::internal
