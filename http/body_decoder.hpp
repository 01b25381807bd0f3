// thrum/http/body_decoder.hpp: floor 3, http
// BodyDecoder: the bytes of a message's body out of the bytes of the connection (RFC 9112 §6, §7).
#pragma once

#include <thrum/http/headers.hpp>
#include <thrum/http/internal/field_section.hpp>
#include <thrum/http/parse_error.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace thrum::http {

enum class BodyKind : std::uint8_t { none, length, chunked, until_close };

// How the end of a body is told (RFC 9112 §6.3).
struct Framing {
    BodyKind kind = BodyKind::none;
    std::uint64_t length = 0;  // bytes, for BodyKind::length

    friend bool operator==(const Framing&, const Framing&) = default;
};

// Takes the framing off a body without copying it. Feed it in a loop: decode() what is buffered, use `data`,
// drop `consumed` bytes from the front of the buffer, end when `state` is no longer need_more, and read more
// bytes when nothing was consumed. Never throws but std::bad_alloc. The pieces joined, the trailers and the
// errors do not depend on how the bytes were split. Not thread-safe.
class BodyDecoder {
public:
    struct Piece {
        std::size_t consumed = 0;    // bytes to drop from the front; `data` lies within them
        std::string_view data = {};  // a part of the body, in the bytes given
        ParseState state = ParseState::need_more;
    };

    explicit BodyDecoder(Framing framing = {}) noexcept { reset(framing); }
    // Ready for the next body; keeps its memory.
    void reset(Framing framing) noexcept;

    // `bytes` begins with the first byte not consumed yet.
    Piece decode(std::string_view bytes);
    // To be called when the peer has closed: complete for a body that lasts until then, else premature_end.
    ParseState finish() noexcept;

    ParseState state() const noexcept { return state_; }
    ParseError error() const noexcept { return error_; }
    const Framing& framing() const noexcept { return framing_; }
    // Bytes of the body that were given out.
    std::uint64_t decoded() const noexcept { return decoded_; }
    // The fields after a chunked body (RFC 9112 §7.1.2), when complete. Kept apart from the headers on
    // purpose.
    const Headers& trailers() const noexcept { return trailers_; }

private:
    enum class Step : std::uint8_t { size_line, data, data_end, trailers };

    void decode_chunked(std::string_view bytes, Piece& piece);
    void take_data(std::string_view bytes, Piece& piece) noexcept;
    bool take_size_line(std::string_view bytes, Piece& piece) noexcept;
    bool take_data_end(std::string_view bytes, Piece& piece) noexcept;
    void take_trailers(std::string_view bytes, Piece& piece);
    ParseError read_chunk_size(std::string_view line) noexcept;
    void fail(ParseError error) noexcept;

    Framing framing_;
    ParseState state_ = ParseState::complete;
    ParseError error_ = ParseError::none;
    Step step_ = Step::size_line;
    std::uint64_t remaining_ = 0;  // of the body, or of the chunk
    std::uint64_t decoded_ = 0;
    std::size_t extension_bytes_ = 0;
    internal::LineScanner scanner_;
    internal::FieldSection section_;
    Headers trailers_;
};

}  // namespace thrum::http
