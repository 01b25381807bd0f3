// thrum/requests/cookies_fuzz.cpp: floor 4, requests
// Whatever a server sets, the Cookie field that goes back is one line, and the jar's invariants hold.
#include <thrum/requests/cookies.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    static const auto url = thrum::http::Url::parse("https://home.example.org/a/b");
    static const auto other = thrum::http::Url::parse("https://evil.example.net/a/b");
    thrum::requests::CookieJar jar;
    // Lines are Set-Cookie fields of one answer after another.
    for (std::size_t at = 0; at <= text.size();) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        jar.store(url, text.substr(at, end - at));
        at = end + 1;
    }
    for (const char c : jar.header_for(url)) {
        if (c == '\r' || c == '\n' || c == '\0') std::abort();
    }
    if (!jar.header_for(other).empty() || jar.size() > thrum::requests::max_cookies_per_domain * 3)
        std::abort();
    static_cast<void>(thrum::requests::parse_cookie_date(text));
    return 0;
}
