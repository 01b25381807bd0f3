// thrum/http/body_decoder_test.cpp: floor 3, http
// Bodies end where their framing says, and chunks that are not chunks are refused, however the bytes were
// split.
#include <thrum/http/body_decoder.hpp>
#include <thrum/http/internal/feeding_fixture.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace thrum::http {
namespace {

using namespace std::string_literals;
using internal::Transcript;

Transcript decode(const std::string& body) {
    const std::string bytes = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body;
    const auto run = [&bytes](std::size_t step) {
        std::vector<std::size_t> ends;
        for (std::size_t end = step; end < bytes.size(); end += step) ends.push_back(end);
        ends.push_back(bytes.size());
        ResponseParser parser;
        return internal::feed(parser, bytes, ends);
    };
    const Transcript whole = run(bytes.size());
    for (const std::size_t step : {1, 2, 3, 5, 7})
        EXPECT_EQ(run(step), whole) << "by " << step << ": " << body;
    return whole;
}

// Chunked bodies in all the spellings of RFC 9112 §7.1, their data joined.
TEST(BodyDecoderTest, DecodesChunks) {
    struct Row {
        std::string bytes;
        std::string body;
        std::string trailers = {};
    };
    const std::vector<Row> rows = {
        {"0\r\n\r\n", ""},
        {"3\r\nabc\r\n0\r\n\r\n", "abc"},
        {"3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n", "abc0123456789"},
        {"a\r\n0123456789\r\n000\r\n\r\n", "0123456789"},
        {"0000000000000000000003\r\nabc\r\n0\r\n\r\n", "abc"},
        {"2\r\n\r\n\r\n0\r\n\r\n", "\r\n"},
        {"3;a\r\nabc\r\n0;b=c;d=\"e;\\\"f\"\r\n\r\n", "abc"},
        {"3 ; a = b\r\nabc\r\n0\r\n\r\n", "abc"},
        {"1\r\na\r\n0\r\nX-Sum: 1\r\nY:\r\n\r\n", "a", "X-Sum: 1\r\nY: \r\n"},
        {"1\r\na\r\n0\r\n\r\nHTTP/1.1 200 OK", "a"},
    };
    for (const Row& row : rows) {
        const Transcript got = decode(row.bytes);
        EXPECT_TRUE(got.complete) << row.bytes << describe(got.error);
        EXPECT_EQ(got.body, row.body) << row.bytes;
        EXPECT_EQ(got.trailers, row.trailers) << row.bytes;
    }
}

// Chunks that another reader might end elsewhere are refused.
TEST(BodyDecoderTest, RefusesWhatIsNoChunk) {
    struct Row {
        std::string bytes;
        ParseError error;
    };
    std::string extensions;
    for (int i = 0; i < 20; ++i) extensions += "1;a=" + std::string(900, 'x') + "\r\na\r\n";
    std::string many;
    for (std::size_t i = 0; i <= field_count_limit; ++i) many += "A: b\r\n";
    const std::vector<Row> rows = {
        {"\r\n", ParseError::invalid_chunk_size},
        {"g\r\n", ParseError::invalid_chunk_size},
        {"+3\r\nabc\r\n", ParseError::invalid_chunk_size},
        {"-3\r\nabc\r\n", ParseError::invalid_chunk_size},
        {"0x3\r\nabc\r\n", ParseError::invalid_chunk_size},
        {" 3\r\nabc\r\n", ParseError::invalid_chunk_size},
        {"3 \r\nabc\r\n", ParseError::invalid_chunk_size},
        {"3 4\r\nabc\r\n", ParseError::invalid_chunk_size},
        {"3\0\r\nabc\r\n"s, ParseError::invalid_chunk_size},
        {";a\r\n", ParseError::invalid_chunk_size},
        {"8000000000000000\r\n", ParseError::invalid_chunk_size},
        {"ffffffffffffffff\r\n", ParseError::invalid_chunk_size},
        {"10000000000000003\r\nabc\r\n", ParseError::invalid_chunk_size},
        {"3\nabc\r\n0\r\n\r\n", ParseError::bare_lf},
        {"3\r\nabc\n0\r\n\r\n", ParseError::bare_lf},
        {"3\rabc\r\n", ParseError::bare_cr},
        {"3;a\rb\r\nabc\r\n", ParseError::bare_cr},
        {"3\r\r\nabc", ParseError::bare_cr},
        {"3\r\nabcd\r\n", ParseError::invalid_chunk_end},
        {"3\r\nabc\rx", ParseError::invalid_chunk_end},
        {"3\r\nabc0\r\n\r\n", ParseError::invalid_chunk_end},
        {"3;\r\nabc\r\n", ParseError::invalid_chunk_extension},
        {"3;a=\r\nabc\r\n", ParseError::invalid_chunk_extension},
        {"3;a=\"b\r\nabc\r\n", ParseError::invalid_chunk_extension},
        {"3;a=\"b\\\r\nabc\r\n", ParseError::invalid_chunk_extension},
        {"3;a\0\r\nabc\r\n"s, ParseError::invalid_chunk_extension},
        {"3;a b\r\nabc\r\n", ParseError::invalid_chunk_extension},
        {"3;a=b \r\nabc\r\n", ParseError::invalid_chunk_extension},
        {std::string(chunk_line_limit + 2, '0'), ParseError::chunk_line_too_long},
        {"1;a=" + std::string(chunk_line_limit, 'x') + "\r\na\r\n", ParseError::chunk_line_too_long},
        {extensions, ParseError::chunk_extensions_too_large},
        {"0\r\nA: " + std::string(trailers_limit, 'x') + "\r\n\r\n", ParseError::trailers_too_large},
        {"0\r\n" + many + "\r\n", ParseError::too_many_fields},
        {"0\r\nContent-Length: 5\r\n\r\n", ParseError::forbidden_trailer},
        {"0\r\nA: b\r\nTRANSFER-ENCODING: chunked\r\n\r\n", ParseError::forbidden_trailer},
        {"0\r\nHost: b\r\n\r\n", ParseError::forbidden_trailer},
        {"0\r\nA : b\r\n\r\n", ParseError::space_before_colon},
        {"0\r\nA: b\r\n c\r\n\r\n", ParseError::obs_fold},
        {"0\r\nA: b\n\r\n", ParseError::bare_lf},
        {"0\r\n\n", ParseError::bare_lf},
    };
    for (const Row& row : rows) {
        const Transcript got = decode(row.bytes);
        EXPECT_EQ(got.error, row.error) << row.bytes.substr(0, 100) << ": " << describe(got.error);
        EXPECT_FALSE(got.complete) << row.bytes.substr(0, 100);
    }
}

// A body of known length takes no byte more, and pieces are views of what was given: nothing is copied.
TEST(BodyDecoderTest, TakesJustTheLengthWithoutCopying) {
    BodyDecoder decoder({BodyKind::length, 5});
    const std::string bytes = "helloHTTP/1.1";
    const auto first = decoder.decode(std::string_view(bytes).substr(0, 3));
    EXPECT_EQ(first.data.data(), bytes.data());
    EXPECT_EQ(first.consumed, 3u);
    EXPECT_EQ(first.state, ParseState::need_more);
    const auto second = decoder.decode(std::string_view(bytes).substr(3));
    EXPECT_EQ(second.data, "lo");
    EXPECT_EQ(second.consumed, 2u);
    EXPECT_EQ(second.state, ParseState::complete);
    EXPECT_EQ(decoder.decode("more").consumed, 0u);
    EXPECT_EQ(decoder.decoded(), 5u);
}

// The end of the connection is an end only for bodies that have no other.
TEST(BodyDecoderTest, KnowsWhetherTheConnectionMayClose) {
    EXPECT_EQ(BodyDecoder({BodyKind::none, 0}).finish(), ParseState::complete);
    EXPECT_EQ(BodyDecoder({BodyKind::until_close, 0}).finish(), ParseState::complete);
    EXPECT_EQ(BodyDecoder({BodyKind::length, 0}).finish(), ParseState::complete);
    BodyDecoder decoder({BodyKind::length, 1});
    EXPECT_EQ(decoder.finish(), ParseState::failed);
    EXPECT_EQ(decoder.error(), ParseError::premature_end);
    decoder.reset({BodyKind::chunked, 0});
    EXPECT_EQ(decoder.finish(), ParseState::failed);
}

}  // namespace
}  // namespace thrum::http
