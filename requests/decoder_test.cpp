// thrum/requests/decoder_test.cpp: floor 4, requests
// Coded bodies come back as they were, in pieces of any size, and hostile ones are stopped.
#include <thrum/requests/internal/decoder.hpp>
#include <thrum/testing/deflate.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace thrum::requests::internal {
namespace {

using testing::deflate_all;
using testing::gzip_bits;
using testing::raw_bits;
using testing::zlib_bits;

struct Result {
    std::string text = {};
    Decoder::Status status = Decoder::Status::ok;
    bool may_end = false;
};

// Feeds `coded` in pieces of `piece` bytes and reads with room for `room`.
Result decode_all(Decoder::Coding coding, std::string_view coded, std::size_t piece, std::size_t room) {
    Decoder decoder(coding);
    Result result;
    std::vector<char> buffer(room);
    while (!coded.empty()) {
        std::string_view input = coded.substr(0, piece);
        coded.remove_prefix(input.size());
        std::size_t produced = 0;
        do {
            result.status = decoder.decode(input, buffer, produced);
            if (result.status != Decoder::Status::ok && result.status != Decoder::Status::finished)
                return result;
            result.text.append(buffer.data(), produced);
        } while (!input.empty() || produced == room);
    }
    result.may_end = decoder.may_end();
    return result;
}

std::string varied_text() {
    std::string text;
    for (int i = 0; i < 5000; ++i) text += "line " + std::to_string(i * 7919 % 4999) + "\n";
    return text;
}

// Every format of both codings, in pieces from one byte up, gives the text back and may end there.
TEST(Decoder, RoundTripsInPiecesOfAnySize) {
    const std::string text = varied_text();
    const struct {
        Decoder::Coding coding;
        int bits;
    } formats[] = {{Decoder::Coding::gzip, gzip_bits},
                   {Decoder::Coding::deflate, zlib_bits},
                   {Decoder::Coding::deflate, raw_bits}};
    for (const auto& [coding, bits] : formats) {
        const std::string coded = deflate_all(text, bits);
        for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{4096}, coded.size()}) {
            for (const std::size_t room : {std::size_t{1}, std::size_t{100}, std::size_t{65536}}) {
                const Result result = decode_all(coding, coded, piece, room);
                EXPECT_EQ(result.text, text) << bits << " piece " << piece << " room " << room;
                EXPECT_EQ(result.status, Decoder::Status::finished);
                EXPECT_TRUE(result.may_end);
            }
        }
    }
}

// Members of a gzip file follow one another; padding after the last is ignored.
TEST(Decoder, ReadsAllMembersAndIgnoresPadding) {
    const std::string coded =
        deflate_all("one ", gzip_bits) + deflate_all("two", gzip_bits) + std::string(9, '\0');
    for (const std::size_t piece : {std::size_t{1}, coded.size()}) {
        EXPECT_EQ(decode_all(Decoder::Coding::gzip, coded, piece, 64).text, "one two");
    }
}

// A body that breaks off may not end there, wherever that is; an empty one may.
TEST(Decoder, KnowsWhereABodyMayEnd) {
    const std::string coded = deflate_all("some text that is long enough", gzip_bits);
    EXPECT_TRUE(Decoder(Decoder::Coding::gzip).may_end());
    for (std::size_t length = 1; length < coded.size(); ++length) {
        EXPECT_FALSE(decode_all(Decoder::Coding::gzip, coded.substr(0, length), 4096, 4096).may_end)
            << length;
    }
    EXPECT_FALSE(decode_all(Decoder::Coding::deflate, "\x78", 1, 64).may_end);
}

// What is not of the coding is called malformed, a wrong checksum included.
TEST(Decoder, RefusesWhatIsNotOfTheCoding) {
    std::string wrong_checksum = deflate_all("text", gzip_bits);
    wrong_checksum[wrong_checksum.size() - 6] ^= 1;
    EXPECT_EQ(decode_all(Decoder::Coding::gzip, wrong_checksum, 4096, 4096).status,
              Decoder::Status::malformed);
    EXPECT_EQ(decode_all(Decoder::Coding::gzip, "not gzip at all", 4096, 4096).status,
              Decoder::Status::malformed);
    EXPECT_EQ(decode_all(Decoder::Coding::deflate, "\xff\xff\xff\xff\xff", 1, 4096).status,
              Decoder::Status::malformed);
}

// A body that unpacks beyond the ratio is stopped soon after the free part, not at its end.
TEST(Decoder, StopsABomb) {
    const std::string bomb = deflate_all(std::string(64 * 1024 * 1024, 'a'), gzip_bits);
    const Result result = decode_all(Decoder::Coding::gzip, bomb, 4096, 65536);
    EXPECT_EQ(result.status, Decoder::Status::bomb);
    EXPECT_LE(result.text.size(), ratio_free_bytes + 65536);
}

// Input that goes on and unpacks to nothing is stopped, whatever it is made of; a little of it is padding.
TEST(Decoder, StopsWhatHoldsNothing) {
    const std::string gzip = deflate_all("text", gzip_bits);
    const std::string zlib = deflate_all("text", zlib_bits);
    const auto repeated = [](const std::string& part, std::size_t times) {
        std::string all;
        for (std::size_t i = 0; i < times; ++i) all += part;
        return all;
    };
    // RFC 1951 §3.2.4: a stored block of no bytes, not the last one.
    const std::string empty_block("\x00\x00\x00\xff\xff", 5);
    const struct {
        const char* what;
        Decoder::Coding coding;
        std::string head;
        std::string part;
    } cases[] = {
        {"padding", Decoder::Coding::gzip, gzip, std::string(1, '\0')},
        {"padding of zlib", Decoder::Coding::deflate, zlib, "x"},
        {"members", Decoder::Coding::gzip, gzip, deflate_all("", gzip_bits)},
        {"blocks", Decoder::Coding::deflate, "\x78\x9c", empty_block},
        {"a name", Decoder::Coding::gzip, std::string("\x1f\x8b\x08\x08\0\0\0\0\0\x03", 10), "n"},
    };
    for (const auto& [what, coding, head, part] : cases) {
        const std::size_t limit = max_barren / part.size();
        for (const std::size_t piece : {std::size_t{1000}, std::size_t{1'000'000}}) {
            const auto little = decode_all(coding, head + repeated(part, limit / 2), piece, 4096).status;
            EXPECT_TRUE(little == Decoder::Status::ok || little == Decoder::Status::finished) << what;
            EXPECT_EQ(decode_all(coding, head + repeated(part, limit + 40), piece, 4096).status,
                      Decoder::Status::barren)
                << what << ' ' << piece;
        }
    }
}

// Names of codings are compared without case; others are left to the caller.
TEST(Decoder, KnowsTheNamesOfCodings) {
    EXPECT_EQ(coding_of("gzip"), Decoder::Coding::gzip);
    EXPECT_EQ(coding_of(" X-GZip "), Decoder::Coding::gzip);
    EXPECT_EQ(coding_of("Deflate"), Decoder::Coding::deflate);
    for (const char* other : {"", "identity", "br", "gzip, gzip"})
        EXPECT_EQ(coding_of(other), std::nullopt) << other;
}

}  // namespace
}  // namespace thrum::requests::internal
