// thrum/requests/errors.hpp: floor 4, requests
// What can go wrong with a request: the tree of Python's requests.exceptions, below thrum::Error.
#pragma once

#include <thrum/base/errors.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace thrum::requests {

// The root. what() names the method, the URL without its password (after redirects, the first one too), and
// the cause. The exception of the floor below that it came from, where there is one, is nested in it
// (std::rethrow_if_nested). `Cancelled` is never wrapped, and the TimeoutError of a Timeout scope of the
// caller's own stays one, naming the request.
class RequestException : public Error {
public:
    explicit RequestException(const std::string& what, std::string url = {})
        : Error(what), url_(std::move(url)) {}
    // The URL that failed, its password masked; empty where there is none.
    const std::string& url() const noexcept { return url_; }

private:
    std::string url_;
};

// The URL cannot be parsed, has no host, or is neither http nor https.
class InvalidURL : public RequestException {
public:
    using RequestException::RequestException;
};
// A header to be sent holds what a header may not, or the method is no token.
class InvalidHeader : public RequestException {
public:
    using RequestException::RequestException;
};

// No connection could be made, or it broke before the answer's headers were read.
class ConnectionError : public RequestException {
public:
    using RequestException::RequestException;
};
// The handshake failed or the certificate is not to be trusted.
class SSLError : public ConnectionError {
public:
    using ConnectionError::ConnectionError;
};
class ProxyError : public ConnectionError {
public:
    using ConnectionError::ConnectionError;
};
// The peer's answer is not HTTP, or breaks its rules or our limits.
class InvalidResponse : public ConnectionError {
public:
    using ConnectionError::ConnectionError;
};

// A timeout of the request passed: this class itself for the total one.
class Timeout : public RequestException {
public:
    using RequestException::RequestException;
};
class ConnectTimeout : public Timeout {
public:
    using Timeout::Timeout;
};
class ReadTimeout : public Timeout {
public:
    using Timeout::Timeout;
};

// More redirects than max_redirects.
class TooManyRedirects : public RequestException {
public:
    using RequestException::RequestException;
};

// The body broke off, or its chunks are malformed.
class ChunkedEncodingError : public RequestException {
public:
    using RequestException::RequestException;
};
// The connection ended before the body did.
class IncompleteRead : public ChunkedEncodingError {
public:
    IncompleteRead(const std::string& what, std::string url, std::uint64_t received,
                   std::optional<std::uint64_t> expected)
        : ChunkedEncodingError(what, std::move(url)), received_(received), expected_(expected) {}
    // Bytes of the body as sent, before decoding.
    std::uint64_t received() const noexcept { return received_; }
    // Content-Length; nothing for a chunked body.
    std::optional<std::uint64_t> expected() const noexcept { return expected_; }

private:
    std::uint64_t received_;
    std::optional<std::uint64_t> expected_;
};

// Content-Encoding promised what the body is not, or the body unpacks to more than the limits.
class ContentDecodingError : public RequestException {
public:
    using RequestException::RequestException;
};
// A body that was to be kept whole in memory is larger than Options::max_content.
class ContentTooLarge : public RequestException {
public:
    using RequestException::RequestException;
};
// Response::json() of what is not JSON.
class JSONDecodeError : public RequestException {
public:
    using RequestException::RequestException;
};

}  // namespace thrum::requests
