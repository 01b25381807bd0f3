// thrum/requests/masking.cpp: floor 4, requests
// Hiding more than needed is harmless, hiding less is not.
#include <thrum/http/url.hpp>
#include <thrum/requests/internal/context.hpp>
#include <thrum/requests/masking.hpp>

#include <algorithm>

namespace thrum::requests {

namespace {

// Where the user's name would begin.
std::size_t authority_begin(std::string_view text) noexcept {
    const std::size_t slashes = text.find("//");
    return slashes == text.npos ? 0 : slashes + 2;
}

}  // namespace

bool hides_password(std::string_view text) noexcept {
    const std::size_t begin = authority_begin(text);
    const std::size_t end = std::min(text.find_first_of("/?#\\", begin), text.size());
    return end > begin && text[end - 1] == ':' && text.find('@', end) != text.npos;
}

std::string masked_url(std::string_view text) {
    if (!hides_password(text)) {
        const auto url = http::Url::try_parse(text, nullptr, nullptr);
        if (url && (url->scheme() == "http" || url->scheme() == "https")) return internal::shown(*url);
    }
    const std::size_t begin = authority_begin(text);
    const std::size_t at = text.rfind('@');
    if (at == text.npos || at < begin) return std::string(text);
    return std::string(text.substr(0, begin)).append("***").append(text.substr(at));
}

}  // namespace thrum::requests
