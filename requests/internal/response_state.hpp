// thrum/requests/internal/response_state.hpp: floor 4, requests
// What a Response holds, and how its body is decoded piece by piece.
#pragma once

#include <thrum/requests/internal/context.hpp>
#include <thrum/requests/internal/decoder.hpp>
#include <thrum/requests/internal/exchange.hpp>
#include <thrum/requests/options.hpp>
#include <thrum/requests/response.hpp>

#include <chrono>
#include <cstdint>
#include <exception>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace thrum::requests::internal {

inline constexpr std::size_t decoded_buffer_size = 32 * 1024;
// What of a redirect's body is read to keep its connection; a longer one is not worth it.
inline constexpr std::size_t max_drained = 64 * 1024;
// And for how long: a redirect whose body drips is not waited for.
inline constexpr std::chrono::nanoseconds max_drain_time = std::chrono::seconds(1);
// Content-Length is a promise; no more than this is allocated on its word.
inline constexpr std::size_t max_reserved = 16 * 1024 * 1024;

// One thread at a time.
struct ResponseState {
    ResponseState(Reply reply, Context context, const http::Url& url, const Options& options);

    // The next decoded bytes, valid until the next call; empty at the end. A body that failed once fails for
    // ever: its end must not pass for the end of a whole one.
    std::string_view next_piece();
    // Throws RequestException when pieces have gone elsewhere before: `whole` when any, else when all of
    // them.
    void check_unread(bool whole) const;
    // Reads the rest into `content`.
    void load();
    // Reads what is left within max_drained and max_drain_time, so that the connection can be used again;
    // else closes it. Throws Cancelled, and the TimeoutError of the caller's own Timeout scope.
    void drain();

    // Where the answer came from, without credentials.
    const std::string& url() const noexcept { return url_.empty() ? context.url : url_; }

    Context context;
    int status;
    std::string reason;
    http::Headers headers;
    std::chrono::nanoseconds elapsed;
    std::unique_ptr<CookieJar> cookies = {};  // nothing where none were set
    std::vector<Response> history = {};
    std::string content = {};
    bool loaded = false;    // `content` is the whole body
    bool streamed = false;  // pieces have gone elsewhere

private:
    friend class LineReader;
    std::string_view read_coded();
    std::string_view read_decoded();
    void set_coding();
    ContentDecodingError bad_coding(Decoder::Status status) const;
    void check_content_size(std::uint64_t size);

    std::string url_ = {};  // empty where it is context.url
    std::exception_ptr failure_ = {};
    bool ended_ = false;
    std::unique_ptr<BodySource> body_;
    std::optional<Decoder> decoder_;
    std::size_t max_content_;
    std::uint64_t coded_size_ = 0;
    std::uint64_t coded_limit_ = std::numeric_limits<std::uint64_t>::max();
    std::string_view coded_;
    std::unique_ptr<char[]> decoded_;
    bool more_output_ = false;  // the decoder filled its room and may hold back more
};

// Reads a body in pieces of a wanted size.
class PieceReader {
public:
    PieceReader(std::shared_ptr<ResponseState> state, std::size_t chunk_size);
    // False at the end.
    bool next(std::string_view& piece) { return !(piece = next()).empty(); }
    // Empty at the end.
    std::string_view next();

private:
    std::string_view next_any();

    std::shared_ptr<ResponseState> state_;
    std::size_t chunk_size_;
    std::string_view rest_;     // of the last piece
    std::size_t position_ = 0;  // in a content that is in memory
    std::string chunk_;
};

// Reads a body line by line.
class LineReader {
public:
    explicit LineReader(std::shared_ptr<ResponseState> state);
    // False at the end.
    bool next(std::string_view& line);

private:
    PieceReader pieces_;
    Context context_;
    std::size_t max_line_;
    std::string_view rest_;
    std::string line_;
};

}  // namespace thrum::requests::internal
