// thrum/requests/cookies_test.cpp: floor 4, requests
// Cookies go back to those they are meant for, and to nobody else.
#include <thrum/base/file.hpp>
#include <thrum/requests/cookies.hpp>

#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

namespace thrum::requests {
namespace {

using http::Url;

std::string sent(const std::string& from, const std::vector<std::string>& set_cookies,
                 const std::string& to) {
    CookieJar jar;
    for (const auto& line : set_cookies) jar.store(Url::parse(from), line);
    return jar.header_for(Url::parse(to));
}

// Each Set-Cookie of an answer from `from` is sent to `to` as RFC 6265 says.
TEST(CookieJar, SendsWhatTheRulesSay) {
    const struct {
        const char* from;
        std::vector<std::string> set_cookies;
        const char* to;
        const char* expected;
    } cases[] = {
        {"http://a.example/x/y", {"k=v"}, "http://a.example/x/z", "k=v"},
        {"http://a.example/x/y", {"k=v"}, "http://a.example/", ""},    // default path is /x
        {"http://a.example/x/y", {"k=v"}, "http://a.example/xz", ""},  // not below /x
        {"http://a.example/", {"k=v"}, "http://b.a.example/", ""},     // host only
        {"http://b.a.example/", {"k=v; Domain=a.example"}, "http://c.a.example/", "k=v"},
        {"http://b.a.example/", {"k=v; Domain=.A.EXAMPLE"}, "http://a.example/", "k=v"},
        {"http://b.a.example/", {"k=v; Domain=a.example"}, "http://xa.example/", ""},
        {"http://a.example/", {"k=v; Domain=b.example"}, "http://b.example/", ""},  // another's domain
        {"http://a.example/", {"k=v; Domain=b.a.example"}, "http://b.a.example/", ""},
        {"http://a.example/", {"k=v; Domain=example"}, "http://b.example/", ""},  // a whole top-level domain
        // A name that ends in a digit is a name.
        {"http://a.node.lan1/", {"k=v; Domain=node.lan1"}, "http://b.node.lan1/", "k=v"},
        {"http://a.node.lan1/", {"k=v; Domain=b.lan1"}, "http://b.lan1/", ""},
        {"http://127.0.0.1/", {"k=v; Domain=0.0.1"}, "http://127.0.0.1/", ""},  // an address has no parents
        {"http://127.0.0.1/", {"k=v; Domain=127.0.0.1"}, "http://127.0.0.1/", "k=v"},
        {"http://[::1]/", {"k=v"}, "http://[::1]/", "k=v"},
        {"http://127.0.0.1:1/", {"k=v"}, "http://127.0.0.1:2/", "k=v"},  // ports do not count (§8.5)
        {"https://a.example/", {"k=v; Secure"}, "https://a.example/", "k=v"},
        {"https://a.example/", {"k=v; Secure"}, "http://a.example/", ""},
        {"http://a.example/", {"k=v; Secure"}, "https://a.example/", ""},  // not from an insecure place
        {"http://a.example/", {"k=v; Max-Age=0"}, "http://a.example/", ""},
        {"http://a.example/", {"k=v; Max-Age=-1"}, "http://a.example/", ""},
        {"http://a.example/", {"k=v; Max-Age=99999999999999999999"}, "http://a.example/", "k=v"},
        {"http://a.example/", {"k=v; Max-Age=1x"}, "http://a.example/", "k=v"},  // ignored
        {"http://a.example/",
         {"k=v; Max-Age=99; Expires=Wed, 09 Jun 2021 10:18:14 GMT"},
         "http://a.example/",
         "k=v"},
        {"http://a.example/", {"k=v; Expires=Wed, 09 Jun 2021 10:18:14 GMT"}, "http://a.example/", ""},
        {"http://a.example/", {"k=v", "k=; Max-Age=0"}, "http://a.example/", ""},  // deleted
        {"http://a.example/", {"k=1", "j=2", "k=3"}, "http://a.example/", "k=3; j=2"},
        {"http://a.example/p/",
         {"k=1; Path=/", "j=2"},
         "http://a.example/p/q",
         "j=2; k=1"},  // longer paths first
        {"http://a.example/", {"novalue"}, "http://a.example/", ""},
        {"http://a.example/", {"=v"}, "http://a.example/", ""},
        {"http://a.example/", {"__Host-k=v; Path=/"}, "http://a.example/", ""},
        {"https://a.example/", {"__Host-k=v; Path=/; Secure"}, "https://a.example/", "__Host-k=v"},
        {"https://a.example/", {"__Host-k=v; Path=/; Secure; Domain=a.example"}, "https://a.example/", ""},
        {"https://a.example/", {"__Secure-k=v"}, "https://a.example/", ""},
    };
    for (const auto& [from, set_cookies, to, expected] : cases) {
        EXPECT_EQ(sent(from, set_cookies, to), expected) << from << ' ' << set_cookies.front() << ' ' << to;
    }
}

// RFC 6265 §5.3 step 5: nobody sets a cookie for all who register under a public suffix. A host that is one
// keeps its cookies to itself.
TEST(CookieJar, RefusesPublicSuffixes) {
    const struct {
        const char* from;
        const char* domain;
        const char* to;
        bool sent;
    } cases[] = {
        {"http://a.co.uk/", "co.uk", "http://b.co.uk/", false},
        {"http://a.co.uk/", ".CO.UK", "http://a.co.uk/", false},  // refused, not kept for the host
        {"http://www.a.co.uk/", "co.uk", "http://www.a.co.uk/", false},
        {"http://www.a.co.uk/", "a.co.uk", "http://a.co.uk/", true},
        {"http://a.co.uk/", "a.co.uk", "http://www.a.co.uk/", true},
        {"http://me.github.io/", "github.io", "http://you.github.io/", false},  // of the private part
        {"http://github.io/", "github.io", "http://github.io/", true},          // equal to the host
        {"http://github.io/", "github.io", "http://me.github.io/", false},
        {"http://a.b.ck/", "b.ck", "http://c.b.ck/", false},       // the list says "*.ck"
        {"http://a.www.ck/", "www.ck", "http://b.www.ck/", true},  // and "!www.ck"
        {"http://a.xn--55qx5d.cn/", "xn--55qx5d.cn", "http://b.xn--55qx5d.cn/", false},
        {"http://a.unknown-suffix/", "a.unknown-suffix", "http://b.a.unknown-suffix/", true},
    };
    for (const auto& [from, domain, to, expected] : cases) {
        EXPECT_EQ(sent(from, {std::string("k=v; Domain=") + domain}, to), expected ? "k=v" : "")
            << from << ' ' << domain << ' ' << to;
    }
}

// CVE-2022-27779 of curl: a domain that ends in a dot passed for something below a top-level domain, and went
// to every host of it.
TEST(CookieJar, Cve202227779RefusesATrailingDot) {
    for (const char* host : {"http://a.example./", "http://a.example/", "http://a.b.example./"}) {
        for (const char* domain : {"example.", ".example.", "a.example.", "."}) {
            CookieJar jar;
            EXPECT_EQ(jar.store(Url::parse(host), std::string("k=v; Domain=") + domain),
                      std::string(domain) == ".")
                << host << ' ' << domain;
            EXPECT_EQ(jar.header_for(Url::parse("http://b.example./")), "");
        }
    }
}

// RFC 6265bis §5.7: what came over https is neither replaced nor hidden by what came without.
TEST(CookieJar, LeavesSecureCookiesAlone) {
    const struct {
        const char* from;
        const char* set_cookie;
        bool kept;
    } cases[] = {
        {"http://a.example/in/x", "k=evil", false},
        {"http://a.example/in/x", "k=; Max-Age=0", false},
        {"http://a.example/in/x", "k=evil; Domain=a.example", false},
        {"http://b.a.example/in/x", "k=evil", false},  // below it
        {"http://b.a.example/in/x", "k=evil; Domain=a.example", false},
        {"http://a.example/in/", "k=evil; Path=/in/deep", false},  // would come first
        {"http://a.example/", "k=other; Path=/elsewhere", true},
        {"http://a.example/", "j=other", true},
        {"http://c.example/", "k=other", true},
        {"https://a.example/", "k=new; Path=/in; Domain=a.example", true},
    };
    for (const auto& [from, set_cookie, kept] : cases) {
        CookieJar jar;
        ASSERT_TRUE(
            jar.store(Url::parse("https://a.example/"), "k=good; Secure; Path=/in; Domain=a.example"));
        EXPECT_EQ(jar.store(Url::parse(from), set_cookie), kept) << from << ' ' << set_cookie;
        if (!kept) {
            EXPECT_EQ(jar.header_for(Url::parse("https://b.a.example/in/deep/x")), "k=good");
        }
    }
}

// Neither a server nor a program can smuggle a line break or another cookie into the Cookie field.
TEST(CookieJar, RefusesControlCharacters) {
    CookieJar jar;
    EXPECT_FALSE(jar.store(Url::parse("http://a.example/"), "k=v\r\nX: y"));
    EXPECT_FALSE(jar.store(Url::parse("http://a.example/"), std::string_view("k=v\0w", 5)));
    EXPECT_THROW(jar.set("k", "v\r\n", "a.example"), Error);
    EXPECT_THROW(jar.set("k", "v; j=w", "a.example"), Error);
    EXPECT_THROW(jar.set("", "v", "a.example"), Error);
    EXPECT_TRUE(jar.empty());
}

// A jar stays within its bounds whatever a server sends; the oldest goes first.
TEST(CookieJar, IsBounded) {
    CookieJar jar;
    const Url url = Url::parse("http://a.example/");
    EXPECT_FALSE(jar.store(url, "k=" + std::string(max_cookie_size, 'v')));
    for (std::size_t i = 0; i < max_cookies_per_domain + 5; ++i)
        jar.store(url, "k" + std::to_string(i) + "=v");
    EXPECT_EQ(jar.size(), max_cookies_per_domain);
    EXPECT_FALSE(jar.contains("k4"));
    EXPECT_TRUE(jar.contains("k5"));
    for (std::size_t i = 0; i < max_cookies + 5; ++i) {
        jar.store(Url::parse("http://h" + std::to_string(i) + ".example/"), "k=v");
    }
    EXPECT_EQ(jar.size(), max_cookies);
}

// A program can set, read, remove and copy cookies.
TEST(CookieJar, IsAContainer) {
    CookieJar jar;
    jar.set("flavour", "oat", "A.example");
    EXPECT_EQ(jar.header_for(Url::parse("http://a.example/any/path")), "flavour=oat");
    const CookieJar copy = jar;
    EXPECT_EQ(jar.remove("flavour"), 1U);
    EXPECT_TRUE(jar.empty());
    EXPECT_EQ(copy.get("flavour"), "oat");
}

std::optional<nlohmann::json> vectors(const std::string& name) {
    const char* folder = std::getenv("THRUM_VECTORS");
    const std::filesystem::path path =
        (folder ? std::filesystem::path(folder)
                : std::filesystem::path(THRUM_SOURCE_DIR) / "../shared/vectors") /
        "cookies" / name;
    if (!std::filesystem::exists(path)) return {};
    return nlohmann::json::parse(read_file(path), nullptr, true, /*ignore_comments=*/true);
}

// Dates are read as the http-state working group's own cases say.
TEST(CookieDate, AgreesWithTheWorkingGroup) {
    int checked = 0;
    for (const char* name : {"dates.json", "dates-bsd.json"}) {
        const auto cases = vectors(name);
        if (!cases) GTEST_SKIP() << "no vectors";
        for (const auto& row : *cases) {
            const std::string text = row["test"];
            const auto got = parse_cookie_date(text);
            EXPECT_EQ(got.has_value(), !row["expected"].is_null()) << text;
            if (got && !row["expected"].is_null()) {
                EXPECT_EQ(got, parse_cookie_date(row["expected"].get<std::string>())) << text;
            }
            ++checked;
        }
    }
    EXPECT_GT(checked, 20);
}

// Set-Cookie lines are read as the http-state working group's own cases say.
TEST(CookieJar, AgreesWithTheWorkingGroup) {
    const auto cases = vectors("parser.json");
    if (!cases) GTEST_SKIP() << "no vectors";
    int failed = 0;
    for (const auto& row : *cases) {
        const std::string name = row["test"];
        if (name.starts_with("DISABLED_")) continue;
        CookieJar jar;
        const Url from = Url::parse("http://home.example.org:8888/cookie-parser?" + name);
        for (std::string line : row["received"]) {
            // When these were written, the year 2019 was still to come.
            const std::size_t year = line.find("2019");
            if (year != line.npos) line.replace(year, 4, "2099");
            jar.store(from, line);
        }
        Url to = Url::parse("http://home.example.org:8888/cookie-parser-result?" + name);
        if (row.contains("sent-to")) to = from.resolve(row["sent-to"].get<std::string>());
        std::string expected;
        for (const auto& cookie : row["sent"]) {
            expected += (expected.empty() ? "" : "; ") + cookie["name"].get<std::string>() + "=" +
                        cookie["value"].get<std::string>();
        }
        if (jar.header_for(to) != expected) {
            ++failed;
            ADD_FAILURE() << row.dump() << "\nsent " << jar.header_for(to);
        }
    }
    EXPECT_EQ(failed, 0);
}

}  // namespace
}  // namespace thrum::requests
