// thrum/requests/session.hpp: floor 4, requests
// Session: connections, cookies and settings that requests share.
#pragma once

#include <thrum/requests/cookies.hpp>
#include <thrum/requests/options.hpp>
#include <thrum/requests/response.hpp>

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string_view>

namespace thrum::requests {

// Any number of threads may send requests over one Session at once; it keeps their connections and hands them
// out again, by scheme, host, port and trust. Settings (headers(), params(), set_…) are not to be changed
// while others send. Move-only; a streamed Response may outlive its Session.
//
// A request throws InvalidURL, InvalidHeader, ConnectionError (SSLError, InvalidResponse), Timeout
// (ConnectTimeout, ReadTimeout), TooManyRedirects, IncompleteRead, ChunkedEncodingError,
// ContentDecodingError, ContentTooLarge. A status such as 404 is an answer, not an error: see
// Response::raise_for_status(). Cancelled, and a TimeoutError of the caller's Timeout scope, end it at any
// wait.
class Session {
public:
    Session();
    Session(Session&&) noexcept;
    Session& operator=(Session&&) noexcept;
    ~Session();

    Response request(std::string_view method, std::string_view url, const Options& options = {});
    Response get(std::string_view url, const Options& options = {}) { return request("GET", url, options); }
    // Does not follow redirects unless told to, as in Python.
    Response head(std::string_view url, const Options& options = {}) { return request("HEAD", url, options); }
    Response options(std::string_view url, const Options& options = {}) {
        return request("OPTIONS", url, options);
    }
    Response post(std::string_view url, const Options& options = {}) { return request("POST", url, options); }
    Response put(std::string_view url, const Options& options = {}) { return request("PUT", url, options); }
    Response patch(std::string_view url, const Options& options = {}) {
        return request("PATCH", url, options);
    }
    Response del(std::string_view url, const Options& options = {}) {
        return request("DELETE", url, options);
    }

    // Sent with every request; one of the same name in Options replaces it. At first User-Agent,
    // Accept-Encoding and Accept.
    http::Headers& headers() noexcept;
    // Added to the query of every URL.
    Pairs& params() noexcept;
    // Any thread may use the jar at any time.
    CookieJar& cookies() noexcept;
    // For every request; not for where redirects to another origin lead.
    void set_auth(Auth auth);
    void set_timeout(Timeouts timeout);
    void set_verify(bool verify);
    void set_ca(std::filesystem::path ca);
    void set_cert(ClientCertificate cert);
    // Throws RequestException where `count` is negative.
    void set_max_redirects(int count);

    // Closes the connections that wait for their next request. The session can be used on.
    void close();
    // How many wait now.
    std::size_t idle_connections() const;

private:
    friend Response request(std::string_view method, std::string_view url, const Options& options);
    struct State;
    Response send(std::string_view method, std::string_view url, const Options& options, CookieJar& jar);

    std::unique_ptr<State> state_;
};

}  // namespace thrum::requests
