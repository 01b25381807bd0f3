// thrum/http/parser.hpp: floor 3, http
// RequestParser and ResponseParser: the head of an HTTP/1.1 message out of a buffer, strictly by RFC 9112.
#pragma once

#include <thrum/http/body_decoder.hpp>
#include <thrum/http/headers.hpp>
#include <thrum/http/internal/field_section.hpp>
#include <thrum/http/parse_error.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace thrum::http {

struct ParseResult {
    std::size_t consumed = 0;  // bytes of the head, when complete; otherwise 0
    ParseState state = ParseState::need_more;
};

// What requests and responses have in common. All views lie in the bytes that were parsed, or where rebase()
// put them; nothing is copied until headers() is asked for.
struct MessageHead {
    std::span<const Field> fields = {};  // in order, values without white space around them
    int minor_version = 1;               // of HTTP/1.x; what is above 1 is read as 1 (RFC 9110 §2.5)
    Framing framing = {};
    bool keep_alive = true;  // the connection can carry another message after this one (RFC 9112 §9.3)

    // The first value of that name without regard to case.
    std::optional<std::string_view> get(std::string_view name) const noexcept;
    Headers headers() const;
};

struct RequestHead : MessageHead {
    std::string_view method = {};
    std::string_view target = {};     // as it stands in the request line (RFC 9112 §3.2)
    std::string_view authority = {};  // host and port: of an absolute target, else of Host; empty in HTTP/1.0
    bool expects_continue = false;    // Expect: 100-continue (RFC 9110 §10.1.1)
    bool has_unknown_expectation = false;  // another Expect, to be answered by 417
};

struct ResponseHead : MessageHead {
    int status = 0;
    std::string_view reason = {};  // may be empty
};

namespace internal {

// The part of a head parser that requests and responses share: the first line, then fields, then framing.
class HeadParser {
public:
    HeadParser() = default;
    HeadParser(HeadParser&&) = default;  // not copied: the head is views of what the parser holds
    HeadParser& operator=(HeadParser&&) = default;
    ParseError error() const noexcept { return error_; }
    ParseState state() const noexcept { return state_; }
    // Bytes of the head, when complete.
    std::size_t head_size() const noexcept { return scanner_.position(); }

protected:
    struct KnownFields {
        std::string_view host = {};
        std::string_view content_length = {};
        int hosts = 0;
        int content_lengths = 0;
        int transfer_encodings = 0;
        bool chunked = false;
        bool other_codings = false;
        bool close = false;
        bool keep_alive = false;
        bool expects_continue = false;
        bool unknown_expectation = false;
    };

    void reset_common() noexcept;
    // Whether `line` is now the first line of `bytes`, not counting empty ones; otherwise state_ tells why.
    bool take_start_line(std::string_view bytes, std::string_view& line) noexcept;
    // All that follows the start line. `complete_head(known)` does what only requests or responses know.
    template <class Complete>
    ParseResult parse_fields(std::string_view bytes, MessageHead& head, Complete&& complete_head);
    ParseState fail(ParseError error) noexcept;

    LineScanner scanner_;
    FieldSection section_;
    std::vector<Field> fields_;
    ParseState state_ = ParseState::need_more;
    ParseError error_ = ParseError::none;
    bool has_start_line_ = false;

private:
    // Checks the fields that frame the message (RFC 9112 §6) and sets framing and keep_alive but for what
    // only requests or responses know.
    ParseError apply_fields(MessageHead& head, KnownFields& known);
    static ParseError note_field(const Field& field, KnownFields& known) noexcept;
};

}  // namespace internal

// Push parser: give it the bytes received so far, always from the message's first byte on and never fewer
// than before, until it is complete or failed. The buffer may move between calls. Looks at each byte once,
// allocates nothing once its vectors have grown, never throws but std::bad_alloc. Reusable by reset(). Not
// thread-safe.
class RequestParser : public internal::HeadParser {
public:
    ParseResult parse(std::string_view bytes);
    // Valid when complete, while the bytes stay where they are.
    const RequestHead& head() const noexcept { return head_; }
    // The head was copied: all views that lay in `from` lie in `to` from now on. Call it while `from` still
    // stands.
    void rebase(const char* from, const char* to) noexcept;
    // Ready for the next message.
    void reset() noexcept;

private:
    ParseError read_request_line(std::string_view line, std::size_t offset) noexcept;
    ParseError complete_head(std::string_view bytes, const KnownFields& known);

    RequestHead head_;
    std::size_t method_offset_ = 0;
    std::size_t method_size_ = 0;
    std::size_t target_offset_ = 0;
    std::size_t target_size_ = 0;
};

// The same for responses. Informational ones (1xx) are messages of their own: reset() and parse on for the
// final one. Where one of them says that the connection ends, or pretends to have a body, the final head says
// keep_alive = false too.
class ResponseParser : public internal::HeadParser {
public:
    // `method` of the request that is answered: HEAD has no body whatever the headers say, CONNECT none on
    // success.
    explicit ResponseParser(std::string_view method = "GET") noexcept { reset(method); }
    ParseResult parse(std::string_view bytes);
    const ResponseHead& head() const noexcept { return head_; }
    void rebase(const char* from, const char* to) noexcept;
    void reset(std::string_view method = "GET") noexcept;

private:
    ParseError read_status_line(std::string_view line, std::size_t offset) noexcept;
    ParseError complete_head(std::string_view bytes);

    ResponseHead head_;
    std::size_t reason_offset_ = 0;
    std::size_t reason_size_ = 0;
    bool answers_head_ = false;
    bool answers_connect_ = false;
    bool is_doubtful_ = false;  // an informational response before this one was not to be kept alive
};

}  // namespace thrum::http
