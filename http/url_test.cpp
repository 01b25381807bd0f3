// thrum/http/url_test.cpp: floor 3, http
// A Url means what a browser makes of the same text, and a text that is none is refused with its reason.
#include <thrum/base/file.hpp>
#include <thrum/http/url.hpp>

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <regex>
#include <string>
#include <vector>

namespace thrum::http {
namespace {

using namespace std::string_literals;

// Every part of a URL is found, and the parts make the URL again.
TEST(UrlTest, TakesApartAndPutsTogether) {
    const Url url = Url::parse("HTTPS://us%65r:p%40ss@Example.COM:8443/a/b%20c?q=1&r#top");
    EXPECT_EQ(url.scheme(), "https");
    EXPECT_EQ(url.username(), "us%65r");
    EXPECT_EQ(url.password(), "p%40ss");
    EXPECT_EQ(url.host(), "example.com");
    EXPECT_EQ(url.port(), 8443);
    EXPECT_EQ(url.path(), "/a/b%20c");
    EXPECT_EQ(url.query(), "q=1&r");
    EXPECT_EQ(url.fragment(), "top");
    EXPECT_EQ(url.authority(), "example.com:8443");
    EXPECT_EQ(url.origin(), "https://example.com:8443");
    EXPECT_EQ(url.request_target(), "/a/b%20c?q=1&r");
    EXPECT_EQ(url.to_string(), "https://us%65r:p%40ss@example.com:8443/a/b%20c?q=1&r#top");
    EXPECT_EQ(url.without_credentials().with_fragment(std::nullopt).to_string(),
              "https://example.com:8443/a/b%20c?q=1&r");
    EXPECT_EQ(url.with_fragment("x y").fragment(), "x%20y");
    EXPECT_EQ(url.params(), (Params{{"q", "1"}, {"r", ""}}));
}

// The port is the scheme's own where none is written, and the scheme's own is not written.
TEST(UrlTest, KnowsDefaultPorts) {
    EXPECT_EQ(Url::parse("http://h").port(), 80);
    EXPECT_EQ(Url::parse("https://h").port(), 443);
    EXPECT_EQ(Url::parse("https://h:443").explicit_port(), std::nullopt);
    EXPECT_EQ(Url::parse("https://h:443").authority(), "h");
    EXPECT_EQ(Url::parse("http://h:443").explicit_port(), 443);
    EXPECT_EQ(Url::parse("http://h:/x").port(), 80);
    EXPECT_EQ(Url::parse("http://h:0/").port(), 0);
    EXPECT_EQ(Url::parse("mailto:a@b").port(), 0);
    EXPECT_EQ(Url::parse("http://[::1]:8000/").hostname(), "::1");
    EXPECT_EQ(Url::parse("http://[::1]:8000/").authority(), "[::1]:8000");
}

struct Normal {
    std::string text;
    std::string normal;
};

// Different spellings of one address have one normal form; what must be escaped is.
TEST(UrlTest, BringsToNormalForm) {
    const std::vector<Normal> rows = {
        {"http://h", "http://h/"},
        {"  http://h/ \n", "http://h/"},
        {"http://h/a b", "http://h/a%20b"},
        {"http://h/\xc3\xa4?\xc3\xa4#\xc3\xa4", "http://h/%C3%A4?%C3%A4#%C3%A4"},
        {"http://h/a/./b/../c", "http://h/a/c"},
        {"http://h/%2e%2E/%2e/x", "http://h/x"},
        {"http://h/../../etc/passwd", "http://h/etc/passwd"},
        {"http://h/..%2f..%2fetc", "http://h/..%2f..%2fetc"},
        {"http:\\\\h\\a\\b", "http://h/a/b"},
        {"http://evil.example\\@good.example/", "http://evil.example/@good.example/"},
        {"http://a@b@c/", "http://a%40b@c/"},
        {"http://ex%41mple.com/", "http://example.com/"},
        {"http://0x7f.1/", "http://127.0.0.1/"},
        {"http://2130706433/", "http://127.0.0.1/"},
        {"http://127.0.0.1./", "http://127.0.0.1/"},
        {"http://[2001:DB8:0:0:0:0:0:1]/", "http://[2001:db8::1]/"},
        {"http://[::ffff:1.2.3.4]/", "http://[::ffff:102:304]/"},
        {"http://[1:0:0:2:0:0:0:3]/", "http://[1:0:0:2::3]/"},
        {"http://h/a\nb\tc\rd", "http://h/abcd"},
        {"http://h?q", "http://h/?q"},
        {"http://h/?a=\"<>'#\"<>`", "http://h/?a=%22%3C%3E%27#%22%3C%3E%60"},
        {"http://xn--mnchen-3ya.example/", "http://xn--mnchen-3ya.example/"},
        {"mailto:a@b", "mailto:a@b"},
        {"file:///c|/x", "file:///c:/x"},
    };
    for (const auto& [text, normal] : rows) {
        EXPECT_EQ(Url::parse(text).to_string(), normal) << text;
        EXPECT_EQ(Url::parse(normal), Url::parse(text)) << text;
    }
}

struct Refused {
    std::string text;
    UrlError reason;
};

// What is no URL is refused, and the message says what is wrong with it.
TEST(UrlTest, RefusesWithTheReason) {
    const std::vector<Refused> rows = {
        {"", UrlError::missing_scheme},
        {"example.com/x", UrlError::missing_scheme},
        {"//h/x", UrlError::missing_scheme},
        {"1http://h", UrlError::missing_scheme},
        {"http://", UrlError::missing_host},
        {"http:///", UrlError::missing_host},
        {"http://@/", UrlError::missing_host},
        {"http://user@", UrlError::missing_host},
        {"http://:80/", UrlError::missing_host},
        {"http://a b/", UrlError::invalid_host_character},
        {"http://a%20b/", UrlError::invalid_host_character},
        {"http://a%00b/", UrlError::invalid_host_character},
        {"http://a%0d%0ab/", UrlError::invalid_host_character},
        {"http://a%2fb/", UrlError::invalid_host_character},
        {"http://a%5cb/", UrlError::invalid_host_character},
        {"http://a%40b/", UrlError::invalid_host_character},
        {"http://a%3a80/", UrlError::invalid_host_character},
        {"http://a%25/", UrlError::invalid_host_character},
        {"http://a\x01/", UrlError::invalid_host_character},
        {"http://a\0b/"s, UrlError::invalid_host_character},
        {"http://a|b/", UrlError::invalid_host_character},
        {"http://m\xc3\xbcnchen.example/", UrlError::non_ascii_host},
        {"http://m%C3%BCnchen.example/", UrlError::non_ascii_host},
        {"http://1.2.3.4.5/", UrlError::invalid_ipv4},
        {"http://256.1.1.1/", UrlError::invalid_ipv4},
        {"http://1.2.3.08/", UrlError::invalid_ipv4},
        {"http://a.1/", UrlError::invalid_ipv4},
        {"http://4294967296/", UrlError::invalid_ipv4},
        {"http://99999999999999999999999999/", UrlError::invalid_ipv4},
        {"http://[::1/", UrlError::invalid_ipv6},
        {"http://[::1]x/", UrlError::invalid_ipv6},
        {"http://[::g]/", UrlError::invalid_ipv6},
        {"http://[::1%25eth0]/", UrlError::invalid_ipv6},
        {"http://[1:2:3]/", UrlError::invalid_ipv6},
        {"http://h:65536/", UrlError::invalid_port},
        {"http://h:-1/", UrlError::invalid_port},
        {"http://h:8a/", UrlError::invalid_port},
        {"http://h:99999999999999999999/", UrlError::invalid_port},
    };
    for (const auto& [text, reason] : rows) {
        UrlError error = UrlError::none;
        EXPECT_EQ(Url::try_parse(text, nullptr, &error), std::nullopt) << text;
        EXPECT_EQ(error, reason) << text << ": " << describe(error);
        EXPECT_THROW((void)Url::parse(text), InvalidUrl) << text;
    }
    try {
        (void)Url::parse("http://a\nb:x/");
        FAIL();
    } catch (const InvalidUrl& error) {
        EXPECT_STREQ(error.what(), "invalid URL 'http://a%0Ab:x/': the port is not a number from 0 to 65535");
    }
}

// What may be a password is in no message, wherever it ends.
TEST(UrlTest, MessagesKeepSecrets) {
    const std::vector<std::pair<std::string, std::string>> rows = {
        {"http://user:secret@h:x/", "http://***@h:x/"},
        {"http://secret@h:x/", "http://***@h:x/"},
        {"http://user:sec@ret@h:x/", "http://***@h:x/"},
        {"http://user:sec/ret@h:x/", "http://***@h:x/"},
        {"http://user:sec?ret#@h:x/", "http://***@h:x/"},
        {"http://@h:x/", "http://***@h:x/"},
        {"HTTP://secret://secret@h:x/", "HTTP://***@h:x/"},
        {"user:secret@h:x/", "***@h:x/"},
        {"user:secret://secret@h", "***@h"},
        {"//secret@h:x", "***@h:x"},
        {"http:secret@h:x", "***@h:x"},
        {"http://" + std::string(300, 's') + "@h:x/", "http://***@h:x/"},
        {"http://h:x/", "http://h:x/"},
    };
    for (const auto& [text, shown] : rows) {
        for (const UrlError reason : {UrlError::invalid_port, UrlError::missing_scheme}) {
            const std::string what = InvalidUrl(text, reason).what();
            EXPECT_TRUE(what.starts_with("invalid URL '" + shown + "': ")) << text << ": " << what;
        }
    }
    try {
        (void)Url::parse("https://token@host:port/");
        FAIL();
    } catch (const InvalidUrl& error) {
        EXPECT_EQ(std::string(error.what()).find("token"), std::string::npos) << error.what();
    }
}

struct Resolved {
    std::string reference;
    std::string result;
};

// References resolve as RFC 3986 §5.4 shows in its examples, and as browsers do where they differ.
TEST(UrlTest, ResolvesReferences) {
    const Url base = Url::parse("http://a/b/c/d;p?q");
    const std::vector<Resolved> rows = {
        {"g:h", "g:h"},
        {"g", "http://a/b/c/g"},
        {"./g", "http://a/b/c/g"},
        {"g/", "http://a/b/c/g/"},
        {"/g", "http://a/g"},
        {"//g", "http://g/"},
        {"?y", "http://a/b/c/d;p?y"},
        {"g?y", "http://a/b/c/g?y"},
        {"#s", "http://a/b/c/d;p?q#s"},
        {"g#s", "http://a/b/c/g#s"},
        {";x", "http://a/b/c/;x"},
        {"", "http://a/b/c/d;p?q"},
        {".", "http://a/b/c/"},
        {"..", "http://a/b/"},
        {"../g", "http://a/b/g"},
        {"../..", "http://a/"},
        {"../../../../g", "http://a/g"},
        {"/./g", "http://a/g"},
        {"g.", "http://a/b/c/g."},
        {"..g", "http://a/b/c/..g"},
        {"./g/.", "http://a/b/c/g/"},
        {"g;x=1/../y", "http://a/b/c/y"},
        {"g?y/../x", "http://a/b/c/g?y/../x"},
        {"http:g", "http://a/b/c/g"},
        {"\\\\g", "http://g/"},
        {"https:g", "https://g/"},
        {"/a b\r\n", "http://a/a%20b"},
    };
    for (const auto& [reference, result] : rows) {
        EXPECT_EQ(base.resolve(reference).to_string(), result) << reference;
    }
    EXPECT_THROW((void)base.resolve("//h:x/"), InvalidUrl);
    EXPECT_THROW((void)Url::parse("mailto:x").resolve("g"), InvalidUrl);
}

// Params join the query that is there, escaped as forms are.
TEST(UrlTest, AddsParams) {
    const Url url = Url::parse("http://h/p?a=1#f");
    EXPECT_EQ(url.with_params({{"q", "threads & sockets"}, {"q", "\xc3\xa4+=\r\n"}}).to_string(),
              "http://h/p?a=1&q=threads+%26+sockets&q=%C3%A4%2B%3D%0D%0A#f");
    EXPECT_EQ(Url::parse("http://h/p").with_params({{"a", ""}}).to_string(), "http://h/p?a=");
    EXPECT_EQ(url.with_params({}), url);
    const Params params = {{"a b", "c&d=e+f%"}, {"", "x"}, {"\xff", ""}};
    EXPECT_EQ(form_decode(form_encode(params)), params);
    EXPECT_EQ(form_decode("a&&b=1=2&%41=%zz"), (Params{{"a", ""}, {"b", "1=2"}, {"A", "%zz"}}));
}

// web-platform-tests escapes lone surrogates, which JSON readers refuse; a browser sees U+FFFD there.
std::string without_lone_surrogates(const std::string& text) {
    static const std::regex surrogate(
        "\\\\u[dD][89abAB][0-9a-fA-F]{2}(\\\\u[dD][c-fC-F][0-9a-fA-F]{2})?|"
        "\\\\u[dD][c-fC-F][0-9a-fA-F]{2}");
    std::string result;
    auto last = text.cbegin();
    for (std::sregex_iterator found(text.begin(), text.end(), surrogate), end; found != end; ++found) {
        result.append(last, (*found)[0].first);
        result += (*found)[1].matched ? found->str() : "\\uFFFD";
        last = (*found)[0].second;
    }
    return result.append(last, text.cend());
}

bool agrees(const nlohmann::json& row, std::string& got) {
    std::optional<Url> base;
    if (!row["base"].is_null()) base = Url::try_parse(row["base"].get<std::string>());
    UrlError error = UrlError::none;
    std::optional<Url> url;
    if (row["base"].is_null() || base) {
        url = Url::try_parse(row["input"].get<std::string>(), base ? &*base : nullptr, &error);
    }
    got = url ? url->to_string() : "failure: " + std::string(describe(error));
    if (row.contains("failure")) return !url;
    return url && got == row["href"] && url->path() == row["pathname"] && url->authority() == row["host"] &&
           url->username() == row["username"] && url->password() == row["password"] &&
           (!row.contains("origin") || url->scheme() == "blob" || url->origin() == row["origin"]);
}

// What web-platform-tests say of URL parsing holds in every row that asks nothing of IDNA.
TEST(UrlTest, AgreesWithWebPlatformTests) {
    const char* folder = std::getenv("THRUM_VECTORS");
    const std::filesystem::path path =
        (folder != nullptr ? std::filesystem::path(folder)
                           : std::filesystem::path(THRUM_SOURCE_DIR) / "../shared/vectors") /
        "url/urltestdata.json";
    if (!std::filesystem::exists(path)) GTEST_SKIP() << path << " is not there; set THRUM_VECTORS";
    const auto rows = nlohmann::json::parse(without_lone_surrogates(read_file(path)));
    int passed = 0;
    int total = 0;
    for (const auto& row : rows) {
        if (!row.is_object()) continue;
        ++total;
        std::string got;
        if (agrees(row, got)) {
            ++passed;
            continue;
        }
        const std::string input = row["input"].get<std::string>();
        const bool asks_idna = got.find("xn--") != got.npos || got.find("beyond ASCII") != got.npos;
        EXPECT_TRUE(asks_idna) << row.dump() << "\n  got " << got;
    }
    RecordProperty("rows", total);
    RecordProperty("passed", passed);
    std::printf("urltestdata: %d of %d rows\n", passed, total);
}

}  // namespace
}  // namespace thrum::http
