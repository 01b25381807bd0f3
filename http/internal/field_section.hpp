// thrum/http/internal/field_section.hpp: floor 3, http
// The lines of a head or trailer section as they arrive: found, checked and remembered by their offsets.
#pragma once

#include <thrum/http/parse_error.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace thrum::http {

// A field of a head, in the bytes that were parsed.
struct Field {
    std::string_view name;
    std::string_view value;
};

namespace internal {

// Finds lines in a buffer that grows between calls and may move, without looking at a byte twice.
class LineScanner {
public:
    enum class Outcome : std::uint8_t { line, need_more, too_long, bare_lf };

    // The next line of `bytes`, which always begins with the section's first byte. With its CRLF it must end
    // within `limit` bytes of that beginning; the outcome does not depend on how the bytes were split.
    Outcome next(std::string_view bytes, std::size_t limit, std::string_view& line) noexcept;
    // Bytes of the lines given so far.
    std::size_t position() const noexcept { return position_; }
    void reset(std::size_t position = 0) noexcept { position_ = scanned_ = position; }

private:
    std::size_t position_ = 0;
    std::size_t scanned_ = 0;
};

// Field lines up to and with the empty line (RFC 9112 §5). Keeps its memory when reset.
class FieldSection {
public:
    // `bytes` begins where the scanner's first line began; `limit` bounds the whole, `too_large` is the error
    // then.
    ParseState parse(std::string_view bytes, LineScanner& scanner, std::size_t limit, ParseError too_large);
    ParseError error() const noexcept { return error_; }
    // The fields as views of `bytes`, when complete.
    void views(std::string_view bytes, std::vector<Field>& fields) const;
    void reset() noexcept;

private:
    struct Place {
        std::uint32_t name;
        std::uint32_t name_size;
        std::uint32_t value;
        std::uint32_t value_size;
    };

    ParseError add(std::string_view line, std::size_t offset);
    ParseState fail(ParseError error) noexcept;

    std::vector<Place> places_;
    ParseError error_ = ParseError::none;
};

// The error for the first character of `text` that no field value may have; none where all may.
ParseError check_field_characters(std::string_view text) noexcept;

}  // namespace internal
}  // namespace thrum::http
