// thrum/requests/pairs_test.cpp: floor 4, requests
// What programs write in braces means what it looks like.
#include <thrum/requests/auth.hpp>
#include <thrum/requests/errors.hpp>
#include <thrum/requests/internal/base64.hpp>
#include <thrum/requests/json_body.hpp>
#include <thrum/requests/pairs.hpp>

#include <gtest/gtest.h>

#include <map>

namespace thrum::requests {
namespace {

std::string encoded(const Pairs& pairs) { return http::form_encode(pairs.list()); }

// Braces hold pairs of text and numbers, one or several, with names that repeat.
TEST(Pairs, AreWrittenInBraces) {
    EXPECT_EQ(encoded({}), "");
    EXPECT_EQ(encoded({{"q", "threads & sockets"}}), "q=threads+%26+sockets");
    EXPECT_EQ(encoded({{"a", "b"}, {"c", "d"}}), "a=b&c=d");
    EXPECT_EQ(encoded({{"page", 2}, {"page", -3}, {"scale", 0.1}}), "page=2&page=-3&scale=0.1");
    const std::map<std::string, std::string> map = {{"b", "2"}, {"a", "1"}};
    EXPECT_EQ(encoded(map), "a=1&b=2");
}

// Nothing, null, an object and an array are four different things.
TEST(JsonBody, TellsAbsentFromNull) {
    const JsonBody absent = {};
    const JsonBody null = nullptr;
    const JsonBody object = {{"title", "foo"}, {"done", true}};
    const JsonBody array = {1, 2, 3};
    EXPECT_FALSE(absent.has_value());
    EXPECT_EQ(null.value().dump(), "null");
    EXPECT_EQ(object.value().dump(), R"({"done":true,"title":"foo"})");
    EXPECT_EQ(array.value().dump(), "[1,2,3]");
    EXPECT_EQ(JsonBody(std::string("text")).value().dump(), "\"text\"");
}

// The test vectors of RFC 4648 §10.
TEST(Base64, EncodesTheVectorsOfTheRfc) {
    const std::pair<const char*, const char*> cases[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"},
                                                         {"\xff\xfe", "//4="}};
    for (const auto& [plain, coded] : cases) EXPECT_EQ(internal::base64_encode(plain), coded);
}

// The example of RFC 7617 §2; a colon in the user name is refused, one in the password is not.
TEST(Auth, CompletesARequest) {
    PreparedRequest request{"GET", http::Url::parse("http://a.example/")};
    Auth()(request);
    EXPECT_TRUE(request.headers.empty());
    Auth(BasicAuth("Aladdin", "open sesame"))(request);
    EXPECT_EQ(request.headers.at("Authorization"), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    Auth([](PreparedRequest& own) { own.headers.set("X-Signature", own.method + own.url.path()); })(request);
    EXPECT_EQ(request.headers.at("X-Signature"), "GET/");
    EXPECT_THROW(BasicAuth("a:b", "c"), RequestException);
    EXPECT_NO_THROW(BasicAuth("a", "b:c"));
}

}  // namespace
}  // namespace thrum::requests
