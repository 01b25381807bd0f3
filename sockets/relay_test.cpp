// thrum/sockets/relay_test.cpp: floor 2, sockets
// What comes on one side goes out on the other: every byte, every end, every reset.
#include <thrum/sockets/buffered_stream.hpp>
#include <thrum/sockets/connection.hpp>
#include <thrum/sockets/relay.hpp>
#include <thrum/sockets/socket.hpp>
#include <thrum/testing/network.hpp>
#include <thrum/testing/process.hpp>
#include <thrum/threads/event.hpp>
#include <thrum/threads/thread.hpp>

#include <gtest/gtest.h>

#include <csignal>
#include <optional>
#include <random>
#include <string>

namespace thrum {
namespace {

using namespace std::chrono_literals;

std::pair<Socket, Socket> tcp_pair() {
    Socket listener = create_server({"127.0.0.1", 0});
    Socket client = create_connection(listener.getsockname());
    return {std::move(client), listener.accept().first};
}

std::string random_bytes(std::size_t size) {
    std::mt19937 generator(7);
    std::string bytes(size, '\0');
    for (char& byte : bytes) byte = static_cast<char>(generator());
    return bytes;
}

// Two peers, near and far, and a relay between them.
struct Joined {
    explicit Joined(RelayOptions options = {}) : wishes(std::move(options)) {
        auto [one, two] = tcp_pair();
        auto [three, four] = tcp_pair();
        near = std::move(one);
        a = std::move(two);
        b = std::move(three);
        far = std::move(four);
        relaying.emplace([this] {
            try {
                result = relay(a, b, wishes);
            } catch (const OSError& error) {
                failure = error.what();
            }
            a.close();
            b.close();
        });
    }

    RelayOptions wishes;
    Socket near;
    Socket far;
    Socket a;
    Socket b;
    RelayResult result;
    std::string failure;
    std::optional<Thread> relaying;  // last: it uses the others
};

// Both ways at once, each to its end, small and large, spliced or copied: every byte, counted.
TEST(Relay, PassesOnEveryByteAndEnd) {
    for (const bool is_spliced : {true, false}) {
        for (const std::size_t size :
             {std::size_t{0}, std::size_t{1}, std::size_t{5000}, std::size_t{20} << 20}) {
            RelayCounters counters;
            Joined joined({.counters = &counters, .splice = is_spliced});
            const std::string there = random_bytes(size);
            const std::string back = random_bytes(size / 2);
            Thread sending([&] {
                joined.near.sendall(there);
                joined.near.shutdown_write();
            });
            Thread answering([&] {
                joined.far.sendall(back);
                EXPECT_EQ(joined.far.recv_all(), there);
                joined.far.sendall("last words");
                joined.far.shutdown_write();
            });
            EXPECT_EQ(joined.near.recv_all(), back + "last words");
            sending.join();
            answering.join();
            joined.relaying->join();
            EXPECT_EQ(joined.result.forward, there.size());
            EXPECT_EQ(joined.result.backward, back.size() + 10);
            EXPECT_EQ(counters.forward, there.size());
            EXPECT_EQ(counters.backward, back.size() + 10);
            EXPECT_EQ(joined.failure, "");
        }
    }
}

// A reset on one side is a reset on the other, not an end.
TEST(Relay, PassesOnResets) {
    Joined joined;
    joined.near.sendall("x");
    EXPECT_EQ(joined.far.recv(1), "x");
    testing::reset_at_close(joined.near.fileno());
    joined.near.close();
    EXPECT_THROW(joined.far.recv(1), ConnectionResetError);
    joined.relaying->join();
    EXPECT_NE(joined.failure.find("cannot receive from 127.0.0.1:"), std::string::npos) << joined.failure;
}

// A reader that vanishes in the middle of a transfer ends it, without SIGPIPE, and nothing is left open.
TEST(Relay, AReaderThatVanishes) {
    const std::size_t before = testing::open_descriptors();
    {
        Joined joined;
        Thread sending([&] {
            try {
                for (const std::string piece(1 << 20, 'x');;) joined.near.sendall(piece);
            } catch (const ConnectionError&) {
                // As expected.
            }
        });
        for (std::size_t got = 0; got < (std::size_t{4} << 20);) got += joined.far.recv(1 << 16).size();
        joined.far.close();
        sending.join();
        joined.relaying->join();
    }
    EXPECT_LE(testing::open_descriptors(), before);
}

// A relay on which nothing goes either way ends; one way that works keeps it.
TEST(Relay, IdleTimeout) {
    constexpr auto idle = 600ms;
    Joined joined({.idle_timeout = idle});
    const auto start = std::chrono::steady_clock::now();
    int rounds = 0;
    do {
        joined.far.sendall("x");
        ASSERT_EQ(joined.near.recv(1), "x") << rounds;
        ++rounds;
    } while (std::chrono::steady_clock::now() < start + 2 * idle);
    joined.relaying->join();
    EXPECT_NE(joined.failure.find("nothing came or went for 600 ms"), std::string::npos) << joined.failure;
    EXPECT_EQ(joined.result.backward, 0u) << "it did not return";
}

// The inspector sees all, cuts pieces as it likes, and can end a way.
TEST(Relay, Inspection) {
    std::string seen;
    Joined joined({.inspect = [&](RelayWay way, std::string_view piece) -> std::size_t {
        if (way == RelayWay::backward) return 0;
        seen += piece.front();
        return 1;
    }});
    joined.near.sendall("hello");
    BufferedStream far(joined.far);
    EXPECT_EQ(far.read_exactly(5), "hello");
    joined.far.sendall("not to be heard");
    EXPECT_EQ(joined.near.recv_all(), "");
    joined.near.shutdown_write();
    EXPECT_EQ(joined.far.recv_all(), "");
    joined.relaying->join();
    EXPECT_EQ(seen, "hello");
}

// backward_ends_all lets nobody wait for a side that never says anything.
TEST(Relay, BackwardEndsAll) {
    Joined joined({.backward_ends_all = true});
    joined.far.sendall("bye");
    joined.far.close();
    EXPECT_EQ(joined.near.recv_all(), "bye");
    joined.relaying->join();
}

// A relay is cancelled like every other wait, and other kinds of streams are relayed alike.
TEST(Relay, CancelledAndOverUnixPairs) {
    auto [a, near] = Socket::pair();
    auto [b, far] = Socket::pair();
    bool was_cancelled = false;
    Thread relaying([&a = a, &b = b, &was_cancelled] {
        try {
            relay(a, b);
        } catch (const Cancelled&) {
            was_cancelled = true;
            throw;
        }
    });
    near.sendall("x");
    EXPECT_EQ(far.recv(1), "x");
    relaying.cancel();
    relaying.join();
    EXPECT_TRUE(was_cancelled);
}

}  // namespace
}  // namespace thrum
