// thrum/cli/arguments_test.cpp: front door, cli
// Promise: what people type is understood as they mean it, or refused; never half understood.
#include <thrum/cli/arguments.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace thrum::cli {
namespace {

using namespace std::chrono_literals;

TEST(Arguments, Durations) {
    struct Case {
        const char* text;
        std::optional<std::chrono::milliseconds> duration;
    };
    const Case cases[] = {{"200ms", 200ms},
                          {"1.5s", 1500ms},
                          {"2m", 120s},
                          {"3", 3s},
                          {"0", 0ms},
                          {"0.25", 250ms},
                          {"86400s", 86400s},
                          {"86401s", std::nullopt},
                          {"", std::nullopt},
                          {"ms", std::nullopt},
                          {"-1s", std::nullopt},
                          {"+1s", std::nullopt},
                          {"1h", std::nullopt},
                          {"1 s", std::nullopt},
                          {"1e3", std::nullopt},
                          {"inf", std::nullopt},
                          {"nan", std::nullopt},
                          {"1.2.3s", std::nullopt}};
    for (const auto& [text, duration] : cases) EXPECT_EQ(parse_duration(text), duration) << text;
}

TEST(Arguments, HostsAndPorts) {
    struct Case {
        const char* text;
        const char* host;  // null where it is refused
        int port;
    };
    const Case cases[] = {{"", "127.0.0.1", 8000},
                          {"0.0.0.0", "0.0.0.0", 8000},
                          {"0.0.0.0:80", "0.0.0.0", 80},
                          {":9000", "127.0.0.1", 9000},
                          {"9000", "127.0.0.1", 9000},
                          {":0", "127.0.0.1", 0},
                          {"localhost:65535", "localhost", 65535},
                          {"::1", "::1", 8000},
                          {"[::1]", "::1", 8000},
                          {"[::1]:9000", "::1", 9000},
                          {"localhost:65536", nullptr, 0},
                          {"localhost:", nullptr, 0},
                          {"localhost:http", nullptr, 0},
                          {"localhost:-1", nullptr, 0},
                          {"[::1", nullptr, 0},
                          {"[::1]9000", nullptr, 0},
                          {"[]:1", nullptr, 0},
                          {"99999", nullptr, 0}};
    for (const auto& [text, host, port] : cases) {
        const auto parsed = parse_host_and_port(text, {"127.0.0.1", 8000});
        ASSERT_EQ(parsed.has_value(), host != nullptr) << text;
        if (!parsed) continue;
        EXPECT_EQ(parsed->host, host) << text;
        EXPECT_EQ(parsed->port, port) << text;
    }
}

TEST(Arguments, ListsOfUrls) {
    EXPECT_EQ(parse_url_list("http://h/a\n\n  # not this\r\n\thttp://h/b#part \r\n#http://h/c\nhttp://h/d"),
              (std::vector<std::string>{"http://h/a", "http://h/b#part", "http://h/d"}));
    EXPECT_EQ(parse_url_list("\xef\xbb\xbfhttp://h/a\r\nhttp://h/b"),
              (std::vector<std::string>{"http://h/a", "http://h/b"}));
    EXPECT_EQ(parse_url_list("\xef\xbb\xbf# a comment\nhttp://h/a"), std::vector<std::string>{"http://h/a"});
    EXPECT_TRUE(parse_url_list("").empty());
    EXPECT_TRUE(parse_url_list("\xef\xbb\xbf").empty());
}

TEST(Arguments, Duplicates) {
    std::vector<std::string> urls = {"b", "a", "b", "c", "b", "c"};
    EXPECT_EQ(take_duplicates(urls), (std::vector<std::string>{"b", "c"}));
    EXPECT_EQ(urls, (std::vector<std::string>{"b", "a", "c"}));
    EXPECT_TRUE(take_duplicates(urls).empty());
    EXPECT_EQ(urls.size(), 3U);
}

}  // namespace
}  // namespace thrum::cli
