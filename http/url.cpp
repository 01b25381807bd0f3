// thrum/http/url.cpp: floor 3, http
// What a parsed Url answers; the parser itself is internal/url_parser.cpp.
#include <thrum/base/text.hpp>
#include <thrum/http/internal/percent.hpp>
#include <thrum/http/internal/url_parser.hpp>
#include <thrum/http/url.hpp>

#include <utility>

namespace thrum::http {
namespace {

// What a message quotes of a text that is no URL.
constexpr std::size_t quoted_limit = 200;

// What may be a name and a password is not shown: all from the scheme on to the last "@", for where they end
// is not known of a text that is no URL.
std::string without_secrets(std::string_view text) {
    const auto at = text.rfind('@');
    if (at == text.npos) return std::string(text);
    const auto slashes = text.find("://");
    constexpr std::string_view scheme_characters = "abcdefghijklmnopqrstuvwxyz0123456789+-.";
    const bool has_scheme =
        slashes < at && to_lower(text.substr(0, slashes)).find_first_not_of(scheme_characters) == text.npos;
    const std::string_view shown = has_scheme ? text.substr(0, slashes + 3) : std::string_view();
    return std::string(shown).append("***").append(text.substr(at));
}

std::string message(std::string_view whole, UrlError reason) {
    const std::string shown = without_secrets(whole);
    const std::string_view text = shown;
    std::string quoted;
    for (char c : text.substr(0, quoted_limit)) {
        internal::append_percent_encoded(quoted, c, internal::EncodeSet::c0_control);
    }
    if (text.size() > quoted_limit) quoted += "…";
    return "invalid URL '" + quoted + "': " + std::string(describe(reason));
}

}  // namespace

std::string_view describe(UrlError error) noexcept {
    switch (error) {
        case UrlError::none: return "no error";
        case UrlError::missing_scheme: return "it has no scheme; start it with https:// or http://";
        case UrlError::missing_host: return "it names no host";
        case UrlError::invalid_host_character: return "the host has a character that hosts may not have";
        case UrlError::non_ascii_host:
            return "the host has characters beyond ASCII, which are not supported yet; write it in its xn-- "
                   "form";
        case UrlError::invalid_ipv4: return "the host ends in a number but is no IPv4 address";
        case UrlError::invalid_ipv6: return "the host in square brackets is no IPv6 address";
        case UrlError::invalid_port: return "the port is not a number from 0 to 65535";
    }
    return "unknown error";
}

InvalidUrl::InvalidUrl(std::string_view text, UrlError reason)
    : Error(message(text, reason)), reason_(reason) {}

std::optional<Url> Url::try_parse(std::string_view text, const Url* base, UrlError* error) {
    internal::UrlParser parser(text, base);
    const UrlError outcome = parser.run();
    if (error != nullptr) *error = outcome;
    if (outcome != UrlError::none) return std::nullopt;
    return parser.take();
}

Url Url::parse(std::string_view text) {
    UrlError error = UrlError::none;
    std::optional<Url> url = try_parse(text, nullptr, &error);
    if (!url) throw InvalidUrl(text, error);
    return *std::move(url);
}

Url Url::resolve(std::string_view reference) const {
    UrlError error = UrlError::none;
    std::optional<Url> url = try_parse(reference, this, &error);
    if (!url) throw InvalidUrl(reference, error);
    return *std::move(url);
}

bool Url::is_special() const noexcept { return internal::is_special_scheme(scheme_); }

std::string_view Url::hostname() const noexcept {
    std::string_view name = host_;
    if (name.starts_with('[')) name = name.substr(1, name.size() - 2);
    return name;
}

std::uint16_t Url::port() const noexcept {
    return port_ ? *port_ : internal::default_port(scheme_).value_or(0);
}

std::string Url::authority() const { return port_ ? host_ + ":" + std::to_string(*port_) : host_; }

std::string Url::origin() const {
    if (!is_special() || scheme_ == "file") return "null";
    return scheme_ + "://" + authority();
}

std::string Url::request_target() const {
    std::string target = path_.empty() ? "/" : path_;
    if (query_) target += "?" + *query_;
    return target;
}

std::string Url::to_string() const {
    std::string text = scheme_ + ":";
    if (has_host_) {
        text += "//";
        if (has_credentials()) {
            text += username_;
            if (!password_.empty()) text += ":" + password_;
            text += "@";
        }
        text += authority();
    } else if (!has_opaque_path_ && path_.starts_with("//")) {
        text += "/.";  // or the path would be read as a host (§4.5)
    }
    text += path_;
    if (query_) text += "?" + *query_;
    if (fragment_) text += "#" + *fragment_;
    return text;
}

Url Url::with_params(const Params& params) const {
    Url url = *this;
    if (params.empty()) return url;
    std::string query = url.query_.value_or("");
    if (!query.empty() && !query.ends_with('&')) query += '&';
    url.query_ = query + form_encode(params);
    return url;
}

Url Url::with_fragment(std::optional<std::string_view> fragment) const {
    Url url = *this;
    url.fragment_.reset();
    if (!fragment) return url;
    url.fragment_.emplace();
    for (char c : *fragment)
        internal::append_percent_encoded(*url.fragment_, c, internal::EncodeSet::fragment);
    return url;
}

Url Url::without_credentials() const {
    Url url = *this;
    url.username_.clear();
    url.password_.clear();
    return url;
}

}  // namespace thrum::http
