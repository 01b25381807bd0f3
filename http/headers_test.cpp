// thrum/http/headers_test.cpp: floor 3, http
// Headers keep order and duplicates, are found without regard to case, and can never hold a line break.
#include <thrum/http/headers.hpp>

#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace thrum::http {
namespace {

using namespace std::string_literals;

// The order of the fields, the case of their names and fields of one name survive.
TEST(HeadersTest, KeepsOrderCaseAndDuplicates) {
    Headers headers{{"Host", "a.example"}, {"Set-Cookie", "a=1"}, {"X-One", "1"}};
    headers.add("set-cookie", "b=2");
    std::string wire;
    headers.write_to(wire);
    EXPECT_EQ(wire, "Host: a.example\r\nSet-Cookie: a=1\r\nX-One: 1\r\nset-cookie: b=2\r\n");
    EXPECT_EQ(headers.get_all("SET-COOKIE"), (std::vector<std::string_view>{"a=1", "b=2"}));
    EXPECT_EQ(headers.combined("Set-Cookie"), "a=1, b=2");
    EXPECT_EQ(headers.size(), 4u);
}

// A field is found whatever the case of its name, and a missing one is an answer or a clear error.
TEST(HeadersTest, FindsWithoutRegardToCase) {
    const Headers headers{{"Content-Type", "text/plain"}};
    EXPECT_EQ(headers.at("content-type"), "text/plain");
    EXPECT_EQ(headers["CONTENT-TYPE"], "text/plain");
    EXPECT_EQ(headers.get("Content-type"), "text/plain");
    EXPECT_EQ(headers.get("Content-Typ"), std::nullopt);
    EXPECT_EQ(headers.get("Accept", "*/*"), "*/*");
    EXPECT_TRUE(headers.contains("cONTENT-tYPE"));
    try {
        (void)headers.at("Accept");
        FAIL() << "at() of a missing field must throw";
    } catch (const HeaderError& error) {
        EXPECT_STREQ(error.what(), "there is no header 'Accept'");
    }
}

// The square brackets set when assigned, read as a string otherwise, and do not create by reading.
TEST(HeadersTest, SquareBracketsSetAndRead) {
    Headers headers;
    EXPECT_THROW((void)headers["User-Agent"].str(), HeaderError);
    EXPECT_TRUE(headers.empty());
    headers["User-Agent"] = "loom";
    headers["user-agent"] = "thrum-example"s;
    EXPECT_EQ(headers["User-Agent"], "thrum-example");
    const std::string text = headers["User-Agent"];
    const std::string_view view = headers["User-Agent"];
    std::ostringstream out;
    out << headers["User-Agent"];
    EXPECT_EQ(text, view);
    EXPECT_EQ(out.str(), "thrum-example");
    headers["Copy"] = headers["User-Agent"];
    EXPECT_EQ(headers.at("Copy"), "thrum-example");
    EXPECT_EQ(headers.begin()->first, "User-Agent");
}

// set() leaves one value in the place of the first, remove() all gone, update() the other's fields.
TEST(HeadersTest, SetsRemovesAndUpdates) {
    Headers headers{{"A", "1"}, {"B", "2"}, {"a", "3"}, {"C", "4"}};
    headers.set("a", headers.at("B"));
    EXPECT_EQ(headers, (Headers{{"A", "2"}, {"B", "2"}, {"C", "4"}}));
    headers.set_default("b", "unused");
    headers.set_default("D", "5");
    headers.update({{"c", "6"}, {"c", "7"}});
    EXPECT_EQ(headers, (Headers{{"A", "2"}, {"B", "2"}, {"D", "5"}, {"c", "6"}, {"c", "7"}}));
    EXPECT_EQ(headers.remove("C"), 2u);
    EXPECT_EQ(headers.remove("C"), 0u);
    Headers aliased{{"one", "1"}, {"two", "2"}, {"One", "3"}};
    EXPECT_EQ(aliased.remove(aliased.begin()->first), 2u);
    headers.set("A", headers.at("A"));
    EXPECT_EQ(headers, (Headers{{"A", "2"}, {"B", "2"}, {"D", "5"}}));
}

// White space around a value is no part of it (RFC 9110 §5.5); bytes above ASCII pass.
TEST(HeadersTest, TrimsValuesAndKeepsOtherBytes) {
    Headers headers;
    headers.add("X", " \t spaced \t");
    headers.add("Empty", "");
    headers.add("Utf-8", "na\xc3\xafve");
    EXPECT_EQ(headers.at("X"), "spaced");
    EXPECT_EQ(headers.at("Empty"), "");
    EXPECT_EQ(headers.at("Utf-8"), "na\xc3\xafve");
}

// Nothing that could end a line or a field can get in, by any door.
TEST(HeadersTest, RefusesWhatCouldInject) {
    const std::vector<std::string> bad_names = {
        "",      " ",        "A ",  " A",  "A:",  "A\r\nB", "A\n", "A\0B"s, "A\tB", "A(b)", "A/B", "\"A\"",
        "A\x7f", "\xc3\xa4", "A,B", "A@B", "{A}", "A\\B",   "A;B", "A=B",   "[A]",  "A<B>", "A?B"};
    for (const std::string& name : bad_names) {
        Headers headers;
        EXPECT_THROW(headers.add(name, "v"), HeaderError) << name;
        EXPECT_THROW(headers.set(name, "v"), HeaderError) << name;
        EXPECT_THROW(headers[name] = "v", HeaderError) << name;
        EXPECT_THROW((Headers{{name, "v"}}), HeaderError) << name;
        EXPECT_TRUE(headers.empty()) << name;
    }
    const std::vector<std::string> bad_values = {"a\r\nB: c", "a\nb",  "a\rb", "\r\na",
                                                 "a\r\n",     "a\0b"s, "\x01", "a\x7f"};
    for (const std::string& value : bad_values) {
        Headers headers{{"X", "before"}};
        EXPECT_THROW(headers.add("X", value), HeaderError) << value;
        EXPECT_THROW(headers.set("X", value), HeaderError) << value;
        EXPECT_THROW(headers["X"] = value, HeaderError) << value;
        EXPECT_THROW(headers.set_default("Y", value), HeaderError) << value;
        EXPECT_EQ(headers, (Headers{{"X", "before"}})) << value;
    }
}

}  // namespace
}  // namespace thrum::http
