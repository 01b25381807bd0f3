// thrum/http/parser_test.cpp: floor 3, http
// Heads are read as RFC 9112 says and no other way: each rule is a row, and each row is also fed byte by byte
// and in random pieces, which must change nothing.
#include <thrum/http/internal/feeding_fixture.hpp>
#include <thrum/http/parser.hpp>

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace thrum::http {
namespace {

using namespace std::string_literals;
using internal::feed;
using internal::Transcript;

constexpr unsigned seed = 20240229;
constexpr int random_splits = 12;
constexpr std::size_t byte_by_byte_edge = 2000;

// Feeds the message in every way and returns what the parser says when it is fed whole.
template <class Parser>
Transcript feed_all_ways(std::string_view bytes, bool closes = false, std::string_view method = "GET") {
    const auto run = [&](const std::vector<std::size_t>& ends) {
        Parser parser;
        if constexpr (std::is_same_v<Parser, ResponseParser>) parser.reset(method);
        return feed(parser, bytes, ends, closes);
    };
    const Transcript whole = run({bytes.size()});
    // Each step copies what came so far: long messages go byte by byte only where they begin and end.
    std::vector<std::size_t> each;
    for (std::size_t end = 0; end < bytes.size();) {
        const bool is_middle = end > byte_by_byte_edge && end + 2 * byte_by_byte_edge < bytes.size();
        each.push_back(end += is_middle ? byte_by_byte_edge : 1);
    }
    EXPECT_EQ(run(each), whole) << "byte by byte: " << bytes.substr(0, 300);
    std::mt19937 random(seed);
    for (int round = 0; round < random_splits; ++round) {
        std::vector<std::size_t> ends;
        for (std::size_t end = 0; end < bytes.size();) {
            end = std::min(bytes.size(), end + 1 + random() % (bytes.size() / 3 + 2));
            ends.push_back(end);
        }
        EXPECT_EQ(run(ends), whole) << "random pieces, round " << round << ": " << bytes.substr(0, 300);
    }
    return whole;
}

struct Accepted {
    std::string bytes;
    std::string head;  // the first two lines of the transcript
    std::string body = {};
};

// Requests in all the forms that are right, with the framing that RFC 9112 §6.3 gives them.
TEST(RequestParserTest, Accepts) {
    const std::vector<Accepted> rows = {
        {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / a\nnone 0 1.1 keep\n"},
        {"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / a\nnone 0 1.1 keep\n"},
        {"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / a\nnone 0 1.1 keep\n"},
        {"GET /a?b=c%20d HTTP/1.1\r\nhOsT:a.example:8080\r\n\r\n",
         "GET /a?b=c%20d a.example:8080\nnone 0 1.1 keep\n"},
        {"GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", "GET / [::1]:80\nnone 0 1.1 keep\n"},
        {"GET / HTTP/1.1\r\nHost: a:\r\n\r\n", "GET / a:\nnone 0 1.1 keep\n"},
        {"GET / HTTP/1.2\r\nHost: a\r\n\r\n", "GET / a\nnone 0 1.1 keep\n"},
        {"GET / HTTP/1.0\r\n\r\n", "GET / \nnone 0 1.0 close\n"},
        {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", "GET / \nnone 0 1.0 keep\n"},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade, CLOSE\r\n\r\n", "GET / a\nnone 0 1.1 close\n"},
        {"GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", "GET / \nnone 0 1.0 close\n"},
        {"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "OPTIONS * a\nnone 0 1.1 keep\n"},
        {"GET http://b:81/x HTTP/1.1\r\nHost: a\r\n\r\n", "GET http://b:81/x b:81\nnone 0 1.1 keep\n"},
        {"GET HTTP://b?x HTTP/1.1\r\nHost: a\r\n\r\n", "GET HTTP://b?x b\nnone 0 1.1 keep\n"},
        {"CONNECT b:443 HTTP/1.1\r\nHost: b\r\n\r\n", "CONNECT b:443 b:443\nnone 0 1.1 keep\n"},
        {"M-SEARCH!#$ / HTTP/1.1\r\nHost: a\r\n\r\n", "M-SEARCH!#$ / a\nnone 0 1.1 keep\n"},
        {"PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\nx",
         "PUT / a expects\nlength 1 1.1 keep\n", "x"},
        {"PUT / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n", "PUT / \nnone 0 1.0 close\n"},
        {"PUT / HTTP/1.1\r\nHost: a\r\nExpect: wonders\r\n\r\n", "PUT / a unknown\nnone 0 1.1 keep\n"},
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", "POST / a\nlength 5 1.1 keep\n",
         "hello"},
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", "POST / a\nlength 0 1.1 keep\n"},
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0003\r\n\r\nabcGET /",
         "POST / a\nlength 3 1.1 keep\n", "abc"},
        {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
         "POST / a\nchunked 0 1.1 keep\n", "abc"},
        {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\t Chunked \r\n\r\n3\r\nabc\r\n0\r\n\r\nGET /",
         "POST / a\nchunked 0 1.1 keep\n", "abc"},
    };
    for (const Accepted& row : rows) {
        const Transcript got = feed_all_ways<RequestParser>(row.bytes);
        EXPECT_TRUE(got.complete) << row.bytes << describe(got.error);
        EXPECT_TRUE(got.head.starts_with(row.head)) << row.bytes << "\ngot " << got.head;
        EXPECT_EQ(got.body, row.body) << row.bytes;
    }
}

struct Rejected {
    std::string bytes;
    ParseError error;
};

std::string with_fields(std::string_view fields) {
    return "POST / HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n\r\n";
}

// First lines that are no request line.
TEST(RequestParserTest, RejectsFirstLines) {
    const std::vector<Rejected> rows = {
        {"GET /\r\n", ParseError::invalid_request_line},
        {"GET\r\n", ParseError::invalid_request_line},
        {"\r\n\r\n\r\nGET / HTTP/1.1\r\n", ParseError::invalid_request_line},
        {"\x16\x03\x01", ParseError::invalid_method},
        {" GET / HTTP/1.1\r\n", ParseError::invalid_method},
        {"G\0T / HTTP/1.1\r\n"s, ParseError::invalid_method},
        {"G:T / HTTP/1.1\r\n", ParseError::invalid_method},
        {"GET\t/ HTTP/1.1\r\n", ParseError::invalid_request_line},
        {"GET  / HTTP/1.1\r\n", ParseError::invalid_target},
        {"GET /a b HTTP/1.1\r\n", ParseError::invalid_version},
        {"GET /  HTTP/1.1\r\n", ParseError::invalid_version},
        {"GET / HTTP/1.1 \r\n", ParseError::invalid_version},
        {"GET / HTTP/1.10\r\n", ParseError::invalid_version},
        {"GET / http/1.1\r\n", ParseError::invalid_version},
        {"GET / HTTP/1,1\r\n", ParseError::invalid_version},
        {"GET / HTTP/11\r\n", ParseError::invalid_version},
        {"GET / HTTPS/1.1\r\n", ParseError::invalid_version},
        {"GET / HTTP/0.9\r\n", ParseError::unsupported_version},
        {"PRI * HTTP/2.0\r\n", ParseError::invalid_target},
        {"GET / HTTP/2.0\r\n", ParseError::unsupported_version},
        {"GET / HTTP/1.1\n", ParseError::bare_lf},
        {"\nGET / HTTP/1.1\r\n", ParseError::bare_lf},
        {"GET /\rx HTTP/1.1\r\n", ParseError::invalid_target},
        {"GET /\x01 HTTP/1.1\r\n", ParseError::invalid_target},
        {"GET /\0 HTTP/1.1\r\n"s, ParseError::invalid_target},
        {"GET /\xc3\xa4 HTTP/1.1\r\n", ParseError::invalid_target},
        {"GET /a#b HTTP/1.1\r\n", ParseError::invalid_target},
        {"GET a HTTP/1.1\r\n", ParseError::invalid_target},
        {"GET * HTTP/1.1\r\n", ParseError::invalid_target},
        {"GET ftp://a/ HTTP/1.1\r\n", ParseError::invalid_target},
        {"GET a:80 HTTP/1.1\r\n", ParseError::invalid_target},
        {"CONNECT / HTTP/1.1\r\n", ParseError::invalid_target},
        {"CONNECT a HTTP/1.1\r\n", ParseError::invalid_target},
        {"CONNECT a: HTTP/1.1\r\n", ParseError::invalid_target},
        {"GET http:/// HTTP/1.1\r\n", ParseError::invalid_host},
        {"GET http://u@a/ HTTP/1.1\r\n", ParseError::invalid_host},
        {"GET /" + std::string(start_line_limit, 'a') + " HTTP/1.1\r\n", ParseError::start_line_too_long},
        {std::string(start_line_limit + 2, 'a'), ParseError::start_line_too_long},
    };
    for (const Rejected& row : rows) {
        const Transcript got = feed_all_ways<RequestParser>(row.bytes + "Host: a\r\n\r\n");
        EXPECT_EQ(got.error, row.error) << row.bytes.substr(0, 100) << ": " << describe(got.error);
        EXPECT_FALSE(got.complete);
    }
}

// Header sections that two readers could understand in two ways, or that no reader should accept.
TEST(RequestParserTest, RejectsFields) {
    const std::vector<Rejected> rows = {
        {with_fields("A : b"), ParseError::space_before_colon},
        {with_fields("A\t: b"), ParseError::space_before_colon},
        {with_fields("Content-Length : 5"), ParseError::space_before_colon},
        {with_fields("A: b\r\n c"), ParseError::obs_fold},
        {with_fields("A: b\r\n\tc"), ParseError::obs_fold},
        {"GET / HTTP/1.1\r\n Host: a\r\n\r\n", ParseError::obs_fold},
        {with_fields("A: b\0c"s), ParseError::invalid_character},
        {with_fields("A: b\x01"), ParseError::invalid_character},
        {with_fields("A: b\x7f"), ParseError::invalid_character},
        {with_fields("A: b\rc"), ParseError::bare_cr},
        {with_fields("A: \rb"), ParseError::bare_cr},
        {with_fields("A: b\r"), ParseError::bare_cr},
        {with_fields("A\r: b"), ParseError::bare_cr},
        {with_fields("A: b\nc: d"), ParseError::bare_lf},
        {"GET / HTTP/1.1\r\nHost: a\n\r\n", ParseError::bare_lf},
        {"GET / HTTP/1.1\r\nHost: a\r\n\n", ParseError::bare_lf},
        {with_fields("A"), ParseError::missing_colon},
        {with_fields("A b"), ParseError::missing_colon},
        {with_fields(": b"), ParseError::invalid_field_name},
        {with_fields("A(: b"), ParseError::invalid_field_name},
        {with_fields("A\0: b"s), ParseError::invalid_field_name},
        {with_fields("\xc3\xa4: b"), ParseError::invalid_field_name},
        {with_fields("A: " + std::string(head_limit, 'a')), ParseError::head_too_large},
        {"GET / HTTP/1.1\r\nHost: a\r\nA: " + std::string(head_limit, 'a'), ParseError::head_too_large},
    };
    for (const Rejected& row : rows) {
        const Transcript got = feed_all_ways<RequestParser>(row.bytes);
        EXPECT_EQ(got.error, row.error) << row.bytes.substr(0, 100) << ": " << describe(got.error);
    }
    std::string many;
    for (std::size_t i = 1; i < field_count_limit; ++i) many += "A: b\r\n";
    EXPECT_EQ(feed_all_ways<RequestParser>(with_fields(many + "A: b")).error, ParseError::too_many_fields);
    many.resize(many.size() - 2);
    EXPECT_TRUE(feed_all_ways<RequestParser>(with_fields(many)).complete) << "100 headers are allowed";
}

// Framing that could be read in two ways: the stuff of request smuggling (RFC 9112 §6, §11.2).
TEST(RequestParserTest, RejectsFraming) {
    const std::vector<Rejected> rows = {
        {with_fields("Content-Length: 5\r\nTransfer-Encoding: chunked"),
         ParseError::content_length_and_transfer_encoding},
        {with_fields("Transfer-Encoding: chunked\r\nContent-Length: 5"),
         ParseError::content_length_and_transfer_encoding},
        {with_fields("Content-Length: 5\r\nContent-Length: 6"), ParseError::duplicate_content_length},
        {with_fields("Content-Length: 5\r\ncontent-length: 5"), ParseError::duplicate_content_length},
        {with_fields("Content-Length: 5, 5"), ParseError::invalid_content_length},
        {with_fields("Content-Length: 5,6"), ParseError::invalid_content_length},
        {with_fields("Content-Length: +5"), ParseError::invalid_content_length},
        {with_fields("Content-Length: -5"), ParseError::invalid_content_length},
        {with_fields("Content-Length: 0x5"), ParseError::invalid_content_length},
        {with_fields("Content-Length: 5 5"), ParseError::invalid_content_length},
        {with_fields("Content-Length: 5a"), ParseError::invalid_content_length},
        {with_fields("Content-Length: 5.0"), ParseError::invalid_content_length},
        {with_fields("Content-Length: 1_000"), ParseError::invalid_content_length},
        {with_fields("Content-Length:"), ParseError::invalid_content_length},
        {with_fields("Content-Length: 9223372036854775808"), ParseError::invalid_content_length},
        {with_fields("Content-Length: 18446744073709551621"), ParseError::invalid_content_length},
        {with_fields("Transfer-Encoding: chunked, gzip"), ParseError::chunked_not_last},
        {with_fields("Transfer-Encoding: chunked, chunked"), ParseError::chunked_not_last},
        {with_fields("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"),
         ParseError::chunked_not_last},
        {with_fields("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity"),
         ParseError::chunked_not_last},
        {with_fields("Transfer-Encoding: gzip"), ParseError::chunked_not_last},
        {with_fields("Transfer-Encoding: identity"), ParseError::chunked_not_last},
        {with_fields("Transfer-Encoding: xchunked"), ParseError::chunked_not_last},
        {with_fields("Transfer-Encoding: chunkedx"), ParseError::chunked_not_last},
        {with_fields("Transfer-Encoding: chunked;q=1"), ParseError::chunked_not_last},
        {with_fields("Transfer-Encoding: \"chunked\""), ParseError::chunked_not_last},
        {with_fields("Transfer-Encoding: gzip, chunked"), ParseError::unsupported_transfer_coding},
        {with_fields("Transfer-Encoding: chunked,"), ParseError::invalid_transfer_encoding},
        {with_fields("Transfer-Encoding: ,chunked"), ParseError::invalid_transfer_encoding},
        {with_fields("Transfer-Encoding:"), ParseError::invalid_transfer_encoding},
        {with_fields("Transfer-Encoding: \x0b"
                     "chunked"),
         ParseError::invalid_character},
        {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", ParseError::transfer_encoding_in_http_1_0},
    };
    for (const Rejected& row : rows) {
        const Transcript got = feed_all_ways<RequestParser>(row.bytes);
        EXPECT_EQ(got.error, row.error) << row.bytes << describe(got.error);
        EXPECT_GE(status_of(got.error), 400);
    }
}

// Exactly one Host that is a host (RFC 9112 §3.2).
TEST(RequestParserTest, RejectsHosts) {
    const auto with_host = [](const std::string& host) { return "GET / HTTP/1.1\r\n" + host + "\r\n"; };
    EXPECT_EQ(feed_all_ways<RequestParser>(with_host("")).error, ParseError::missing_host);
    EXPECT_EQ(feed_all_ways<RequestParser>(with_host("Host: a\r\nHost: a\r\n")).error,
              ParseError::duplicate_host);
    EXPECT_EQ(feed_all_ways<RequestParser>("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n").error,
              ParseError::duplicate_host);
    for (const char* host :
         {"",     "a b", "u@a",    "a/b", "a?b",       "a#b",  "a\\b", "a:b", "a:65536", "a:80:80",  "a:-1",
          "[::1", "::1", "[::1]x", "[g]", "[1.2.3.4]", "a%zz", "a%4",  "a\"", "a<b>",    "\xc3\xa4", ":80"}) {
        EXPECT_EQ(feed_all_ways<RequestParser>(with_host("Host: "s + host + "\r\n")).error,
                  ParseError::invalid_host)
            << host;
    }
}

// Responses and the framing of their bodies (RFC 9112 §6.3), to the answers of other methods too.
TEST(ResponseParserTest, Accepts) {
    struct Row {
        std::string bytes;
        std::string head;
        std::string body = {};
        std::string_view method = "GET";
    };
    const std::vector<Row> rows = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "200 OK\nlength 2 1.1 keep\n", "hi"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
         "200 OK\nchunked 0 1.1 keep\n", "hi"},
        {"HTTP/1.1 200 OK\r\n\r\nall there is", "200 OK\nuntil_close 0 1.1 close\n", "all there is"},
        {"HTTP/1.1 200 OK\r\n\r\n", "200 OK\nuntil_close 0 1.1 close\n"},
        {"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", "200 OK\nlength 2 1.0 close\n", "hi"},
        {"HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n",
         "200 OK\nlength 0 1.0 keep\n"},
        {"HTTP/1.1 404 \r\nContent-Length: 0\r\n\r\n", "404 \nlength 0 1.1 keep\n"},
        {"HTTP/1.1 404\r\nContent-Length: 0\r\n\r\n", "404 \nlength 0 1.1 keep\n"},
        {"HTTP/1.1 404 Nicht  gefunden \xe4\r\nContent-Length: 0\r\n\r\n",
         "404 Nicht  gefunden \xe4\nlength 0 1.1 keep\n"},
        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1", "100 Continue\nnone 0 1.1 keep\n"},
        {"HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1", "204 No Content\nnone 0 1.1 keep\n"},
        {"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", "204 No Content\nnone 0 1.1 keep\n"},
        {"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello", "204 No Content\nnone 0 1.1 close\n"},
        {"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
         "204 No Content\nnone 0 1.1 close\n"},
        {"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nHTTP/1.1",
         "304 Not Modified\nnone 0 1.1 keep\n"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHTTP/1.1", "200 OK\nnone 0 1.1 keep\n", "", "HEAD"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "200 OK\nnone 0 1.1 keep\n", "", "HEAD"},
        {"HTTP/1.1 200 OK\r\n\r\n", "200 OK\nnone 0 1.1 keep\n", "", "HEAD"},
        {"HTTP/1.1 200 OK\r\n\r\ntunnel", "200 OK\nnone 0 1.1 keep\n", "", "CONNECT"},
        {"HTTP/1.1 407 No\r\nContent-Length: 2\r\n\r\nno", "407 No\nlength 2 1.1 keep\n", "no", "CONNECT"},
    };
    for (const Row& row : rows) {
        const Transcript got = feed_all_ways<ResponseParser>(row.bytes, true, row.method);
        EXPECT_TRUE(got.complete) << row.bytes << describe(got.error);
        EXPECT_TRUE(got.head.starts_with(row.head)) << row.bytes << "\ngot " << got.head;
        EXPECT_EQ(got.body, row.body) << row.bytes;
    }
}

// What is no response, and responses that end before they should.
TEST(ResponseParserTest, Rejects) {
    const std::vector<Rejected> rows = {
        {"SSH-2.0-OpenSSH_9.2\r\n", ParseError::invalid_status_line},
        {"<html>", ParseError::invalid_status_line},
        {"\r\nHTTP/1.1 200 OK\r\n\r\n", ParseError::invalid_status_line},
        {"ICY 200 OK\r\n\r\n", ParseError::invalid_status_line},
        {"HTTP/1.1\r\n\r\n", ParseError::invalid_status_line},
        {"HTTP/1.1  200 OK\r\n\r\n", ParseError::invalid_status_line},
        {"HTTP/1.1 20 OK\r\n\r\n", ParseError::invalid_status_line},
        {"HTTP/1.1 2000 OK\r\n\r\n", ParseError::invalid_status_line},
        {"HTTP/1.1 099 OK\r\n\r\n", ParseError::invalid_status_line},
        {"HTTP/1.1 +20 OK\r\n\r\n", ParseError::invalid_status_line},
        {"HTTP/1.1 200OK\r\n\r\n", ParseError::invalid_status_line},
        {"HTTP/2 200\r\n\r\n", ParseError::invalid_version},
        {"HTTP/2.0 200 OK\r\n\r\n", ParseError::unsupported_version},
        {"HTTP/1.1 200 O\0K\r\n\r\n"s, ParseError::invalid_character},
        {"HTTP/1.1 200 O\rK\r\n\r\n", ParseError::bare_cr},
        {"HTTP/1.1 200 OK\n\n", ParseError::bare_lf},
        {"HTTP/1.1 200 " + std::string(start_line_limit, 'a'), ParseError::start_line_too_long},
        {"HTTP/1.1 200 OK\r\nA : b\r\n\r\n", ParseError::space_before_colon},
        {"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", ParseError::obs_fold},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
         ParseError::duplicate_content_length},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
         ParseError::content_length_and_transfer_encoding},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", ParseError::chunked_not_last},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhi", ParseError::premature_end},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhi", ParseError::premature_end},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n", ParseError::premature_end},
        {"HTTP/1.1 200 OK\r\nA: " + std::string(head_limit, 'a'), ParseError::head_too_large},
    };
    for (const Rejected& row : rows) {
        const Transcript got = feed_all_ways<ResponseParser>(row.bytes, true);
        EXPECT_EQ(got.error, row.error) << row.bytes.substr(0, 100) << ": " << describe(got.error);
        EXPECT_FALSE(got.complete);
    }
}

// What an informational response spoiled stays spoiled for the final one, and not for the next request's.
TEST(ResponseParserTest, RemembersDoubtfulInformation) {
    const std::string final_one = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    const std::vector<std::pair<std::string, bool>> rows = {
        {"HTTP/1.1 103 Early Hints\r\n\r\n", true},
        {"HTTP/1.1 103 Early Hints\r\nContent-Length: 0\r\n\r\n", true},
        {"HTTP/1.1 103 Early Hints\r\nContent-Length: 38\r\n\r\n", false},
        {"HTTP/1.1 100 Continue\r\nTransfer-Encoding: chunked\r\n\r\n", false},
        {"HTTP/1.1 100 Continue\r\nConnection: close\r\n\r\n", false},
    };
    for (const auto& [information, kept] : rows) {
        ResponseParser parser;
        ASSERT_EQ(parser.parse(information).state, ParseState::complete) << information;
        EXPECT_EQ(parser.head().keep_alive, kept) << information;
        parser.reset();
        ASSERT_EQ(parser.parse("HTTP/1.1 102 Processing\r\n\r\n").state, ParseState::complete);
        parser.reset();
        ASSERT_EQ(parser.parse(final_one).state, ParseState::complete);
        EXPECT_EQ(parser.head().keep_alive, kept) << information;
        parser.reset();
        ASSERT_EQ(parser.parse(final_one).state, ParseState::complete);
        EXPECT_TRUE(parser.head().keep_alive) << information;
    }
}

// A parser is as new after reset(), and its head follows when the bytes are moved.
TEST(RequestParserTest, IsReusableAndRebases) {
    RequestParser parser;
    EXPECT_EQ(parser.parse("BROKEN\r\n").state, ParseState::failed);
    EXPECT_EQ(parser.parse("GET / HTTP/1.1\r\nHost: a\r\n\r\n").state, ParseState::failed)
        << "failure is for good";
    parser.reset();
    auto bytes = std::make_unique<std::string>(
        "PUT /long/enough/to/be/on/the/heap HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\nbody");
    const auto [consumed, state] = parser.parse(*bytes);
    ASSERT_EQ(state, ParseState::complete);
    EXPECT_EQ(bytes->substr(consumed), "body");
    const std::string copy = bytes->substr(0, consumed);
    parser.rebase(bytes->data(), copy.data());
    bytes.reset();
    EXPECT_EQ(parser.head().method, "PUT");
    EXPECT_EQ(parser.head().target, "/long/enough/to/be/on/the/heap");
    EXPECT_EQ(parser.head().authority, "a");
    EXPECT_EQ(parser.head().get("x"), "y");
    EXPECT_EQ(parser.head().get("z"), std::nullopt);
    EXPECT_EQ(parser.head().headers(), (Headers{{"Host", "a"}, {"X", "y"}}));
}

}  // namespace
}  // namespace thrum::http
