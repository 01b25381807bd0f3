// thrum/http/parse_error.hpp: floor 3, http
// What can be wrong with an HTTP/1.1 message, and the sizes that bound one.
#pragma once

#include <thrum/base/errors.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace thrum::http {

// Bytes of a request line or status line, its CRLF not counted.
inline constexpr std::size_t start_line_limit = 8 * 1024;
// Bytes of a head, all lines counted.
inline constexpr std::size_t head_limit = 64 * 1024;
// Fields of a head, and of a trailer section.
inline constexpr std::size_t field_count_limit = 100;
// Bytes of a trailer section.
inline constexpr std::size_t trailers_limit = 8 * 1024;
// Bytes of a line that gives the size of a chunk, with its extensions, its CRLF not counted.
inline constexpr std::size_t chunk_line_limit = 1024;
// Bytes of chunk extensions in one body: they carry nothing, but cost to read.
inline constexpr std::size_t chunk_extensions_limit = 16 * 1024;
// Empty lines before a request line that are passed over (RFC 9112 §2.2 asks for one at least).
inline constexpr int leading_empty_lines_limit = 2;

enum class ParseState : std::uint8_t { need_more, complete, failed };

enum class ParseError : std::uint8_t {
    none,
    invalid_request_line,
    invalid_method,
    invalid_target,
    invalid_version,
    unsupported_version,
    start_line_too_long,
    invalid_status_line,
    bare_lf,
    bare_cr,
    invalid_character,
    missing_colon,
    invalid_field_name,
    space_before_colon,
    obs_fold,
    head_too_large,
    too_many_fields,
    missing_host,
    duplicate_host,
    invalid_host,
    invalid_content_length,
    duplicate_content_length,
    content_length_and_transfer_encoding,
    invalid_transfer_encoding,
    chunked_not_last,
    unsupported_transfer_coding,
    transfer_encoding_in_http_1_0,
    invalid_chunk_size,
    invalid_chunk_extension,
    chunk_line_too_long,
    chunk_extensions_too_large,
    invalid_chunk_end,
    trailers_too_large,
    forbidden_trailer,
    premature_end,
};

// The error in words: "there is a space before a header's colon".
std::string_view describe(ParseError error) noexcept;
// The status with which a server answers a request that has it (RFC 9110 §15.5, §15.6): 400, 414, 431, 501,
// 505.
int status_of(ParseError error) noexcept;

// A peer that does not speak HTTP/1.1 as RFC 9112 has it; for callers that turn a ParseError into an
// exception.
class ProtocolError : public Error {
public:
    ProtocolError(const std::string& what, ParseError reason) : Error(what), reason_(reason) {}
    ParseError reason() const noexcept { return reason_; }

private:
    ParseError reason_;
};

}  // namespace thrum::http
