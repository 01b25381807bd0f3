// thrum/requests/response.cpp: floor 4, requests
// The ways to read an answer.
#include <thrum/base/file.hpp>
#include <thrum/base/text.hpp>
#include <thrum/http/json.hpp>
#include <thrum/requests/internal/redirect.hpp>
#include <thrum/requests/internal/response_state.hpp>
#include <thrum/requests/response.hpp>

namespace thrum::requests {

namespace {

// Of a body that is no JSON, what is shown.
constexpr std::size_t excerpt_size = 60;

// "utf-8" of "text/html; charset=UTF-8", in lower case; empty where it does not say.
std::string charset_of(std::string_view content_type) {
    for (const std::string_view part : split(content_type, ';')) {
        const std::string_view parameter = trim(part);
        const std::size_t sign = parameter.find('=');
        if (sign != parameter.npos && iequals(parameter.substr(0, sign), "charset")) {
            return to_lower(trim(parameter.substr(sign + 1), "\""));
        }
    }
    return {};
}

std::string from_latin1(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (const char c : text) {
        const auto u = static_cast<unsigned char>(c);
        if (u < 0x80) {
            out += c;
        } else {
            out += static_cast<char>(0xc0 | u >> 6);
            out += static_cast<char>(0x80 | (u & 0x3f));
        }
    }
    return out;
}

std::string printable_excerpt(std::string_view text) {
    std::string out(text.substr(0, excerpt_size));
    for (char& c : out) c = static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    return out;
}

}  // namespace

template <class Reader>
typename BodyRange<Reader>::Iterator& BodyRange<Reader>::Iterator::operator++() {
    if (!reader_->next(piece_)) reader_ = nullptr;
    return *this;
}
template class BodyRange<internal::PieceReader>;
template class BodyRange<internal::LineReader>;

Response::Response(std::shared_ptr<internal::ResponseState> state) noexcept : state_(std::move(state)) {}
Response::Response(Response&&) noexcept = default;
Response& Response::operator=(Response&&) noexcept = default;
Response::~Response() = default;

int Response::status_code() const noexcept { return state_->status; }
const std::string& Response::reason() const noexcept { return state_->reason; }
bool Response::is_redirect() const noexcept { return internal::is_redirect(state_->status, state_->headers); }
const http::Headers& Response::headers() const noexcept { return state_->headers; }
const std::string& Response::url() const noexcept { return state_->url(); }
const std::vector<Response>& Response::history() const noexcept { return state_->history; }
std::chrono::nanoseconds Response::elapsed() const noexcept { return state_->elapsed; }

const CookieJar& Response::cookies() const noexcept {
    static const CookieJar none;
    return state_->cookies ? *state_->cookies : none;
}

const std::string& Response::content() const {
    state_->check_unread(true);
    state_->load();
    return state_->content;
}

std::string Response::text() const {
    const std::string charset = charset_of(state_->headers.get("Content-Type", ""));
    if (charset == "iso-8859-1" || charset == "latin-1" || charset == "latin1") return from_latin1(content());
    constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
    return content().starts_with(byte_order_mark) ? content().substr(byte_order_mark.size()) : content();
}

nlohmann::json Response::json() const {
    try {
        return http::parse_json(content());
    } catch (const http::JSONError& error) {
        // The status comes first: a failure that says so is why there is no JSON, more often than not.
        const std::string status =
            "the server answered " + std::to_string(status_code()) + (reason().empty() ? "" : " " + reason());
        const std::string what = content().empty()
                                     ? status + " with an empty body, which is no JSON"
                                     : status + ", and the body is not JSON: " + error.what() +
                                           "; it begins with \"" + printable_excerpt(content()) + "\"";
        std::throw_with_nested(JSONDecodeError(message(state_->context, what), state_->context.url));
    }
}

ContentRange Response::iter_content(std::size_t chunk_size) const {
    state_->check_unread(false);
    return ContentRange(std::make_shared<internal::PieceReader>(state_, chunk_size));
}

LineRange Response::iter_lines() const {
    state_->check_unread(false);
    return LineRange(std::make_shared<internal::LineReader>(state_));
}

void Response::save(const std::filesystem::path& path) const {
    state_->check_unread(true);
    AtomicFile file(path);
    for (const std::string_view piece : iter_content()) file.write(piece);
    file.commit();
}

void Response::raise_for_status() const {
    if (ok()) return;
    const std::string what = "the server answered " + std::to_string(status_code()) +
                             (reason().empty() ? "" : " " + reason()) +
                             (status_code() < 500 ? " (client error)" : " (server error)");
    throw HTTPError(message(state_->context, what), state_->context.url, Response(state_));
}

HTTPError::HTTPError(const std::string& what, std::string url, Response response)
    : RequestException(what, std::move(url)),
      response_(std::make_shared<const Response>(std::move(response))) {}

}  // namespace thrum::requests
