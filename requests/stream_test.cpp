// thrum/requests/stream_test.cpp: floor 4, requests
// Bodies can be read in pieces, in lines and into files, the same bytes each time.
#include <thrum/base/file.hpp>
#include <thrum/requests/requests.hpp>
#include <thrum/testing/peers.hpp>
#include <thrum/testing/raw_server.hpp>

#include <gtest/gtest.h>

#include <ranges>

namespace thrum::requests {
namespace {

namespace fs = std::filesystem;

static_assert(std::ranges::input_range<ContentRange>);
static_assert(std::ranges::input_range<LineRange>);

std::string varied(std::size_t size) {
    std::string text(size, '\0');
    unsigned state = 1;
    for (char& c : text) {
        state = state * 1664525 + 1013904223;
        c = static_cast<char>(state >> 24);
    }
    return text;
}

const testing::Nginx& nginx() {
    static const testing::Nginx server({.server_lines = "gzip on; gzip_types *; gzip_min_length 1;\n"});
    return server;
}

// Pieces are exactly as long as asked for, but the last; without a size they are what comes. Plain and coded.
TEST(IterContent, GivesPiecesOfTheWantedSize) {
    const std::string body = varied(300'001);
    write_file(nginx().root() / "body.bin", body);
    for (const char* coding : {"identity", "gzip"}) {
        for (const bool stream : {true, false}) {
            for (const std::size_t size :
                 {std::size_t{0}, std::size_t{1000}, std::size_t{4096}, std::size_t{1'000'000}}) {
                const Response response = get(nginx().url() + "/body.bin",
                                              {.headers = {{"Accept-Encoding", coding}}, .stream = stream});
                std::string joined;
                bool was_short = false;
                for (const std::string_view piece : response.iter_content(size)) {
                    EXPECT_FALSE(was_short) << "a short piece is the last";
                    EXPECT_FALSE(piece.empty());
                    was_short = size != 0 && piece.size() < size;
                    EXPECT_TRUE(size == 0 || piece.size() <= size);
                    joined += piece;
                }
                EXPECT_EQ(joined, body) << coding << ' ' << size;
                EXPECT_EQ(response.headers().contains("Content-Encoding"), std::string(coding) == "gzip");
            }
        }
    }
}

// The pieces keep what they come from alive, and a body that was streamed is not to be had again.
TEST(IterContent, OutlivesTheResponse) {
    write_file(nginx().root() / "small.txt", "small");
    std::string joined;
    for (const std::string_view piece : get(nginx().url() + "/small.txt", {.stream = true}).iter_content(2))
        joined += piece;
    EXPECT_EQ(joined, "small");
    const Response response = get(nginx().url() + "/small.txt", {.stream = true});
    for ([[maybe_unused]] const std::string_view piece : response.iter_content()) {
    }
    EXPECT_THROW(response.content(), RequestException);
    EXPECT_THROW(response.iter_content(), RequestException);
    EXPECT_THROW(response.iter_lines(), RequestException);
    const testing::TemporaryDirectory folder;
    EXPECT_THROW(response.save(folder / "file"), RequestException);
    EXPECT_TRUE(fs::is_empty(folder.path()));
}

// A body that failed once never passes for a whole one afterwards.
TEST(IterContent, StaysFailed) {
    const testing::RawServer server("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n1234", true);
    const Response response = get(server.url(), {.stream = true});
    for (int i = 0; i < 3; ++i) EXPECT_THROW(response.content(), IncompleteRead);
    const testing::TemporaryDirectory folder;
    EXPECT_THROW(response.save(folder / "file"), IncompleteRead);
    EXPECT_TRUE(fs::is_empty(folder.path()));
    const testing::RawServer large("HTTP/1.1 200 OK\r\n\r\n" + std::string(1000, 'x'), true);
    const Response unkept = get(large.url(), {.stream = true, .max_content = 999});
    for (int i = 0; i < 3; ++i) EXPECT_THROW(unkept.content(), ContentTooLarge);
}

// Lines come without their ends, whatever the pieces they came in; a last one needs no end.
TEST(IterLines, SplitsAtLineEnds) {
    const struct {
        const char* body;
        std::vector<std::string> lines;
    } cases[] = {{"", {}},
                 {"one", {"one"}},
                 {"one\n", {"one"}},
                 {"one\r\ntwo\n\nfour", {"one", "two", "", "four"}},
                 {"\n", {""}}};
    for (const auto& [body, lines] : cases) {
        // One byte to a chunk: every line is put together from pieces.
        std::string chunks;
        for (const char c : std::string_view(body)) chunks.append("1\r\n").append(1, c).append("\r\n");
        const testing::RawServer server("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks +
                                        "0\r\n\r\n");
        std::vector<std::string> got;
        for (const std::string_view line : get(server.url(), {.stream = true}).iter_lines())
            got.emplace_back(line);
        EXPECT_EQ(got, lines) << body;
        got.clear();
        for (const std::string_view line : get(server.url()).iter_lines()) got.emplace_back(line);
        EXPECT_EQ(got, lines) << body;
    }
    const testing::RawServer endless("HTTP/1.1 200 OK\r\n\r\n" + std::string(1000, 'x'), true);
    const Response response = get(endless.url(), {.stream = true, .max_content = 999});
    EXPECT_THROW((void)std::ranges::distance(response.iter_lines()), ContentTooLarge);
}

// A saved body is the body, streamed or not, and there is no part left beside it.
TEST(Save, WritesTheWholeBody) {
    const testing::TemporaryDirectory folder;
    const std::string body = varied(1'000'000);
    write_file(nginx().root() / "large.bin", body);
    for (const bool stream : {true, false}) {
        get(nginx().url() + "/large.bin", {.stream = stream}).save(folder / "large.bin");
        EXPECT_EQ(read_file(folder / "large.bin"), body);
        EXPECT_FALSE(fs::exists(folder / "large.bin.part"));
    }
}

// A body that breaks off leaves neither the file nor its part, and what stood there before stays.
TEST(Save, LeavesNothingBehindWhenItFails) {
    const testing::TemporaryDirectory folder;
    const testing::RawServer server("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of it", true);
    EXPECT_THROW(get(server.url(), {.stream = true}).save(folder / "new"), IncompleteRead);
    EXPECT_TRUE(fs::is_empty(folder.path()));
    write_file(folder / "old", "old");
    EXPECT_THROW(get(server.url(), {.stream = true}).save(folder / "old"), IncompleteRead);
    EXPECT_EQ(read_file(folder / "old"), "old");
    write_file(nginx().root() / "some.txt", "some");
    EXPECT_THROW(get(nginx().url() + "/some.txt").save(folder / "no" / "such" / "folder"), OSError);
}

}  // namespace
}  // namespace thrum::requests
