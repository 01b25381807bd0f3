// thrum/requests/internal/redirect.cpp: floor 4, requests
// The next request after a redirect.
#include <thrum/base/text.hpp>
#include <thrum/requests/errors.hpp>
#include <thrum/requests/internal/origin.hpp>
#include <thrum/requests/internal/redirect.hpp>
#include <thrum/requests/masking.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace thrum::requests::internal {

namespace {

http::Url target_of(const http::Url& from, std::string_view location, const Context& context) {
    http::UrlError error = http::UrlError::none;
    auto target = http::Url::try_parse(location, &from, &error);
    if (!target) {
        throw InvalidURL(message(context, "redirected to \"" + masked_url(location) +
                                              "\", which is no URL: " + std::string(describe(error))),
                         context.url);
    }
    if (target->scheme() != "http" && target->scheme() != "https") {
        throw InvalidURL(message(context, "redirected to " + masked_url(target->to_string()) +
                                              ", which is neither http nor https"),
                         context.url);
    }
    // A page does not choose with which credentials we go elsewhere; and the fragment stays unless it has its
    // own (RFC 9110 §10.2.2).
    if (target->has_credentials()) target = target->without_credentials();
    if (!target->fragment() && from.fragment()) target = target->with_fragment(*from.fragment());
    return *target;
}

std::string method_after(const std::string& method, int status) {
    if ((status == 303 || status == 302) && method != "HEAD") return "GET";
    if (status == 301 && method == "POST") return "GET";
    return method;
}

// Whether what was sent to the first server is nobody else's: the next request is a plain GET or HEAD
// (RFC 9110 §15.4, "if the request method has been changed to GET or HEAD"), whatever the first one was.
bool drops_body(int status, std::string_view method_now) {
    return status == 303 ||
           ((status == 301 || status == 302) && (method_now == "GET" || method_now == "HEAD"));
}

void drop_body(PreparedRequest& request) {
    request.body.clear();
    std::vector<std::string> names = {"Transfer-Encoding", "Digest", "Last-Modified"};
    for (const auto& [name, value] : request.headers) {
        if (to_lower(name).starts_with("content-")) names.push_back(name);
    }
    for (const std::string& name : names) request.headers.remove(name);
}

}  // namespace

std::string shown_location(const http::Url& from, std::string_view location) {
    const auto target = http::Url::try_parse(location, &from, nullptr);
    return target ? masked_url(target->to_string()) : masked_url(location);
}

bool is_redirect(int status, const http::Headers& headers) noexcept {
    switch (status) {
        case 301:
        case 302:
        case 303:
        case 307:
        case 308: return headers.contains("Location");
        default: return false;
    }
}

bool follow(PreparedRequest& request, int status, const http::Headers& headers, const Context& context) {
    http::Url target = target_of(request.url, headers.at("Location"), context);
    request.method = method_after(request.method, status);
    if (drops_body(status, request.method)) drop_body(request);
    const bool same = same_origin(request.url, target);
    // The next Cookie field is made for the next URL; the one that was written by hand was for the first.
    request.headers.remove("Cookie");
    if (!same) {
        for (const char* name : {"Authorization", "Proxy-Authorization", "Host"})
            request.headers.remove(name);
    }
    request.url = std::move(target);
    return same;
}

}  // namespace thrum::requests::internal
