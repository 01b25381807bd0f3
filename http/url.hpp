// thrum/http/url.hpp: floor 3, http
// Url: an address taken apart, brought to normal form and put together again, as browsers do it.
#pragma once

#include <thrum/base/errors.hpp>
#include <thrum/http/form.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace thrum::http {

// Why a text is no URL.
enum class UrlError : unsigned char {
    none,
    missing_scheme,
    missing_host,
    invalid_host_character,
    non_ascii_host,
    invalid_ipv4,
    invalid_ipv6,
    invalid_port,
};

// The reason in words, for the end of a message.
std::string_view describe(UrlError error) noexcept;

// A text that is no URL. what() holds the reason and the text, but "***" for all before its last "@".
class InvalidUrl : public Error {
public:
    InvalidUrl(std::string_view text, UrlError reason);
    UrlError reason() const noexcept { return reason_; }

private:
    UrlError reason_;
};

namespace internal {
class UrlParser;
}

// A URL by the URL Standard of WHATWG (§4, the basic parser), in normal form: scheme and domain in lower
// case, default port dropped, dot segments resolved, what must be escaped escaped; white space at the ends,
// tabs and line breaks are dropped, and "\" in an http URL is "/". So no part of a Url holds a control
// character or a space. Hosts beyond ASCII are refused for now (UrlError::non_ascii_host): write them in
// their "xn--" form. A value type. Two Urls are equal when their normal forms are.
class Url {
public:
    // Throws InvalidUrl when `text` is no absolute URL.
    static Url parse(std::string_view text);
    // The same without throwing; `base`, if given, resolves a relative `text`, and `error` receives the
    // reason.
    static std::optional<Url> try_parse(std::string_view text, const Url* base = nullptr,
                                        UrlError* error = nullptr);
    // What a link `reference` on this page leads to (RFC 3986 §5.2, in the WHATWG form). Throws InvalidUrl.
    Url resolve(std::string_view reference) const;

    // "https", without the colon.
    const std::string& scheme() const noexcept { return scheme_; }
    // Both as they stand in the URL; percent_decode() gives what was meant. Empty where absent.
    const std::string& username() const noexcept { return username_; }
    const std::string& password() const noexcept { return password_; }
    bool has_credentials() const noexcept { return !username_.empty() || !password_.empty(); }
    // "example.com", "127.0.0.1", "[::1]"; empty where there is none, as in "mailto:x".
    const std::string& host() const noexcept { return host_; }
    bool has_host() const noexcept { return has_host_; }
    // The host without the brackets of IPv6: what to give to a resolver.
    std::string_view hostname() const noexcept;
    // The port to connect to: the one written, or the scheme's own; 0 where the scheme has none.
    std::uint16_t port() const noexcept;
    // Only where one is written that is not the scheme's own.
    std::optional<std::uint16_t> explicit_port() const noexcept { return port_; }
    // "/a/b"; for http and the like never empty.
    const std::string& path() const noexcept { return path_; }
    // Without the "?"; nothing differs from empty.
    const std::optional<std::string>& query() const noexcept { return query_; }
    // Without the "#".
    const std::optional<std::string>& fragment() const noexcept { return fragment_; }
    // The query taken apart by form_decode().
    Params params() const { return query_ ? form_decode(*query_) : Params(); }

    // "example.com:8080", what the Host field says (RFC 9110 §7.2).
    std::string authority() const;
    // "https://example.com:8080", the same for all that share a server; "null" where the scheme has no
    // origin.
    std::string origin() const;
    // "/path?query", what the request line says (RFC 9112 §3.2.1).
    std::string request_target() const;
    std::string to_string() const;

    // This URL with the pairs added at the end of the query, form-encoded; what the query holds already
    // stays.
    Url with_params(const Params& params) const;
    // This URL with that fragment, or none.
    Url with_fragment(std::optional<std::string_view> fragment) const;
    // This URL without username and password, as messages and logs show it.
    Url without_credentials() const;

    friend bool operator==(const Url&, const Url&) = default;

private:
    friend class internal::UrlParser;
    Url() = default;
    bool is_special() const noexcept;

    std::string scheme_;
    std::string username_;
    std::string password_;
    std::string host_;
    bool has_host_ = false;
    bool has_opaque_path_ = false;  // "x" of "mailto:x": a path that is not made of segments
    std::optional<std::uint16_t> port_;
    std::string path_;  // the segments, each with its "/" in front
    std::optional<std::string> query_;
    std::optional<std::string> fragment_;
};

}  // namespace thrum::http
