// thrum/http/parser.cpp: floor 3, http
#include <thrum/base/text.hpp>
#include <thrum/http/internal/authority.hpp>
#include <thrum/http/internal/characters.hpp>
#include <thrum/http/parser.hpp>

#include <algorithm>
#include <limits>

namespace thrum::http {
namespace {

using Outcome = internal::LineScanner::Outcome;

// HTTP-version of RFC 9112 §2.3; sets `minor`.
ParseError read_version(std::string_view text, int& minor) noexcept {
    if (text.size() != 8 || !text.starts_with("HTTP/") || !is_digit(text[5]) || text[6] != '.' ||
        !is_digit(text[7])) {
        return ParseError::invalid_version;
    }
    if (text[5] != '1') return ParseError::unsupported_version;
    minor = std::min(text[7] - '0', 1);
    return ParseError::none;
}

// The forms of a request target, RFC 9112 §3.2. Sets `authority` where the target has one.
ParseError check_target(std::string_view method, std::string_view target,
                        std::string_view& authority) noexcept {
    const auto is_target_character = [](char c) { return internal::is_class(c, internal::target_character); };
    if (target.empty() || !std::all_of(target.begin(), target.end(), is_target_character)) {
        return ParseError::invalid_target;
    }
    if (method == "CONNECT") {
        authority = target;
        return internal::is_authority_with_port(target) ? ParseError::none : ParseError::invalid_target;
    }
    if (target.front() == '/') return ParseError::none;
    if (target == "*") return method == "OPTIONS" ? ParseError::none : ParseError::invalid_target;
    const auto colon = target.find("://");
    const std::string_view scheme = target.substr(0, std::min(colon, target.size()));
    if (!iequals(scheme, "http") && !iequals(scheme, "https")) return ParseError::invalid_target;
    const std::string_view rest = target.substr(colon + 3);
    authority = rest.substr(0, std::min(rest.find_first_of("/?"), rest.size()));
    return internal::is_authority(authority) ? ParseError::none : ParseError::invalid_host;
}

// Calls `take` with each element of a comma-separated list (RFC 9110 §5.6.1), empty ones too, until it says
// false.
template <class Take>
void for_each_element(std::string_view list, Take take) {
    for (;;) {
        const auto comma = list.find(',');
        if (!take(trim(list.substr(0, comma), " \t")) || comma == list.npos) return;
        list.remove_prefix(comma + 1);
    }
}

std::string_view moved(std::string_view view, const char* from, const char* to) noexcept {
    return view.data() == nullptr ? view : std::string_view(to + (view.data() - from), view.size());
}

void move_fields(std::vector<Field>& fields, const char* from, const char* to) noexcept {
    for (Field& field : fields) field = {moved(field.name, from, to), moved(field.value, from, to)};
}

}  // namespace

std::optional<std::string_view> MessageHead::get(std::string_view name) const noexcept {
    for (const Field& field : fields) {
        if (iequals(field.name, name)) return field.value;
    }
    return std::nullopt;
}

Headers MessageHead::headers() const {
    Headers headers;
    headers.reserve(fields.size());
    for (const Field& field : fields) headers.add(field.name, field.value);
    return headers;
}

namespace internal {

void HeadParser::reset_common() noexcept {
    scanner_.reset();
    section_.reset();
    fields_.clear();
    state_ = ParseState::need_more;
    error_ = ParseError::none;
    has_start_line_ = false;
}

ParseState HeadParser::fail(ParseError error) noexcept {
    error_ = error;
    return state_ = ParseState::failed;
}

bool HeadParser::take_start_line(std::string_view bytes, std::string_view& line) noexcept {
    switch (scanner_.next(bytes, scanner_.position() + start_line_limit + 2, line)) {
        case Outcome::line: return true;
        case Outcome::need_more: return false;
        case Outcome::too_long: fail(ParseError::start_line_too_long); return false;
        case Outcome::bare_lf: fail(ParseError::bare_lf); return false;
    }
    return false;
}

template <class Complete>
ParseResult HeadParser::parse_fields(std::string_view bytes, MessageHead& head, Complete&& complete_head) {
    state_ = section_.parse(bytes, scanner_, head_limit, ParseError::head_too_large);
    if (state_ == ParseState::failed) return {0, fail(section_.error())};
    if (state_ == ParseState::need_more) return {0, state_};
    section_.views(bytes, fields_);
    KnownFields known;
    ParseError error = apply_fields(head, known);
    if (error == ParseError::none) error = complete_head(known);
    if (error != ParseError::none) return {0, fail(error)};
    return {scanner_.position(), state_};
}

// Takes note of the fields that frame or route a message; the others cost one comparison of a length.
ParseError HeadParser::note_field(const Field& field, KnownFields& known) noexcept {
    ParseError error = ParseError::none;
    switch (field.name.size()) {
        case 4:
            if (iequals(field.name, "host") && known.hosts++ == 0) known.host = field.value;
            break;
        case 6:
            if (!iequals(field.name, "expect")) break;
            (iequals(field.value, "100-continue") ? known.expects_continue : known.unknown_expectation) =
                true;
            break;
        case 10:
            if (!iequals(field.name, "connection")) break;
            for_each_element(field.value, [&known](std::string_view option) {
                known.close = known.close || iequals(option, "close");
                known.keep_alive = known.keep_alive || iequals(option, "keep-alive");
                return true;
            });
            break;
        case 14:
            if (iequals(field.name, "content-length") && known.content_lengths++ == 0) {
                known.content_length = field.value;
            }
            break;
        case 17:
            if (!iequals(field.name, "transfer-encoding")) break;
            ++known.transfer_encodings;
            for_each_element(field.value, [&known, &error](std::string_view coding) {
                if (known.chunked) error = ParseError::chunked_not_last;
                if (coding.empty()) error = ParseError::invalid_transfer_encoding;
                (iequals(coding, "chunked") ? known.chunked : known.other_codings) = true;
                return error == ParseError::none;
            });
            break;
        default: break;
    }
    return error;
}

ParseError HeadParser::apply_fields(MessageHead& head, KnownFields& known) {
    for (const Field& field : fields_) {
        const ParseError error = note_field(field, known);
        if (error != ParseError::none) return error;
    }
    head.fields = fields_;
    head.framing = {};
    head.keep_alive = head.minor_version >= 1 ? !known.close : known.keep_alive && !known.close;
    if (known.transfer_encodings > 0) {
        if (known.content_lengths > 0) return ParseError::content_length_and_transfer_encoding;
        if (head.minor_version == 0) return ParseError::transfer_encoding_in_http_1_0;
        if (!known.chunked) return ParseError::chunked_not_last;
        if (known.other_codings) return ParseError::unsupported_transfer_coding;
        head.framing = {BodyKind::chunked, 0};
    } else if (known.content_lengths > 0) {
        // A list of equal numbers may be read as one (RFC 9110 §8.6); refusing it is safer, and nobody sends
        // it.
        if (known.content_lengths > 1) return ParseError::duplicate_content_length;
        const std::string_view digits = known.content_length;
        const auto length =
            std::all_of(digits.begin(), digits.end(), is_digit) ? parse_unsigned(digits) : std::nullopt;
        if (!length || *length > std::numeric_limits<std::int64_t>::max())
            return ParseError::invalid_content_length;
        head.framing = {BodyKind::length, *length};
    }
    return ParseError::none;
}

}  // namespace internal

ParseResult RequestParser::parse(std::string_view bytes) {
    if (state_ != ParseState::need_more) return {0, state_};
    while (!has_start_line_) {
        // What begins like no method at all need not be waited for.
        const std::size_t start = scanner_.position();
        if (start < bytes.size() && bytes[start] != '\r' && bytes[start] != '\n' &&
            !internal::is_token_character(bytes[start])) {
            return {0, fail(ParseError::invalid_method)};
        }
        std::string_view line;
        if (!take_start_line(bytes, line)) return {0, state_};
        if (line.empty() && start / 2 < static_cast<std::size_t>(leading_empty_lines_limit)) continue;
        const ParseError error = read_request_line(line, start);
        if (error != ParseError::none) return {0, fail(error)};
        has_start_line_ = true;
    }
    return parse_fields(bytes, head_, [&](const KnownFields& known) { return complete_head(bytes, known); });
}

// request-line = method SP request-target SP HTTP-version, RFC 9112 §3.
ParseError RequestParser::read_request_line(std::string_view line, std::size_t offset) noexcept {
    const auto first = line.find(' ');
    const auto second = first == line.npos ? line.npos : line.find(' ', first + 1);
    if (second == line.npos) return ParseError::invalid_request_line;
    const std::string_view method = line.substr(0, first);
    if (!is_token(method)) return ParseError::invalid_method;
    const std::string_view target = line.substr(first + 1, second - first - 1);
    std::string_view authority;
    ParseError error = check_target(method, target, authority);
    if (error == ParseError::none) error = read_version(line.substr(second + 1), head_.minor_version);
    method_offset_ = offset;
    method_size_ = method.size();
    target_offset_ = offset + first + 1;
    target_size_ = target.size();
    return error;
}

ParseError RequestParser::complete_head(std::string_view bytes, const KnownFields& known) {
    // Exactly one Host, RFC 9112 §3.2; HTTP/1.0 has none or one.
    if (known.hosts > 1) return ParseError::duplicate_host;
    if (known.hosts == 0 && head_.minor_version >= 1) return ParseError::missing_host;
    if (known.hosts == 1 && !internal::is_authority(known.host)) return ParseError::invalid_host;
    head_.method = bytes.substr(method_offset_, method_size_);
    head_.target = bytes.substr(target_offset_, target_size_);
    head_.authority = {};
    (void)check_target(head_.method, head_.target,
                       head_.authority);  // for the authority, which takes precedence
    if (head_.authority.empty()) head_.authority = known.host;
    // HTTP/1.0 knows no expectations (RFC 9110 §10.1.1).
    head_.expects_continue = known.expects_continue && head_.minor_version >= 1;
    head_.has_unknown_expectation = known.unknown_expectation;
    return ParseError::none;
}

void RequestParser::rebase(const char* from, const char* to) noexcept {
    move_fields(fields_, from, to);
    head_.method = moved(head_.method, from, to);
    head_.target = moved(head_.target, from, to);
    head_.authority = moved(head_.authority, from, to);
}

void RequestParser::reset() noexcept {
    reset_common();
    head_ = {};
}

ParseResult ResponseParser::parse(std::string_view bytes) {
    if (state_ != ParseState::need_more) return {0, state_};
    if (!has_start_line_) {
        constexpr std::string_view beginning = "HTTP/";
        const std::size_t known = std::min(bytes.size(), beginning.size());
        if (bytes.substr(0, known) != beginning.substr(0, known))
            return {0, fail(ParseError::invalid_status_line)};
        std::string_view line;
        if (!take_start_line(bytes, line)) return {0, state_};
        const ParseError error = read_status_line(line, 0);
        if (error != ParseError::none) return {0, fail(error)};
        has_start_line_ = true;
    }
    return parse_fields(bytes, head_, [&](const KnownFields&) { return complete_head(bytes); });
}

// status-line = HTTP-version SP status-code SP [ reason-phrase ], RFC 9112 §4; the last SP is often left out.
ParseError ResponseParser::read_status_line(std::string_view line, std::size_t offset) noexcept {
    const ParseError error = read_version(line.substr(0, 8), head_.minor_version);
    if (error != ParseError::none) return error;
    const std::string_view rest = line.substr(8);
    const bool has_status = rest.size() >= 4 && rest[0] == ' ' && rest[1] >= '1' && is_digit(rest[1]) &&
                            is_digit(rest[2]) && is_digit(rest[3]);
    if (!has_status || (rest.size() > 4 && rest[4] != ' ')) return ParseError::invalid_status_line;
    head_.status = (rest[1] - '0') * 100 + (rest[2] - '0') * 10 + (rest[3] - '0');
    reason_size_ = rest.size() > 5 ? rest.size() - 5 : 0;
    reason_offset_ = offset + line.size() - reason_size_;
    return internal::check_field_characters(line.substr(line.size() - reason_size_));
}

ParseError ResponseParser::complete_head(std::string_view bytes) {
    head_.reason = bytes.substr(reason_offset_, reason_size_);
    // RFC 9112 §6.3, items 1, 2 and 8.
    const bool is_success = head_.status >= 200 && head_.status < 300;
    const bool never_has_body = head_.status < 200 || head_.status == 204;
    const bool has_length = head_.framing.kind == BodyKind::chunked || head_.framing.length > 0;
    // Whatever follows cannot be trusted.
    if ((never_has_body && has_length) || is_doubtful_) head_.keep_alive = false;
    if (never_has_body || head_.status == 304 || answers_head_ || (answers_connect_ && is_success)) {
        head_.framing = {};
    } else if (head_.framing.kind == BodyKind::none) {
        head_.framing = {BodyKind::until_close, 0};
        head_.keep_alive = false;
    }
    return ParseError::none;
}

void ResponseParser::rebase(const char* from, const char* to) noexcept {
    move_fields(fields_, from, to);
    head_.reason = moved(head_.reason, from, to);
}

void ResponseParser::reset(std::string_view method) noexcept {
    const bool was_informational = head_.status >= 100 && head_.status < 200;
    is_doubtful_ = was_informational && state_ == ParseState::complete && !head_.keep_alive;
    reset_common();
    head_ = {};
    answers_head_ = method == "HEAD";
    answers_connect_ = method == "CONNECT";
}

}  // namespace thrum::http
