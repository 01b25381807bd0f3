// thrum/requests/internal/connection.hpp: floor 4, requests
// Connection: one HTTP/1.1 connection, its buffers, and the order of the calls on it.
#pragma once

#include <thrum/http/parser.hpp>
#include <thrum/requests/internal/origin.hpp>
#include <thrum/sockets/stream.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

namespace thrum::requests::internal {

inline constexpr std::size_t receive_buffer_size = 8 * 1024;
// A body that fills the buffer gets a larger one, which goes back when the connection idles.
inline constexpr std::size_t large_receive_buffer_size = 128 * 1024;
// Of a body, bytes sent in one call: the read timeout holds for each.
inline constexpr std::size_t send_piece_size = 1024 * 1024;
// Informational answers (1xx) before the final one.
inline constexpr int max_informational = 16;

// Not thread-safe. Throws what Stream throws, and http::ProtocolError.
class Connection {
public:
    Connection(std::unique_ptr<Stream> stream, std::shared_ptr<const Origin> origin)
        : stream_(std::move(stream)), origin_(std::move(origin)) {}

    const std::shared_ptr<const Origin>& origin() const noexcept { return origin_; }
    Stream& stream() noexcept { return *stream_; }

    // Whether an idle connection is of no more use: closed by the peer, or with bytes nobody asked for.
    bool is_stale();
    // Head and body of a request, as one where the kernel can.
    void send(std::string_view head, std::string_view body);
    // Waits for the final answer's head; it is valid until the next call. `method` is the request's.
    const http::ResponseHead& read_head(std::string_view method);
    // True when not one byte came since the request was sent.
    bool nothing_received() const noexcept { return !received_; }

    // False once a head, informational ones included, said that no other request may follow.
    bool reusable() const noexcept { return reusable_; }

    // Bytes received and not yet consumed.
    std::string_view buffered() const noexcept { return {data_.get() + begin_, end_ - begin_}; }
    void consume(std::size_t size) noexcept { begin_ += size; }
    // Waits for more; 0 at the end. Invalidates what buffered() gave.
    std::size_t fill();
    // Gives back memory that an idle connection does not need.
    void rest() noexcept;

    // The place where a request is written before it is sent; keeps its memory between requests.
    std::string& scratch() noexcept { return scratch_; }
    std::chrono::steady_clock::time_point idle_since = {};

private:
    void make_room();

    std::unique_ptr<Stream> stream_;
    std::shared_ptr<const Origin> origin_;
    http::ResponseParser parser_;
    std::unique_ptr<char[]> data_;
    std::size_t capacity_ = 0;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    bool received_ = false;
    bool reusable_ = true;
    bool filled_up_ = false;  // the last fill() left no room: the peer sends faster than we read
    std::string scratch_;
};

}  // namespace thrum::requests::internal
