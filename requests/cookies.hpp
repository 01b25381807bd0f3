// thrum/requests/cookies.hpp: floor 4, requests
// CookieJar: keeps what servers set and sends it back to those it is meant for (RFC 6265).
#pragma once

#include <thrum/http/url.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace thrum::requests {

inline constexpr std::size_t max_cookie_size = 4096;        // bytes of name and value together
inline constexpr std::size_t max_cookies_per_domain = 180;  // the oldest goes first
inline constexpr std::size_t max_cookies = 3000;

// One stored cookie, with the fields of RFC 6265 §5.3.
struct Cookie {
    std::string name = {};
    std::string value = {};
    std::string domain = {};  // lower case, without a leading dot
    std::string path = "/";
    // Nothing: until the session ends.
    std::optional<std::chrono::sys_seconds> expires = {};
    bool host_only = true;  // only for `domain` itself, not for what is below it
    bool secure = false;    // only over https
    bool http_only = false;
    std::uint64_t order = 0;  // of creation, within its jar
};

// "Wed, 09 Jun 2021 10:18:14 GMT" and what else servers write, by the rules of RFC 6265 §5.1.1; nothing where
// it is no date.
std::optional<std::chrono::sys_seconds> parse_cookie_date(std::string_view text);

// Any number of threads may use one jar at once.
class CookieJar {
public:
    CookieJar();
    CookieJar(const CookieJar& other);
    CookieJar(CookieJar&&) noexcept;
    CookieJar& operator=(const CookieJar& other);
    CookieJar& operator=(CookieJar&&) noexcept;
    ~CookieJar();

    // Takes in one Set-Cookie value of an answer from `url` (RFC 6265 §5.2, §5.3). False where it was
    // refused: no name, for another domain or a public suffix ("co.uk"), too large, secure from an insecure
    // place or in the way of a secure one.
    bool store(const http::Url& url, std::string_view set_cookie);
    // Keeps this cookie for `domain` alone and everything below `path`.
    void set(std::string_view name, std::string_view value, std::string_view domain,
             std::string_view path = "/");
    // The Cookie header for a request to `url` (RFC 6265 §5.4): "a=1; b=2"; empty where there is none.
    std::string header_for(const http::Url& url) const;

    // The value of the first cookie of that name that has not expired; in order of creation.
    std::optional<std::string> get(std::string_view name) const;
    bool contains(std::string_view name) const { return get(name).has_value(); }
    // All that have not expired, in order of creation.
    std::vector<Cookie> all() const;
    std::size_t size() const { return all().size(); }
    bool empty() const { return size() == 0; }
    // Returns how many of that name there were.
    std::size_t remove(std::string_view name);
    void clear();
    // Takes over every cookie of `other`.
    void update(const CookieJar& other);

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace thrum::requests
