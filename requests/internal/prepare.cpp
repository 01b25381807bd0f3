// thrum/requests/internal/prepare.cpp: floor 4, requests
// Merging, as Python's requests merges: what the request says wins, else the session, else the defaults.
#include <thrum/base/text.hpp>
#include <thrum/http/form.hpp>
#include <thrum/requests/errors.hpp>
#include <thrum/requests/internal/decoder.hpp>
#include <thrum/requests/internal/prepare.hpp>
#include <thrum/requests/masking.hpp>

#include <algorithm>

namespace thrum::requests::internal {

namespace {

[[noreturn]] void refuse_url(std::string_view text, http::UrlError error) {
    const std::string shown_text = masked_url(text);
    if (trim(text).empty()) throw InvalidURL("the URL is empty; give one such as \"https://example.org/\"");
    const std::string name = "\"" + shown_text + "\" ";
    if (error == http::UrlError::none) {
        throw InvalidURL(name + "is neither http nor https, the two that thrum speaks", shown_text);
    }
    if (error == http::UrlError::missing_scheme) {
        const std::string missing = shown_text.starts_with("//") ? "https:" : "https://";
        throw InvalidURL(name + "has no scheme; did you mean \"" + missing + shown_text + "\"?", shown_text);
    }
    throw InvalidURL(name + "is no URL: " + std::string(describe(error)), shown_text);
}

http::Url parse_url(std::string_view text) {
    http::UrlError error = http::UrlError::none;
    if (hides_password(text)) {
        const std::string shown_text = masked_url(text);
        throw InvalidURL(
            "\"" + shown_text +
                "\" has an empty port and an \"@\" after it: where \"/\", \"?\" or \"#\" is part of "
                "a password, write %2F, %3F or %23",
            shown_text);
    }
    auto url = http::Url::try_parse(text, nullptr, &error);
    if (!url || (url->scheme() != "http" && url->scheme() != "https")) refuse_url(text, error);
    return *std::move(url);
}

void check_method(const std::string& method) {
    if (!http::is_token(method)) {
        throw InvalidHeader("\"" + method + "\" is no method: it must be one word, such as GET");
    }
    // RFC 9110 §9.3.6: a tunnel is no message, and its target no URL.
    if (method == "CONNECT") {
        throw InvalidHeader("CONNECT asks a proxy for a tunnel and cannot be sent as a request");
    }
}

std::string upper(std::string_view method) {
    std::string text(method);
    std::transform(text.begin(), text.end(), text.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? char(c - 32) : c; });
    check_method(text);
    return text;
}

Limits merge_limits(const Timeouts& ours, const Timeouts& session, bool stream) {
    return {ours.connect.value_or(session.connect.value_or(default_connect_timeout)),
            ours.read.value_or(session.read.value_or(default_read_timeout)),
            ours.total.value_or(session.total.value_or(stream ? no_timeout : default_total_timeout))};
}

void set_body(PreparedRequest& request, const Options& options) {
    const int given =
        int(!options.data.empty()) + int(options.json.has_value()) + int(options.body.has_value());
    if (given > 1) {
        throw RequestException("a request has one body: give only one of .data, .json and .body",
                               shown(request.url));
    }
    if (!options.data.empty()) {
        request.body = http::form_encode(options.data.list());
        request.headers.set_default("Content-Type", "application/x-www-form-urlencoded");
    } else if (options.json.has_value()) {
        try {
            request.body = options.json.value().dump();
        } catch (const nlohmann::json::type_error&) {
            std::throw_with_nested(
                RequestException("the JSON to be sent holds text that is not UTF-8", shown(request.url)));
        }
        request.headers.set_default("Content-Type", "application/json");
    } else if (options.body) {
        request.body = *options.body;
    }
}

std::string cookie_text(const Pairs& cookies) {
    std::string text;
    for (const auto& [name, value] : cookies) {
        if (name.empty() || name.find_first_of("=;") != name.npos || value.find(';') != value.npos ||
            !http::is_field_value(name) || (!value.empty() && !http::is_field_value(value))) {
            throw InvalidHeader(
                "the cookie \"" + name +
                "\" cannot be sent: its name may not be empty or hold \"=\", and neither name nor "
                "value may hold \";\" or control characters");
        }
        text.append(text.empty() ? "" : "; ").append(name).append("=").append(value);
    }
    return text;
}

// The user's name and password of http://user:password@host/.
Auth take_credentials(http::Url& url) {
    const std::string user = percent_decode(url.username());
    if (user.find(':') != user.npos) {
        throw InvalidURL("\"" + shown(url) +
                             "\" has a user name with a colon (%3A), which Basic authentication cannot carry",
                         shown(url));
    }
    const BasicAuth auth(user, percent_decode(url.password()));
    url = url.without_credentials();
    return auth;
}

}  // namespace

void check_framing(const PreparedRequest& request) {
    check_method(request.method);
    if (request.headers.contains("Transfer-Encoding")) {
        throw InvalidHeader("Transfer-Encoding cannot be set: how a body is framed follows from the body",
                            shown(request.url));
    }
    if (request.headers.get_all("Host").size() > 1) {
        throw InvalidHeader("a request has one Host (RFC 9112 §3.2)", shown(request.url));
    }
}

http::Headers default_headers() {
    http::Headers headers;
    headers.add("User-Agent", "thrum/" THRUM_VERSION);
    headers.add("Accept-Encoding", accepted_codings);
    headers.add("Accept", "*/*");
    return headers;
}

Job prepare(const Defaults& defaults, std::string_view method, std::string_view url_text,
            const Options& options) {
    http::Url url = parse_url(url_text);
    if (!defaults.params.empty()) url = url.with_params(defaults.params.list());
    if (!options.params.empty()) url = url.with_params(options.params.list());
    Job job{.request = {upper(method), url},
            .context = {},
            .trust = defaults.trust,
            .auth = options.auth ? options.auth : defaults.auth,
            .cookies = cookie_text(options.cookies),
            .allow_redirects = true};
    job.allow_redirects = options.allow_redirects.value_or(job.request.method != "HEAD");
    job.request.headers = defaults.headers;
    job.request.headers.update(options.headers);
    set_body(job.request, options);
    job.context = {job.request.method, shown(url),
                   merge_limits(options.timeout, defaults.timeout, options.stream)};
    job.context.deadline = deadline_after(job.context.limits.total);
    if (options.verify) job.trust.verify = *options.verify;
    if (!options.ca.empty()) job.trust.ca = options.ca;
    if (!options.cert.certificate.empty()) job.trust.cert = options.cert;
    if (url.has_credentials()) {
        Auth from_url = take_credentials(job.request.url);
        if (!job.auth) job.auth = std::move(from_url);
    }
    return job;
}

}  // namespace thrum::requests::internal
