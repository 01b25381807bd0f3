// thrum/requests/cookies.cpp: floor 4, requests
// The user agent's side of RFC 6265, section 5.
#include <thrum/base/text.hpp>
#include <thrum/requests/cookies.hpp>
#include <thrum/threads/lock.hpp>

#include <libpsl.h>

#include <algorithm>
#include <mutex>
#include <unordered_map>

namespace thrum::requests {

namespace {

using std::chrono::sys_seconds;

constexpr std::string_view white_space = " \t";

sys_seconds now() { return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()); }

bool expired(const Cookie& cookie, sys_seconds at) { return cookie.expires && *cookie.expires <= at; }

bool is_ip_address(std::string_view host) {
    // The URL parser has brought every spelling of an IPv4 address to four decimal numbers, and lets no name
    // end in a label that is one.
    return host.starts_with('[') || (!host.empty() && host.find_first_not_of("0123456789.") == host.npos);
}

// §5.1.3, for a `host` that is no IP address or a `domain` equal to it.
bool domain_matches(std::string_view host, std::string_view domain) {
    if (host == domain) return true;
    return !is_ip_address(host) && host.size() > domain.size() && host.ends_with(domain) &&
           host[host.size() - domain.size() - 1] == '.';
}

// §5.1.4, the default path.
std::string_view default_path(std::string_view path) {
    const std::size_t slash = path.rfind('/');
    if (path.empty() || path.front() != '/' || slash == 0) return "/";
    return path.substr(0, slash);
}

// §5.1.4, path-match.
bool path_matches(std::string_view request, std::string_view cookie) {
    if (!request.starts_with(cookie)) return false;
    return request.size() == cookie.size() || cookie.back() == '/' || request[cookie.size()] == '/';
}

// RFC 6265 leaves them to the user agent; no line break or NUL may ever reach a Cookie field.
bool has_control(std::string_view text) {
    return std::any_of(text.begin(), text.end(), [](char c) {
        const auto u = static_cast<unsigned char>(c);
        return (u < 0x20 && u != '\t') || u == 0x7f;
    });
}

// §5.2.2; nothing where the attribute is to be ignored.
std::optional<sys_seconds> parse_max_age(std::string_view text) {
    const bool negative = text.starts_with('-');
    const std::string_view digits = negative ? text.substr(1) : text;
    if (digits.empty() || !std::all_of(digits.begin(), digits.end(), is_digit)) return {};
    if (negative) return sys_seconds::min();
    // Beyond what the clock can count, a cookie lives as long as the clock.
    constexpr unsigned long long longest = 100'000'000'000;
    const unsigned long long seconds = std::min(parse_unsigned(digits).value_or(longest), longest);
    return seconds == 0 ? sys_seconds::min() : now() + std::chrono::seconds(seconds);
}

// The attributes of §5.2 as they stood, before the model of §5.3.
struct Parsed {
    Cookie cookie;
    std::string domain_attribute;
    std::string path_attribute;
};

// A later attribute of the same name replaces the earlier (§5.3), but Max-Age wins over Expires.
void take_attribute(Parsed& parsed, bool& has_max_age, std::string_view name, std::string_view value) {
    if (iequals(name, "expires")) {
        const auto date = parse_cookie_date(value);
        if (date && !has_max_age) parsed.cookie.expires = date;
    } else if (iequals(name, "max-age")) {
        if (const auto until = parse_max_age(value)) {
            parsed.cookie.expires = until;
            has_max_age = true;
        }
    } else if (iequals(name, "domain")) {
        if (!value.empty()) parsed.domain_attribute = to_lower(value.substr(value.front() == '.' ? 1 : 0));
    } else if (iequals(name, "path")) {
        parsed.path_attribute = value.starts_with('/') ? value : std::string_view();
    } else if (iequals(name, "secure")) {
        parsed.cookie.secure = true;
    } else if (iequals(name, "httponly")) {
        parsed.cookie.http_only = true;
    }
}

std::optional<Parsed> parse_set_cookie(std::string_view text) {
    Parsed parsed;
    bool has_max_age = false;
    const std::size_t end = std::min(text.find(';'), text.size());
    const std::string_view pair = text.substr(0, end);
    const std::size_t equals = pair.find('=');
    if (equals == pair.npos) return {};
    parsed.cookie.name = trim(pair.substr(0, equals), white_space);
    parsed.cookie.value = trim(pair.substr(equals + 1), white_space);
    if (parsed.cookie.name.empty() || has_control(pair)) return {};
    if (parsed.cookie.name.size() + parsed.cookie.value.size() > max_cookie_size) return {};
    text.remove_prefix(end);
    while (!text.empty()) {
        text.remove_prefix(1);
        const std::string_view item = text.substr(0, text.find(';'));
        text.remove_prefix(item.size());
        const std::size_t sign = std::min(item.find('='), item.size());
        take_attribute(parsed, has_max_age, trim(item.substr(0, sign), white_space),
                       trim(item.substr(std::min(sign + 1, item.size())), white_space));
    }
    return parsed;
}

// A domain under which anybody can register, "co.uk" or "github.io": no server speaks for all of it
// (publicsuffix.org). The list is the system's, which updates bring, else the one that libpsl was built with;
// read once, at the first cookie that names a domain. Nor has a name without a dot anything below it to
// share.
bool is_public_suffix(const std::string& domain) {
    if (domain.find('.') == domain.npos) return true;
    static const psl_ctx_t* const list = psl_latest(nullptr);
    return list != nullptr && psl_is_public_suffix(list, domain.c_str()) != 0;
}

// Decides whose cookie it is (§5.3 steps 4 to 7); false where it is refused.
bool settle(Parsed& parsed, const http::Url& url) {
    Cookie& cookie = parsed.cookie;
    const bool is_secure = url.scheme() == "https";
    const std::string& domain = parsed.domain_attribute;
    // "com." is "com" to the resolver but not to the rules below.
    if (domain.ends_with('.')) return false;
    cookie.host_only = domain.empty() || domain == url.host();
    if (domain.empty() || domain == url.host()) {
        cookie.domain = url.host();
        // An IP address has nothing below it to share with. A public suffix may be a host all the same, which
        // then speaks for itself alone (step 5).
        if (!domain.empty()) cookie.host_only = is_ip_address(domain) || is_public_suffix(domain);
    } else {
        if (!domain_matches(url.host(), domain) || is_public_suffix(domain)) return false;
        cookie.domain = domain;
    }
    cookie.path = parsed.path_attribute.empty() ? default_path(url.path()) : parsed.path_attribute;
    if (cookie.secure && !is_secure) return false;
    // The promises that a name makes by its prefix (RFC 6265bis §4.1.3).
    if (cookie.name.starts_with("__Secure-") && !cookie.secure) return false;
    if (cookie.name.starts_with("__Host-") && !(cookie.secure && domain.empty() && cookie.path == "/"))
        return false;
    return true;
}

bool by_order(const Cookie& a, const Cookie& b) { return a.order < b.order; }

}  // namespace

struct CookieJar::State {
    mutable Lock lock;
    std::unordered_map<std::string, std::vector<Cookie>> domains;
    std::size_t count = 0;
    std::uint64_t next_order = 1;

    // With the lock held. RFC 6265bis §5.7, "leave secure cookies alone": an answer that anyone on the way
    // may have written does not replace or hide what came over https.
    bool hides_secure(const Cookie& cookie) const {
        for (const auto& [domain, cookies] : domains) {
            if (!domain_matches(domain, cookie.domain) && !domain_matches(cookie.domain, domain)) continue;
            for (const Cookie& other : cookies) {
                if (other.secure && other.name == cookie.name && path_matches(cookie.path, other.path))
                    return true;
            }
        }
        return false;
    }
    // With the lock held. A cookie of the same name, domain and path is replaced, and keeps its place.
    void put(Cookie cookie) {
        auto& cookies = domains[cookie.domain];
        const auto same = std::find_if(cookies.begin(), cookies.end(), [&](const Cookie& other) {
            return other.name == cookie.name && other.path == cookie.path;
        });
        if (same != cookies.end()) {
            cookie.order = same->order;
            count -= 1;
            cookies.erase(same);
        } else {
            cookie.order = next_order++;
        }
        if (!expired(cookie, now())) {
            if (cookies.size() >= max_cookies_per_domain) drop_oldest(cookies);
            if (count >= max_cookies) drop_oldest_of_all();
            domains[cookie.domain].push_back(std::move(cookie));
            count += 1;
        } else if (cookies.empty()) {
            domains.erase(cookie.domain);
        }
    }
    void drop_oldest(std::vector<Cookie>& cookies) {
        cookies.erase(std::min_element(cookies.begin(), cookies.end(), by_order));
        count -= 1;
    }
    void drop_oldest_of_all() {
        auto chosen = domains.end();
        std::uint64_t oldest = next_order;
        for (auto entry = domains.begin(); entry != domains.end(); ++entry) {
            for (const Cookie& cookie : entry->second) {
                if (cookie.order < oldest) {
                    oldest = cookie.order;
                    chosen = entry;
                }
            }
        }
        if (chosen == domains.end()) return;
        drop_oldest(chosen->second);
        if (chosen->second.empty()) domains.erase(chosen);
    }
};

CookieJar::CookieJar() : state_(std::make_unique<State>()) {}
CookieJar::CookieJar(const CookieJar& other) : CookieJar() { update(other); }
CookieJar::CookieJar(CookieJar&&) noexcept = default;
CookieJar& CookieJar::operator=(const CookieJar& other) { return *this = CookieJar(other); }
CookieJar& CookieJar::operator=(CookieJar&&) noexcept = default;
CookieJar::~CookieJar() = default;

bool CookieJar::store(const http::Url& url, std::string_view set_cookie) {
    auto parsed = parse_set_cookie(set_cookie);
    if (!parsed || !settle(*parsed, url)) return false;
    const std::scoped_lock guard(state_->lock);
    if (url.scheme() != "https" && state_->hides_secure(parsed->cookie)) return false;
    state_->put(std::move(parsed->cookie));
    return true;
}

void CookieJar::set(std::string_view name, std::string_view value, std::string_view domain,
                    std::string_view path) {
    if (name.empty() || has_control(name) || has_control(value) || name.find_first_of("=;") != name.npos ||
        value.find(';') != value.npos) {
        throw Error(
            "the cookie \"" + std::string(name) +
            "\" cannot be sent: its name may not be empty or hold \"=\", and neither name nor value may "
            "hold \";\" or control characters");
    }
    Cookie cookie;
    cookie.name = name;
    cookie.value = value;
    cookie.domain = to_lower(domain);
    cookie.path = path.starts_with('/') ? path : "/";
    const std::scoped_lock guard(state_->lock);
    state_->put(std::move(cookie));
}

std::string CookieJar::header_for(const http::Url& url) const {
    const std::scoped_lock guard(state_->lock);
    if (state_->count == 0) return {};
    const sys_seconds at = now();
    const bool is_secure = url.scheme() == "https";
    std::vector<const Cookie*> chosen;
    // The host itself, then each domain above it.
    for (std::string_view domain = url.host(); !domain.empty();) {
        const auto found = state_->domains.find(std::string(domain));
        if (found != state_->domains.end()) {
            for (const Cookie& cookie : found->second) {
                if (cookie.host_only && cookie.domain != url.host()) continue;
                if (cookie.secure && !is_secure) continue;
                if (!expired(cookie, at) && path_matches(url.path(), cookie.path)) chosen.push_back(&cookie);
            }
        }
        const std::size_t dot = is_ip_address(url.host()) ? domain.npos : domain.find('.');
        domain.remove_prefix(dot == domain.npos ? domain.size() : dot + 1);
    }
    std::sort(chosen.begin(), chosen.end(), [](const Cookie* a, const Cookie* b) {
        return a->path.size() != b->path.size() ? a->path.size() > b->path.size() : a->order < b->order;
    });
    std::string header;
    for (const Cookie* cookie : chosen) {
        header.append(header.empty() ? "" : "; ").append(cookie->name).append("=").append(cookie->value);
    }
    return header;
}

std::optional<std::string> CookieJar::get(std::string_view name) const {
    for (Cookie& cookie : all()) {
        if (cookie.name == name) return std::move(cookie.value);
    }
    return {};
}

std::vector<Cookie> CookieJar::all() const {
    std::vector<Cookie> found;
    const std::scoped_lock guard(state_->lock);
    const sys_seconds at = now();
    for (const auto& [domain, cookies] : state_->domains) {
        std::copy_if(cookies.begin(), cookies.end(), std::back_inserter(found),
                     [&](const Cookie& cookie) { return !expired(cookie, at); });
    }
    std::sort(found.begin(), found.end(), by_order);
    return found;
}

std::size_t CookieJar::remove(std::string_view name) {
    const std::scoped_lock guard(state_->lock);
    std::size_t removed = 0;
    for (auto& [domain, cookies] : state_->domains) {
        removed += std::erase_if(cookies, [&](const Cookie& cookie) { return cookie.name == name; });
    }
    state_->count -= removed;
    return removed;
}

void CookieJar::clear() {
    const std::scoped_lock guard(state_->lock);
    state_->domains.clear();
    state_->count = 0;
}

void CookieJar::update(const CookieJar& other) {
    if (&other == this) return;
    const std::vector<Cookie> theirs = other.all();
    const std::scoped_lock guard(state_->lock);
    for (const Cookie& cookie : theirs) state_->put(cookie);
}

}  // namespace thrum::requests
