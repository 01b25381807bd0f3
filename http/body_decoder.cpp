// thrum/http/body_decoder.cpp: floor 3, http
#include <thrum/base/text.hpp>
#include <thrum/http/body_decoder.hpp>
#include <thrum/http/internal/characters.hpp>

#include <algorithm>
#include <array>
#include <limits>
#include <vector>

namespace thrum::http {
namespace {

using Outcome = internal::LineScanner::Outcome;

// Fields that say how the message is framed, routed or authorised may not come as trailers (RFC 9110 §6.5.1).
constexpr std::array<std::string_view, 6> forbidden_trailers = {
    "content-length", "transfer-encoding", "host", "trailer", "content-encoding", "authorization"};

bool is_forbidden_trailer(std::string_view name) noexcept {
    return std::any_of(forbidden_trailers.begin(), forbidden_trailers.end(),
                       [name](std::string_view forbidden) { return iequals(name, forbidden); });
}

std::size_t count_token(std::string_view text) noexcept {
    const auto* end = std::find_if_not(text.begin(), text.end(), internal::is_token_character);
    return static_cast<std::size_t>(end - text.begin());
}

void skip_blanks(std::string_view& text) noexcept {
    text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
}

// Drops a quoted-string (RFC 9110 §5.6.4) from the front; false when there is none.
bool skip_quoted(std::string_view& text) noexcept {
    for (std::size_t i = 1; i < text.size(); ++i) {
        if (text[i] == '"') {
            text.remove_prefix(i + 1);
            return true;
        }
        if (text[i] == '\\') ++i;
        if (i < text.size() && !internal::is_field_character(text[i])) return false;
    }
    return false;
}

// chunk-ext, RFC 9112 §7.1.1. The extensions mean nothing to us, but what is no extension may mean something
// else to the next reader.
bool is_chunk_extension(std::string_view text) noexcept {
    while (!text.empty()) {
        skip_blanks(text);
        if (!text.starts_with(';')) return false;
        text.remove_prefix(1);
        skip_blanks(text);
        const std::size_t name = count_token(text);
        if (name == 0) return false;
        text.remove_prefix(name);
        std::string_view value = text;
        skip_blanks(value);
        if (!value.starts_with('=')) continue;
        value.remove_prefix(1);
        skip_blanks(value);
        if (value.starts_with('"')) {
            if (!skip_quoted(value)) return false;
        } else {
            const std::size_t size = count_token(value);
            if (size == 0) return false;
            value.remove_prefix(size);
        }
        text = value;
    }
    return true;
}

}  // namespace

void BodyDecoder::reset(Framing framing) noexcept {
    framing_ = framing;
    const bool is_empty =
        framing.kind == BodyKind::none || (framing.kind == BodyKind::length && framing.length == 0);
    state_ = is_empty ? ParseState::complete : ParseState::need_more;
    error_ = ParseError::none;
    step_ = Step::size_line;
    remaining_ = framing.length;
    decoded_ = 0;
    extension_bytes_ = 0;
    scanner_.reset();
    section_.reset();
    trailers_.clear();
}

BodyDecoder::Piece BodyDecoder::decode(std::string_view bytes) {
    Piece piece;
    if (state_ == ParseState::need_more) {
        switch (framing_.kind) {
            case BodyKind::none: break;
            case BodyKind::length:
                take_data(bytes, piece);
                if (remaining_ == 0) state_ = ParseState::complete;
                break;
            case BodyKind::chunked: decode_chunked(bytes, piece); break;
            case BodyKind::until_close:
                piece = {bytes.size(), bytes, state_};
                decoded_ += bytes.size();
                break;
        }
    }
    piece.state = state_;
    return piece;
}

ParseState BodyDecoder::finish() noexcept {
    if (state_ != ParseState::need_more) return state_;
    if (framing_.kind == BodyKind::until_close) {
        state_ = ParseState::complete;
    } else {
        fail(ParseError::premature_end);
    }
    return state_;
}

void BodyDecoder::fail(ParseError error) noexcept {
    error_ = error;
    state_ = ParseState::failed;
}

void BodyDecoder::take_data(std::string_view bytes, Piece& piece) noexcept {
    const auto size =
        static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, bytes.size() - piece.consumed));
    piece.data = bytes.substr(piece.consumed, size);
    piece.consumed += size;
    remaining_ -= size;
    decoded_ += size;
}

void BodyDecoder::decode_chunked(std::string_view bytes, Piece& piece) {
    for (;;) {
        switch (step_) {
            case Step::size_line:
                if (!take_size_line(bytes, piece)) return;
                step_ = remaining_ == 0 ? Step::trailers : Step::data;
                break;
            case Step::data:
                take_data(bytes, piece);
                if (remaining_ == 0) step_ = Step::data_end;
                return;  // one piece at a time
            case Step::data_end:
                if (!take_data_end(bytes, piece)) return;
                step_ = Step::size_line;
                break;
            case Step::trailers: take_trailers(bytes, piece); return;
        }
    }
}

bool BodyDecoder::take_size_line(std::string_view bytes, Piece& piece) noexcept {
    std::string_view line;
    const Outcome outcome = scanner_.next(bytes.substr(piece.consumed), chunk_line_limit + 2, line);
    if (outcome == Outcome::need_more) return false;
    if (outcome == Outcome::too_long) fail(ParseError::chunk_line_too_long);
    if (outcome == Outcome::bare_lf) fail(ParseError::bare_lf);
    if (outcome != Outcome::line) return false;
    piece.consumed += scanner_.position();
    scanner_.reset();
    const ParseError error = read_chunk_size(line);
    if (error != ParseError::none) fail(error);
    return error == ParseError::none;
}

// chunk-size [ chunk-ext ], RFC 9112 §7.1.
ParseError BodyDecoder::read_chunk_size(std::string_view line) noexcept {
    constexpr std::uint64_t largest = std::numeric_limits<std::int64_t>::max();
    std::size_t digits = 0;
    remaining_ = 0;
    for (; digits < line.size() && hex_value(line[digits]) >= 0; ++digits) {
        if (remaining_ > largest >> 4) return ParseError::invalid_chunk_size;
        remaining_ = remaining_ * 16 + static_cast<unsigned>(hex_value(line[digits]));
    }
    if (digits == 0) return ParseError::invalid_chunk_size;
    const std::string_view extension = line.substr(digits);
    if (extension.empty()) return ParseError::none;
    if (extension.find('\r') != extension.npos) return ParseError::bare_cr;
    if (extension.find(';') == extension.npos) return ParseError::invalid_chunk_size;
    if (!is_chunk_extension(extension)) return ParseError::invalid_chunk_extension;
    extension_bytes_ += extension.size();
    return extension_bytes_ > chunk_extensions_limit ? ParseError::chunk_extensions_too_large
                                                     : ParseError::none;
}

bool BodyDecoder::take_data_end(std::string_view bytes, Piece& piece) noexcept {
    const std::string_view rest = bytes.substr(piece.consumed);
    if (rest.empty() || rest == "\r") return false;
    if (!rest.starts_with("\r\n")) {
        fail(rest.front() == '\n' ? ParseError::bare_lf : ParseError::invalid_chunk_end);
        return false;
    }
    piece.consumed += 2;
    return true;
}

void BodyDecoder::take_trailers(std::string_view bytes, Piece& piece) {
    const std::string_view rest = bytes.substr(piece.consumed);
    state_ = section_.parse(rest, scanner_, trailers_limit, ParseError::trailers_too_large);
    error_ = section_.error();
    if (state_ != ParseState::complete) return;
    piece.consumed += scanner_.position();
    std::vector<Field> fields;
    section_.views(rest, fields);
    for (const Field& field : fields) {
        if (is_forbidden_trailer(field.name)) return fail(ParseError::forbidden_trailer);
        trailers_.add(field.name, field.value);
    }
}

}  // namespace thrum::http
