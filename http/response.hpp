// thrum/http/response.hpp: floor 3, http
// Response: what a handler answers: a text, JSON, a file, or a stream that is written as it comes.
#pragma once

#include <thrum/base/file.hpp>
#include <thrum/http/headers.hpp>

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace thrum::http {

namespace internal {
class ServerConnection;
}

// What the function of a streamed response writes to. Each write waits until the bytes are on their way.
// Throws ConnectionError when the client is gone, TimeoutError when it does not read, Cancelled.
class BodyWriter {
public:
    virtual void write(std::string_view bytes) = 0;

protected:
    ~BodyWriter() = default;
};

// Move-only. Belongs to one thread at a time. The server adds Date, Connection and the fields that frame the
// body; Content-Length and Transfer-Encoding set here are passed over.
class Response {
public:
    using Producer = std::function<void(BodyWriter&)>;

    // Without a body. Throws Error for a status outside 200 … 599.
    explicit Response(int status = 200);

    static Response text(std::string body, int status = 200);
    static Response html(std::string body, int status = 200);
    static Response json(const nlohmann::json& value, int status = 200);
    static Response bytes(std::string body, std::string_view content_type, int status = 200);
    // `produce` runs when the head has gone, in the handler's thread; with `length` it must write just so
    // many bytes, without it the body is chunked. What it throws breaks the connection, for the head cannot
    // be unsaid.
    static Response stream(Producer produce, std::string_view content_type,
                           std::optional<std::uint64_t> length = std::nullopt);
    // `length` bytes of an open file from `offset` on.
    static Response file(UniqueFd file, std::uint64_t offset, std::uint64_t length,
                         std::string_view content_type);
    // 303 unless said otherwise. Throws HeaderError when `location` holds a line break.
    static Response redirect(std::string_view location, int status = 303);

    int status() const noexcept { return status_; }
    // Throws Error for a status outside 200 … 599.
    void set_status(int status);
    Headers& headers() noexcept { return headers_; }
    const Headers& headers() const noexcept { return headers_; }
    // Of a response that is neither streamed nor a file.
    std::string& body() noexcept { return body_; }
    const std::string& body() const noexcept { return body_; }

private:
    friend class internal::ServerConnection;

    int status_;
    Headers headers_;
    std::string body_;
    Producer produce_;
    UniqueFd file_;
    std::uint64_t offset_ = 0;
    std::optional<std::uint64_t> length_;  // of a stream or file
};

}  // namespace thrum::http
