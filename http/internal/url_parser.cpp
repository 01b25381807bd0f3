// thrum/http/internal/url_parser.cpp: floor 3, http
// States and names follow WHATWG URL §4.4, so that the two can be read side by side. Text is taken as bytes
// of UTF-8: no state tells characters beyond ASCII apart, each of their bytes is escaped or part of a host.
#include <thrum/base/text.hpp>
#include <thrum/http/internal/url_host.hpp>
#include <thrum/http/internal/url_parser.hpp>

#include <algorithm>
#include <array>

namespace thrum::http::internal {
namespace {

struct SpecialScheme {
    std::string_view name;
    std::uint16_t port;  // 0 for none
};
constexpr std::array<SpecialScheme, 6> special_schemes = {
    {{"http", 80}, {"https", 443}, {"ws", 80}, {"wss", 443}, {"ftp", 21}, {"file", 0}}};

const SpecialScheme* find_scheme(std::string_view scheme) noexcept {
    const auto* found =
        std::find_if(special_schemes.begin(), special_schemes.end(),
                     [scheme](const SpecialScheme& special) { return special.name == scheme; });
    return found == special_schemes.end() ? nullptr : found;
}

// §4.1: "c:" or "c|".
bool is_drive_letter(std::string_view text) noexcept {
    return text.size() == 2 && is_alpha(text[0]) && (text[1] == ':' || text[1] == '|');
}

bool starts_with_drive_letter(std::string_view text) noexcept {
    if (!is_drive_letter(text.substr(0, 2))) return false;
    return text.size() == 2 || std::string_view("/\\?#").find(text[2]) != std::string_view::npos;
}

bool is_single_dot(std::string_view segment) noexcept { return segment == "." || iequals(segment, "%2e"); }

bool is_double_dot(std::string_view segment) noexcept {
    return segment == ".." || iequals(segment, ".%2e") || iequals(segment, "%2e.") ||
           iequals(segment, "%2e%2e");
}

// Without control characters and spaces at the ends, and without tabs and line breaks anywhere.
std::string cleaned(std::string_view text) {
    const auto is_edge = [](char c) { return static_cast<unsigned char>(c) <= ' '; };
    while (!text.empty() && is_edge(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_edge(text.back())) text.remove_suffix(1);
    std::string result(text);
    std::erase_if(result, [](char c) { return c == '\t' || c == '\n' || c == '\r'; });
    return result;
}

}  // namespace

bool is_special_scheme(std::string_view scheme) noexcept { return find_scheme(scheme) != nullptr; }

std::optional<std::uint16_t> default_port(std::string_view scheme) noexcept {
    const SpecialScheme* special = find_scheme(scheme);
    if (special == nullptr || special->port == 0) return std::nullopt;
    return special->port;
}

UrlParser::UrlParser(std::string_view text, const Url* base) : text_(cleaned(text)), base_(base) {}

UrlError UrlParser::run() {
    for (;;) {
        const int c = current();
        stay_ = false;
        const UrlError error = step(c);
        if (error != UrlError::none) return error;
        if (stay_) continue;
        if (c == end) return UrlError::none;
        ++pointer_;
    }
}

std::string_view UrlParser::remaining() const noexcept {
    return std::string_view(text_).substr(std::min(pointer_ + 1, text_.size()));
}

UrlError UrlParser::go(State state) noexcept {
    state_ = state;
    return UrlError::none;
}

UrlError UrlParser::again(State state) noexcept {
    stay_ = true;
    return go(state);
}

UrlError UrlParser::step(int c) {
    switch (state_) {
        case State::scheme_start: return on_scheme_start(c);
        case State::scheme: return on_scheme(c);
        case State::no_scheme: return on_no_scheme(c);
        case State::special_relative_or_authority: return on_special_relative_or_authority(c);
        case State::path_or_authority: return on_path_or_authority(c);
        case State::relative: return on_relative(c);
        case State::relative_slash: return on_relative_slash(c);
        case State::special_authority_slashes: return on_special_authority_slashes(c);
        case State::special_authority_ignore_slashes:
            return c == '/' || c == '\\' ? UrlError::none : again(State::authority);
        case State::authority: return on_authority(c);
        case State::host: return on_host(c);
        case State::port: return on_port(c);
        case State::file: return on_file(c);
        case State::file_slash: return on_file_slash(c);
        case State::file_host: return on_file_host(c);
        case State::path_start: return on_path_start(c);
        case State::path: return on_path(c);
        case State::opaque_path: return on_opaque_path(c);
        case State::query: return on_query(c);
        case State::fragment: return on_fragment(c);
    }
    return UrlError::none;
}

UrlError UrlParser::on_scheme_start(int c) {
    if (c == end || !is_alpha(static_cast<char>(c))) return again(State::no_scheme);
    buffer_ += ascii_lower(static_cast<char>(c));
    return go(State::scheme);
}

UrlError UrlParser::on_scheme(int c) {
    const char byte = static_cast<char>(c);
    if (c != end && (is_alpha(byte) || is_digit(byte) || byte == '+' || byte == '-' || byte == '.')) {
        buffer_ += ascii_lower(byte);
        return UrlError::none;
    }
    if (c == ':') return after_scheme();
    buffer_.clear();
    pointer_ = 0;
    return again(State::no_scheme);
}

UrlError UrlParser::after_scheme() {
    url_.scheme_ = std::exchange(buffer_, {});
    special_ = is_special_scheme(url_.scheme_);
    if (url_.scheme_ == "file") return go(State::file);
    if (special_ && base_ != nullptr && base_->scheme_ == url_.scheme_) {
        return go(State::special_relative_or_authority);
    }
    if (special_) return go(State::special_authority_slashes);
    if (remaining().starts_with('/')) {
        ++pointer_;
        return go(State::path_or_authority);
    }
    url_.has_opaque_path_ = true;
    return go(State::opaque_path);
}

UrlError UrlParser::on_no_scheme(int c) {
    if (base_ == nullptr || (base_->has_opaque_path_ && c != '#')) return UrlError::missing_scheme;
    if (base_->has_opaque_path_) {
        url_ = *base_;
        return begin_fragment();
    }
    return again(base_->scheme_ == "file" ? State::file : State::relative);
}

UrlError UrlParser::on_special_relative_or_authority(int c) {
    if (c == '/' && remaining().starts_with('/')) {
        ++pointer_;
        return go(State::special_authority_ignore_slashes);
    }
    return again(State::relative);
}

UrlError UrlParser::on_path_or_authority(int c) {
    return c == '/' ? go(State::authority) : again(State::path);
}

void UrlParser::copy_authority_from_base() {
    url_.username_ = base_->username_;
    url_.password_ = base_->password_;
    url_.host_ = base_->host_;
    url_.has_host_ = base_->has_host_;
    url_.port_ = base_->port_;
}

UrlError UrlParser::begin_query() noexcept {
    url_.query_.emplace();
    return go(State::query);
}

UrlError UrlParser::begin_fragment() noexcept {
    url_.fragment_.emplace();
    return go(State::fragment);
}

UrlError UrlParser::on_relative(int c) {
    url_.scheme_ = base_->scheme_;
    special_ = is_special_scheme(url_.scheme_);
    if (is_slash(c)) return go(State::relative_slash);
    copy_authority_from_base();
    url_.path_ = base_->path_;
    url_.query_ = base_->query_;
    if (c == '?') return begin_query();
    if (c == '#') return begin_fragment();
    if (c == end) return UrlError::none;
    url_.query_.reset();
    shorten_path();
    return again(State::path);
}

UrlError UrlParser::on_relative_slash(int c) {
    if (special_ && is_slash(c)) return go(State::special_authority_ignore_slashes);
    if (c == '/') return go(State::authority);
    copy_authority_from_base();
    return again(State::path);
}

UrlError UrlParser::on_special_authority_slashes(int c) {
    if (c == '/' && remaining().starts_with('/')) {
        ++pointer_;
        return go(State::special_authority_ignore_slashes);
    }
    return again(State::special_authority_ignore_slashes);
}

// Moves the buffer, the text before an "@", into username and password.
void UrlParser::take_credentials() {
    if (at_sign_seen_) buffer_.insert(0, "%40");
    at_sign_seen_ = true;
    for (char c : buffer_) {
        if (c == ':' && !password_token_seen_) {
            password_token_seen_ = true;
            continue;
        }
        append_percent_encoded(password_token_seen_ ? url_.password_ : url_.username_, c,
                               EncodeSet::userinfo);
    }
    buffer_.clear();
}

UrlError UrlParser::on_authority(int c) {
    if (c == '@') {
        take_credentials();
        return UrlError::none;
    }
    if (!ends_authority(c)) {
        buffer_ += static_cast<char>(c);
        return UrlError::none;
    }
    if (at_sign_seen_ && buffer_.empty()) return UrlError::missing_host;
    pointer_ -= buffer_.size();
    buffer_.clear();
    return again(State::host);
}

UrlError UrlParser::on_host(int c) {
    const bool at_port = c == ':' && !inside_brackets_;
    if (!at_port && !ends_authority(c)) {
        if (c == '[') inside_brackets_ = true;
        if (c == ']') inside_brackets_ = false;
        buffer_ += static_cast<char>(c);
        return UrlError::none;
    }
    if (buffer_.empty() && (at_port || special_)) return UrlError::missing_host;
    const UrlError error = parse_host(buffer_, special_, url_.host_);
    if (error != UrlError::none) return error;
    url_.has_host_ = true;
    buffer_.clear();
    return at_port ? go(State::port) : again(State::path_start);
}

UrlError UrlParser::on_port(int c) {
    if (c != end && is_digit(static_cast<char>(c))) {
        buffer_ += static_cast<char>(c);
        return UrlError::none;
    }
    if (!ends_authority(c)) return UrlError::invalid_port;
    if (!buffer_.empty()) {
        const auto port = parse_unsigned(buffer_);
        if (!port || *port > 65535) return UrlError::invalid_port;
        url_.port_ = static_cast<std::uint16_t>(*port);
        if (default_port(url_.scheme_) == url_.port_) url_.port_.reset();
        buffer_.clear();
    }
    return again(State::path_start);
}

UrlError UrlParser::on_file(int c) {
    url_.scheme_ = "file";
    special_ = true;
    url_.host_.clear();
    url_.has_host_ = true;
    if (is_slash(c)) return go(State::file_slash);
    if (base_ == nullptr || base_->scheme_ != "file") return again(State::path);
    url_.host_ = base_->host_;
    url_.path_ = base_->path_;
    url_.query_ = base_->query_;
    if (c == '?') return begin_query();
    if (c == '#') return begin_fragment();
    if (c == end) return UrlError::none;
    url_.query_.reset();
    if (starts_with_drive_letter(from_current())) {
        url_.path_.clear();
    } else {
        shorten_path();
    }
    return again(State::path);
}

UrlError UrlParser::on_file_slash(int c) {
    if (is_slash(c)) return go(State::file_host);
    if (base_ != nullptr && base_->scheme_ == "file") {
        url_.host_ = base_->host_;
        const std::string_view path = base_->path_;
        const std::string_view first = path.substr(0, path.find('/', 1));
        const bool has_drive = first.size() == 3 && is_drive_letter(first.substr(1)) && first[2] == ':';
        if (has_drive && !starts_with_drive_letter(from_current())) url_.path_ += first;
    }
    return again(State::path);
}

UrlError UrlParser::on_file_host(int c) {
    if (!ends_authority(c)) {
        buffer_ += static_cast<char>(c);
        return UrlError::none;
    }
    if (is_drive_letter(buffer_)) return again(State::path);  // the buffer is the first segment
    if (buffer_.empty()) return again(State::path_start);
    const UrlError error = parse_host(buffer_, special_, url_.host_);
    if (error != UrlError::none) return error;
    if (url_.host_ == "localhost") url_.host_.clear();
    buffer_.clear();
    return again(State::path_start);
}

UrlError UrlParser::on_path_start(int c) {
    if (special_) return is_slash(c) ? go(State::path) : again(State::path);
    if (c == '?') return begin_query();
    if (c == '#') return begin_fragment();
    if (c == end) return UrlError::none;
    return c == '/' ? go(State::path) : again(State::path);
}

// §4.2 "shorten a url's path": the last segment goes, but not the drive of a file.
void UrlParser::shorten_path() {
    const auto slash = url_.path_.rfind('/');
    if (slash == std::string::npos) return;
    if (url_.scheme_ == "file" && slash == 0 && url_.path_.size() == 3 && is_alpha(url_.path_[1]) &&
        url_.path_[2] == ':') {
        return;
    }
    url_.path_.resize(slash);
}

void UrlParser::append_segment(std::string_view segment) {
    url_.path_ += '/';
    url_.path_ += segment;
}

UrlError UrlParser::on_path(int c) {
    if (!ends_authority(c)) {
        encode(buffer_, c, EncodeSet::path);
        return UrlError::none;
    }
    if (is_double_dot(buffer_)) {
        shorten_path();
        if (!is_slash(c)) append_segment("");
    } else if (is_single_dot(buffer_)) {
        if (!is_slash(c)) append_segment("");
    } else {
        if (url_.scheme_ == "file" && url_.path_.empty() && is_drive_letter(buffer_)) buffer_[1] = ':';
        append_segment(buffer_);
    }
    buffer_.clear();
    if (c == '?') return begin_query();
    if (c == '#') return begin_fragment();
    return UrlError::none;
}

UrlError UrlParser::on_opaque_path(int c) {
    if (c == '?') return begin_query();
    if (c == '#') return begin_fragment();
    if (c == end) return UrlError::none;
    if (c == ' ') {
        const std::string_view next = remaining();
        url_.path_ += next.starts_with('?') || next.starts_with('#') ? "%20" : " ";
        return UrlError::none;
    }
    encode(url_.path_, c, EncodeSet::c0_control);
    return UrlError::none;
}

UrlError UrlParser::on_query(int c) {
    if (c == '#') return begin_fragment();
    if (c != end) encode(*url_.query_, c, special_ ? EncodeSet::special_query : EncodeSet::query);
    return UrlError::none;
}

UrlError UrlParser::on_fragment(int c) {
    if (c != end) encode(*url_.fragment_, c, EncodeSet::fragment);
    return UrlError::none;
}

}  // namespace thrum::http::internal
