// thrum/sockets/buffered_stream_test.cpp: floor 2, sockets
#include <thrum/sockets/buffered_stream.hpp>
#include <thrum/sockets/socket.hpp>
#include <thrum/threads/thread.hpp>

#include <gtest/gtest.h>

#include <ranges>

namespace thrum {
namespace {

// A stream that brings `bytes` in pieces of `piece`, then ends.
class Drip {
public:
    Drip(std::string bytes, std::size_t piece) : Drip(Socket::pair(), std::move(bytes), piece) {}
    Socket& stream() { return ends_.first; }

private:
    Drip(std::pair<Socket, Socket> ends, std::string bytes, std::size_t piece)
        : ends_(std::move(ends)), feeding_([this, bytes = std::move(bytes), piece] {
              for (std::size_t i = 0; i < bytes.size(); i += piece) {
                  ends_.second.sendall(std::string_view(bytes).substr(i, piece));
                  yield();
              }
              ends_.second.close();
          }) {}

    std::pair<Socket, Socket> ends_;
    Thread feeding_;
};

struct Lines {
    const char* bytes;
    std::vector<std::string> lines;
};

// Lines come out as they went in, without their ends, in whatever pieces the bytes arrive.
TEST(BufferedStream, Lines_InAnyPieces) {
    const Lines table[] = {
        {"", {}},
        {"\n", {""}},
        {"one", {"one"}},
        {"one\n", {"one"}},
        {"one\r\ntwo\nthree", {"one", "two", "three"}},
        {"\r\n\r\n", {"", ""}},
        {"a\rb\n", {"a\rb"}},
        {"last\r", {"last\r"}},
    };
    for (const Lines& row : table) {
        for (const std::size_t piece : {1, 2, 3, 1000}) {
            Drip drip(row.bytes, piece);
            BufferedStream stream(drip.stream());
            std::vector<std::string> lines;
            while (auto line = stream.readline()) lines.push_back(*line);
            EXPECT_EQ(lines, row.lines) << row.bytes << " by " << piece;
            EXPECT_EQ(stream.readline(), std::nullopt) << "the end stays the end";
        }
    }
}

// A loop over the lines sees each once, may stop in between, and keeps the limit.
TEST(BufferedStream, LinesInALoop) {
    Drip drip("one\r\ntwo\n\nlast", 3);
    BufferedStream stream(drip.stream());
    std::vector<std::string> seen;
    for (const std::string& line : stream.lines()) {
        seen.push_back(line);
        if (line == "two") break;
    }
    EXPECT_EQ(stream.readline(), "");
    for (const std::string& line : stream.lines()) seen.push_back(line);
    EXPECT_EQ(seen, (std::vector<std::string>{"one", "two", "last"}));
    EXPECT_TRUE(stream.lines().begin() == stream.lines().end());
    static_assert(std::ranges::input_range<BufferedStream::Lines>);
    Drip endless(std::string(200, 'x'), 50);
    BufferedStream limited(endless.stream());
    EXPECT_THROW(limited.lines(100).begin(), LineTooLongError);
}

// A line that never ends stops at the limit, and one that just fits comes through.
TEST(BufferedStream, LineLimit) {
    for (const std::size_t piece : {1, 7, 1000}) {
        Drip fits(std::string(100, 'x') + "\n" + std::string(101, 'y') + "\n", piece);
        BufferedStream stream(fits.stream(), 64);
        EXPECT_EQ(stream.readline(100), std::string(100, 'x'));
        EXPECT_THROW(stream.readline(100), LineTooLongError);
        EXPECT_TRUE(stream.buffered().starts_with("yyyy")) << "the bytes stay";
    }
    Drip endless(std::string(200'000, 'x'), 4096);
    BufferedStream stream(endless.stream());
    EXPECT_THROW(stream.readline(), LineTooLongError);
    Drip unlimited(std::string(100'000, 'x') + "\n" + std::string(100'000, 'y') + "\r\n", 4096);
    BufferedStream patient(unlimited.stream());
    EXPECT_EQ(patient.readline(no_size_limit).value_or("").size(), 100'000u);
    EXPECT_EQ(patient.read_until("\r\n", no_size_limit).size(), 100'002u);
    Drip unfinished(std::string(101, 'x'), 1000);
    BufferedStream short_of_an_end(unfinished.stream());
    EXPECT_THROW(short_of_an_end.readline(100), LineTooLongError);
}

// read_until finds a delimiter that arrives in two halves, and says what came where there is none.
TEST(BufferedStream, ReadUntil) {
    for (const std::size_t piece : {1, 2, 3, 5, 1000}) {
        Drip drip("head\r\n\rer\r\n\r\nbody", piece);
        BufferedStream stream(drip.stream());
        EXPECT_EQ(stream.read_until("\r\n\r\n"), "head\r\n\rer\r\n\r\n");
        try {
            stream.read_until("\r\n\r\n");
            ADD_FAILURE() << "found a delimiter that is not there";
        } catch (const IncompleteReadError& error) {
            EXPECT_EQ(error.partial(), "body");
        }
    }
}

// Exact sizes come exactly, or with what there was.
TEST(BufferedStream, ReadExactly) {
    const std::string bytes = std::string(100'000, 'a') + "rest";
    Drip drip(bytes, 1777);
    BufferedStream stream(drip.stream());
    EXPECT_EQ(stream.read_exactly(0), "");
    EXPECT_EQ(stream.read_exactly(1), "a");
    EXPECT_TRUE(stream.read_exactly(99'999) == std::string(99'999, 'a'));
    try {
        stream.read_exactly(std::size_t{1} << 40);  // a size a peer made up costs no memory
        ADD_FAILURE() << "read more than there was";
    } catch (const IncompleteReadError& error) {
        EXPECT_EQ(error.partial(), "rest");
        EXPECT_NE(std::string(error.what()).find("after 4 of 1099511627776 bytes"), std::string::npos)
            << error.what();
    }
    EXPECT_EQ(stream.read(10), "");
}

// read, read_into and read_all take what was read ahead first.
TEST(BufferedStream, MixedReads) {
    Drip drip("line\n0123456789abcdef", 1000);
    BufferedStream stream(drip.stream());
    EXPECT_EQ(stream.readline(), "line");
    EXPECT_EQ(stream.read(4), "0123");
    char two[2];
    EXPECT_EQ(stream.read_into(two), 2u);
    EXPECT_EQ(std::string(two, 2), "45");
    EXPECT_EQ(stream.read_all(), "6789abcdef");
    EXPECT_EQ(stream.read_all(), "");
    Drip much(std::string(5000, 'x'), 100);
    BufferedStream limited(much.stream());
    EXPECT_THROW(limited.read_all(4999), LineTooLongError);
}

// A parser sees what is there, takes part of it, and asks for more without losing the rest.
TEST(BufferedStream, ParserAccess) {
    const std::string bytes(10'000, 'p');
    Drip drip(bytes, 100);
    BufferedStream stream(drip.stream(), 128);
    EXPECT_TRUE(stream.buffered().empty());
    while (stream.fill() != 0) {
    }
    EXPECT_TRUE(stream.buffered() == bytes);
    stream.consume(9'999);
    EXPECT_EQ(stream.buffered(), "p");
    stream.release_buffer();
    EXPECT_EQ(stream.buffered(), "p") << "bytes are not released";
    stream.consume(1);
    stream.release_buffer();
    EXPECT_TRUE(stream.buffered().empty());
    EXPECT_EQ(stream.fill(), 0u);
}

// Small writes wait for each other, keep their order with large ones, and go before a read waits.
TEST(BufferedStream, WritesAreGathered) {
    auto [ours, theirs] = Socket::pair();
    BufferedStream stream(ours);
    stream.write("small ");
    stream.write("and ");
    EXPECT_FALSE(theirs.readable_now());
    stream.flush();
    EXPECT_EQ(theirs.recv(100), "small and ");
    const std::string large(3 * write_buffer_limit, 'L');
    stream.write("before ");
    stream.write(large);
    stream.write(" after");
    stream.flush();
    BufferedStream other(theirs);
    EXPECT_EQ(other.read_exactly(7), "before ");
    EXPECT_TRUE(other.read_exactly(large.size()) == large);
    EXPECT_EQ(other.read_exactly(6), " after");

    stream.write("question\n");
    Thread answering([&other] {
        const auto question = other.readline();
        other.write("answer to " + *question + "\n");
        other.flush();
    });
    EXPECT_EQ(stream.readline(), "answer to question");
}

// What could not be flushed is not sent a second time.
TEST(BufferedStream, FailedFlushIsNotRepeated) {
    auto [ours, theirs] = Socket::pair();
    theirs.close();
    BufferedStream stream(ours);
    stream.write("lost");
    EXPECT_THROW(stream.flush(), BrokenPipeError);
    EXPECT_NO_THROW(stream.flush());
}

}  // namespace
}  // namespace thrum
