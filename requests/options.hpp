// thrum/requests/options.hpp: floor 4, requests
// Options: all that a request can be told, as the keyword arguments of Python's requests.
#pragma once

#include <thrum/http/headers.hpp>
#include <thrum/requests/auth.hpp>
#include <thrum/requests/json_body.hpp>
#include <thrum/requests/pairs.hpp>

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>

namespace thrum::requests {

inline constexpr std::chrono::nanoseconds default_connect_timeout = std::chrono::seconds(10);
inline constexpr std::chrono::nanoseconds default_read_timeout = std::chrono::seconds(60);
// Of a request whose body is not streamed; a streamed one lasts as long as bytes keep coming.
inline constexpr std::chrono::nanoseconds default_total_timeout = std::chrono::minutes(5);
inline constexpr int default_max_redirects = 20;
// Bytes of a decoded body that is kept whole in memory.
inline constexpr std::size_t default_max_content = 512 * 1024 * 1024;
// Of the descriptors that the process may have (RLIMIT_NOFILE), one in so many may be an idle connection of a
// Session, 1024 at most: the others are for what is at work.
inline constexpr std::size_t idle_share = 8;
inline constexpr std::chrono::nanoseconds no_timeout = std::chrono::nanoseconds::max();

// How long a request may wait; what is not said is taken from the session, then from the defaults above.
// {.timeout = 5s} is five seconds to connect and five for each wait for bytes, as in Python;
// {.timeout = {3s, 10s, 60s}} is connect, read and total.
struct Timeouts {
    std::optional<std::chrono::nanoseconds> connect;  // look-up, TCP and TLS together
    std::optional<std::chrono::nanoseconds> read;     // each wait for bytes, and each piece sent
    std::optional<std::chrono::nanoseconds> total;    // everything, redirects and body included

    Timeouts() = default;
    template <class Rep, class Period>
    Timeouts(std::chrono::duration<Rep, Period> both)
        : connect(std::chrono::duration_cast<std::chrono::nanoseconds>(both)), read(connect) {}
    Timeouts(std::optional<std::chrono::nanoseconds> connect, std::optional<std::chrono::nanoseconds> read,
             std::optional<std::chrono::nanoseconds> total = {})
        : connect(connect), read(read), total(total) {}
};

// Our own certificate for servers that ask for one, PEM.
struct ClientCertificate {
    std::filesystem::path certificate = {};
    std::filesystem::path key = {};  // in the certificate's file where empty
    friend bool operator==(const ClientCertificate&, const ClientCertificate&) = default;
};

// What is not said is taken from the session.
struct Options {
    Pairs params = {};                     // added to the URL's query
    http::Headers headers = {};            // in place of the session's of the same name
    Pairs data = {};                       // sent as a form
    JsonBody json = {};                    // sent as JSON
    std::optional<std::string> body = {};  // sent as it is; only one of data, json and body may be given
    Auth auth = {};
    Pairs cookies = {};  // sent besides the session's, to the URL's own origin only; not kept
    Timeouts timeout = {};
    std::optional<bool> allow_redirects = {};  // true but for HEAD, as in Python
    std::optional<bool> verify = {};           // of certificates; true
    // A PEM file or a folder of them, trusted in place of the system's. A Session reads the file (and those
    // of `cert`) once, at the first https connection that names it: a new one is seen by a new Session.
    std::filesystem::path ca = {};
    ClientCertificate cert = {};
    bool stream = false;  // read the body as it is asked for, not at once
    std::size_t max_content = default_max_content;
    // Undo Content-Encoding; where false the body is handed on as it was sent.
    bool decode = true;
};

}  // namespace thrum::requests
