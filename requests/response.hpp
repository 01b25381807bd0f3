// thrum/requests/response.hpp: floor 4, requests
// Response: what a server answered, and the ways to read it.
#pragma once

#include <thrum/http/headers.hpp>
#include <thrum/requests/cookies.hpp>
#include <thrum/requests/errors.hpp>

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace thrum::requests {

namespace internal {
struct ResponseState;
class PieceReader;
class LineReader;
}  // namespace internal

// The pieces of a body, as an input range of std::string_view; each is valid until the next is asked for.
// Keeps what it reads from alive. Advancing throws what Response::content() throws.
template <class Reader>
class BodyRange {
public:
    class Iterator {
    public:
        using value_type = std::string_view;
        using difference_type = std::ptrdiff_t;

        Iterator() = default;
        explicit Iterator(Reader* reader) : reader_(reader) { ++*this; }
        std::string_view operator*() const noexcept { return piece_; }
        Iterator& operator++();
        void operator++(int) { ++*this; }
        friend bool operator==(const Iterator& iterator, std::default_sentinel_t) noexcept {
            return iterator.reader_ == nullptr;
        }

    private:
        Reader* reader_ = nullptr;
        std::string_view piece_;
    };

    explicit BodyRange(std::shared_ptr<Reader> reader) : reader_(std::move(reader)) {}
    // Once only: the pieces are gone once read.
    Iterator begin() const { return Iterator(reader_.get()); }
    std::default_sentinel_t end() const noexcept { return {}; }

private:
    std::shared_ptr<Reader> reader_;
};

using ContentRange = BodyRange<internal::PieceReader>;
using LineRange = BodyRange<internal::LineReader>;

// Move-only. One thread at a time. A streamed body that was read to its end gives the connection back to the
// pool; one that was not closes it when the Response is destroyed. Reading throws ReadTimeout, Timeout,
// IncompleteRead, ChunkedEncodingError, ContentDecodingError, ConnectionError; Cancelled, and TimeoutError of
// a Timeout scope of the caller's.
class Response {
public:
    explicit Response(std::shared_ptr<internal::ResponseState> state) noexcept;
    Response(Response&&) noexcept;
    Response& operator=(Response&&) noexcept;
    ~Response();

    int status_code() const noexcept;
    // "OK", as the server says it; may be empty.
    const std::string& reason() const noexcept;
    // A status below 400.
    bool ok() const noexcept { return status_code() < 400; }
    // 301, 302, 303, 307 or 308 with a Location.
    bool is_redirect() const noexcept;
    // As received; Content-Encoding and Content-Length are those of the coded body.
    const http::Headers& headers() const noexcept;
    // Where the answer came from, after redirects, without credentials.
    const std::string& url() const noexcept;
    // The redirects that led here, in order.
    const std::vector<Response>& history() const noexcept;
    // From sending the request until its answer's headers were read; the last request where there were
    // redirects.
    std::chrono::nanoseconds elapsed() const noexcept;
    // Those that this answer set.
    const CookieJar& cookies() const noexcept;

    // The whole body, decoded; a streamed one is read now. Throws ContentTooLarge beyond
    // Options::max_content, and RequestException when the body was read by iter_content(), iter_lines() or
    // save() before.
    const std::string& content() const;
    // content() in UTF-8: converted where Content-Type says that it is ISO-8859-1, else as it is.
    std::string text() const;
    // content() parsed. Throws JSONDecodeError, also beyond http::max_json_depth levels.
    nlohmann::json json() const;

    // The decoded body in pieces of `chunk_size` bytes, the last one shorter; of what size they come where it
    // is 0.
    ContentRange iter_content(std::size_t chunk_size = 0) const;
    // The decoded body line by line, without "\n" or "\r\n". Throws ContentTooLarge for a line beyond
    // Options::max_content.
    LineRange iter_lines() const;
    // Writes the decoded body to a file, piece by piece. It appears under its name when it is whole, and not
    // at all otherwise. Throws OSError too.
    void save(const std::filesystem::path& path) const;

    // Throws HTTPError for a status from 400 on.
    void raise_for_status() const;

private:
    std::shared_ptr<internal::ResponseState> state_;
};

// A status that says that the request failed, thrown by raise_for_status().
class HTTPError : public RequestException {
public:
    HTTPError(const std::string& what, std::string url, Response response);
    const Response& response() const noexcept { return *response_; }

private:
    std::shared_ptr<const Response> response_;
};

}  // namespace thrum::requests
