// thrum/http/url_fuzz.cpp: floor 3, http
// Any bytes as a URL and as a reference: no crash, a normal form that parses to itself, and nothing in it
// that could break out of a request line.
#include <thrum/http/url.hpp>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

namespace {

using thrum::http::Url;

void demand(bool condition, const char* what, std::string_view text) {
    if (condition) return;
    std::fprintf(stderr, "%s: %.*s\n", what, static_cast<int>(text.size()), text.data());
    std::abort();
}

void check(const Url& url) {
    const std::string text = url.to_string();
    const std::optional<Url> again = Url::try_parse(text);
    demand(again.has_value(), "the normal form does not parse", text);
    demand(*again == url, "the normal form is not stable", text);
    for (unsigned char c : text) demand(c >= ' ' && c < 127, "an unescaped control character or byte", text);
    for (unsigned char c : url.request_target() + url.authority()) {
        demand(c != ' ' || !url.has_host(), "a space in a request line", text);
    }
    demand(url.with_params({{"a b", "c"}}).params().back().second == "c", "a parameter is lost", text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    static const Url bases[] = {Url::parse("http://user@host:81/a/b;c?d#e"), Url::parse("file:///c:/a/b"),
                                Url::parse("custom://host/a/b"), Url::parse("mailto:x")};
    if (const std::optional<Url> url = Url::try_parse(text)) check(*url);
    for (const Url& base : bases) {
        if (const std::optional<Url> url = Url::try_parse(text, &base)) check(*url);
    }
    return 0;
}
