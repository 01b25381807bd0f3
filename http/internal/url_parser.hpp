// thrum/http/internal/url_parser.hpp: floor 3, http
// The basic URL parser of WHATWG URL §4.4: one function for each of its states.
#pragma once

#include <thrum/http/internal/percent.hpp>
#include <thrum/http/url.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace thrum::http::internal {

// Special schemes, WHATWG URL §4.2: those whose URLs have a host and segments.
bool is_special_scheme(std::string_view scheme) noexcept;
std::optional<std::uint16_t> default_port(std::string_view scheme) noexcept;

class UrlParser {
public:
    UrlParser(std::string_view text, const Url* base);
    // To be called once.
    UrlError run();
    Url take() { return std::move(url_); }

private:
    enum class State : unsigned char {
        scheme_start,
        scheme,
        no_scheme,
        special_relative_or_authority,
        path_or_authority,
        relative,
        relative_slash,
        special_authority_slashes,
        special_authority_ignore_slashes,
        authority,
        host,
        port,
        file,
        file_slash,
        file_host,
        path_start,
        path,
        opaque_path,
        query,
        fragment,
    };

    static constexpr int end = -1;
    int current() const noexcept {
        return pointer_ < text_.size() ? static_cast<unsigned char>(text_[pointer_]) : end;
    }
    std::string_view from_current() const noexcept { return std::string_view(text_).substr(pointer_); }
    std::string_view remaining() const noexcept;
    bool is_slash(int c) const noexcept { return c == '/' || (special_ && c == '\\'); }
    bool ends_authority(int c) const noexcept { return c == end || c == '?' || c == '#' || is_slash(c); }
    // The step to `state` that looks at the present character again, which the standard says as "decrease
    // pointer".
    UrlError again(State state) noexcept;
    UrlError go(State state) noexcept;
    void encode(std::string& out, int c, EncodeSet set) const {
        append_percent_encoded(out, static_cast<char>(c), set);
    }

    UrlError step(int c);
    UrlError on_scheme_start(int c);
    UrlError on_scheme(int c);
    UrlError after_scheme();
    UrlError on_no_scheme(int c);
    UrlError on_special_relative_or_authority(int c);
    UrlError on_path_or_authority(int c);
    UrlError on_relative(int c);
    UrlError on_relative_slash(int c);
    UrlError on_special_authority_slashes(int c);
    UrlError on_authority(int c);
    UrlError on_host(int c);
    UrlError on_port(int c);
    UrlError on_file(int c);
    UrlError on_file_slash(int c);
    UrlError on_file_host(int c);
    UrlError on_path_start(int c);
    UrlError on_path(int c);
    UrlError on_opaque_path(int c);
    UrlError on_query(int c);
    UrlError on_fragment(int c);

    void take_credentials();
    void copy_authority_from_base();
    UrlError begin_query() noexcept;
    UrlError begin_fragment() noexcept;
    void shorten_path();
    void append_segment(std::string_view segment);

    std::string text_;
    const Url* base_;
    Url url_;
    State state_ = State::scheme_start;
    std::size_t pointer_ = 0;
    bool stay_ = false;  // look at the same character in the next state
    std::string buffer_;
    bool special_ = false;
    bool at_sign_seen_ = false;
    bool inside_brackets_ = false;
    bool password_token_seen_ = false;
};

}  // namespace thrum::http::internal
