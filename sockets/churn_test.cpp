// thrum/sockets/churn_test.cpp: floor 2, sockets
// Connections that come and are killed at random, through a network that does its worst, cost nobody else
// anything.
#include <thrum/sockets/connection.hpp>
#include <thrum/sockets/server.hpp>
#include <thrum/testing/fault_proxy.hpp>
#include <thrum/testing/network.hpp>
#include <thrum/testing/process.hpp>
#include <thrum/threads/thread.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <string>
#include <vector>

namespace thrum {
namespace {

using namespace std::chrono_literals;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int connections = 1'000;
#else
constexpr int connections = 10'000;
#endif
constexpr int killers = 50;
constexpr int workers = 4;

void echo(Stream& client, const Address&) {
    char buffer[4096];
    while (const std::size_t size = client.recv_into(buffer)) client.sendall({buffer, size});
}

// One connection that ends in one of the ways there are.
void live_and_die(const Address& where, std::mt19937& random) {
    try {
        Socket socket = create_connection(where);
        socket.settimeout(20ms);
        const std::string text(random() % 9000, 'x');
        socket.sendall(text);
        switch (random() % 4) {
            case 0: return;
            case 1: return testing::reset_at_close(socket.fileno());
            case 2: socket.shutdown_write(); break;
            default: break;
        }
        for (std::size_t got = 0; got < text.size();) {
            const std::size_t size = socket.recv(4096).size();
            if (size == 0) return;
            got += size;
        }
    } catch (const OSError&) {
        // Killed by the network, or tired of waiting.
    }
}

// Says `rounds` things and gets each back, whatever goes on around.
int work(const Address& where, const std::atomic<bool>& is_over) {
    Socket socket = create_connection(where);
    int wrong = 0;
    for (int round = 0; !is_over; ++round) {
        const std::string text = "round " + std::to_string(round) + std::string(round % 5000, '.');
        socket.sendall(text);
        std::string answer;
        while (answer.size() < text.size()) {
            const std::string piece = socket.recv(8192);
            if (piece.empty()) return wrong + 1;
            answer += piece;
        }
        wrong += answer == text ? 0 : 1;
    }
    return wrong;
}

void churn(std::uint64_t seed) {
    TCPServer server({"127.0.0.1", 0}, echo, {.on_error = [](const Address&, const std::exception_ptr&) {}});
    Thread serving([&] { server.serve_forever(); });
    testing::FaultProxy bad(server.address(), {.seed = seed,
                                               .resets = 30,
                                               .half_closes = 20,
                                               .stalls = 5,
                                               .largest_piece = 1500,
                                               .longest_delay = 200us});
    testing::FaultProxy slow(server.address(), {.seed = seed, .largest_piece = 700, .longest_delay = 100us});
    std::atomic<bool> is_over = false;
    std::atomic<int> wrong = 0;
    std::vector<Thread> working;
    for (int i = 0; i < workers; ++i) {
        working.emplace_back(
            [&, i] { wrong += work(i % 2 == 0 ? server.address() : slow.address(), is_over); });
    }
    std::vector<Thread> killing;
    for (int i = 0; i < killers; ++i) {
        killing.emplace_back([&, i] {
            std::mt19937 random(static_cast<unsigned>(seed) + static_cast<unsigned>(i));
            for (int n = 0; n < connections / killers; ++n) live_and_die(bad.address(), random);
        });
    }
    for (Thread& thread : killing) thread.join();
    is_over = true;
    for (Thread& thread : working) thread.join();
    EXPECT_EQ(wrong, 0);
    while (bad.statistics().accepted < connections) yield();
    server.shutdown();
    serving.join();
    const ServerStatistics counts = server.statistics();
    EXPECT_EQ(counts.active, 0u);
    EXPECT_EQ(counts.accepted, counts.finished + counts.failed + counts.timed_out + counts.cancelled);
}

// Nothing of what is said elsewhere is lost, no client is left, no descriptor stays open.
TEST(Churn, NothingIsLostAndNothingLeaks) {
    Socket warm(AF_INET, SOCK_STREAM);
    const std::size_t before = testing::open_descriptors();
    churn(20261121);
    EXPECT_LE(testing::open_descriptors(), before + 8) << "what the runtime itself opens, and no more";
}

// Each of the faults happens, by itself, as the seed says.
TEST(FaultProxy, EachFaultHappens) {
    TCPServer server({"127.0.0.1", 0}, echo);
    Thread serving([&] { server.serve_forever(); });
    const auto outcome = [&](const testing::Faults& faults) -> std::string {
        testing::FaultProxy proxy(server.address(), faults);
        Socket client = create_connection(proxy.address());
        if (faults.stalls > 0) client.settimeout(200ms);
        const std::string text(20'000, 'x');
        try {
            client.sendall(text);
            client.shutdown_write();
            return client.recv_all() == text ? "whole" : "cut";
        } catch (const TimeoutError&) {
            return "stalled";
        } catch (const OSError&) {
            return "reset";  // at whichever call it is first seen
        }
    };
    EXPECT_EQ(outcome({}), "whole");
    EXPECT_EQ(outcome({.largest_piece = 100, .longest_delay = 10us}), "whole");
    EXPECT_EQ(outcome({.resets = 100}), "reset");
    // Closed with bytes unread, its end may be seen as a reset.
    const std::string half_closed = outcome({.half_closes = 100});
    EXPECT_TRUE(half_closed == "cut" || half_closed == "reset") << half_closed;
    EXPECT_EQ(outcome({.stalls = 100}), "stalled");
    server.shutdown();
    serving.join();
}

}  // namespace
}  // namespace thrum
