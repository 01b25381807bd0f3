// thrum/sockets/server_end_test.cpp: floor 2, sockets
// A server ends from wherever it is told to, once, and takes all that is its own along.
#include <thrum/sockets/connection.hpp>
#include <thrum/sockets/server.hpp>
#include <thrum/sockets/udp_server.hpp>
#include <thrum/threads/event.hpp>
#include <thrum/threads/semaphore.hpp>
#include <thrum/threads/thread.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

namespace thrum {
namespace {

using namespace std::chrono_literals;

// A handler may end the server: the other clients get their grace and are then cancelled, the one that asked
// is neither waited for nor cancelled, and serves its client to the end.
TEST(ServerEnd, ByAHandler) {
    Event other_is_there;
    std::atomic<int> cancelled = 0;
    TCPServer* its = nullptr;
    TCPServer server({"127.0.0.1", 0}, [&](Socket& client, const Address&) {
        if (client.recv(1) == "s") {
            its->shutdown(1ms);
            EXPECT_EQ(its->clients(), 1u) << "itself";
            EXPECT_EQ(client.recv(1), "x");
            client.sendall("ended");
            return;
        }
        try {
            other_is_there.set();
            client.recv(1);
        } catch (const Cancelled&) {
            ++cancelled;
            throw;
        }
    });
    its = &server;
    Thread serving([&] { server.serve_forever(); });
    Socket other = create_connection(server.address());
    other.sendall("o");
    other_is_there.wait();
    Socket stopper = create_connection(server.address());
    stopper.sendall("s");
    EXPECT_EQ(other.recv_all(), "");
    serving.join();
    stopper.sendall("x");
    EXPECT_EQ(stopper.recv_all(), "ended");
    EXPECT_EQ(cancelled, 1);
}

// Two handlers that both end the server do not wait for each other, and a thread outside waits for both.
TEST(ServerEnd, BySeveralAtOnce) {
    Semaphore arrived(0);
    Event together;
    TCPServer* its = nullptr;
    std::atomic<int> went_on = 0;
    TCPServer server({"127.0.0.1", 0}, [&](Socket&, const Address&) {
        arrived.release();
        together.wait();
        its->shutdown(60s);
        ++went_on;
    });
    its = &server;
    Thread serving([&] { server.serve_forever(); });
    Socket first = create_connection(server.address());
    Socket second = create_connection(server.address());
    arrived.acquire();
    arrived.acquire();
    std::thread outside([&] { server.shutdown(60s); });
    serving.join();
    together.set();
    server.shutdown(60s);
    EXPECT_EQ(went_on, 2);
    EXPECT_EQ(server.clients(), 0u);
    EXPECT_EQ(server.statistics().finished, 2u);
    outside.join();
}

// A handler that waits in shutdown() for the others is itself cancelled by whoever has less patience.
TEST(ServerEnd, AHandlerThatWaitsCanBeCancelled) {
    Semaphore arrived(0);
    Event was_cancelled;
    TCPServer* its = nullptr;
    TCPServer server({"127.0.0.1", 0}, [&](Socket& client, const Address&) {
        if (client.recv(1) == "s") {
            try {
                its->shutdown(1h);
            } catch (const Cancelled&) {
                was_cancelled.set();
                throw;
            }
        }
        arrived.release();
        // Stays until the other one is gone, come what may.
        internal::wait_shielded(was_cancelled);
    });
    its = &server;
    Thread serving([&] { server.serve_forever(); });
    Socket stubborn = create_connection(server.address());
    stubborn.sendall("o");
    arrived.acquire();
    Socket stopper = create_connection(server.address());
    stopper.sendall("s");
    serving.join();  // only the handler's shutdown() ends it, so the handler is in there
    server.shutdown();
    EXPECT_EQ(server.statistics().cancelled, 1u);
    EXPECT_EQ(server.statistics().finished, 1u);
}

// The destructor waits for serve_forever() on another thread, of either kind, and for the clients.
TEST(ServerEnd, DestroyedWhileItServes) {
    struct Row {
        std::size_t acceptors;
        bool is_plain;
    };
    for (const Row row : {Row{1, false}, Row{1, true}, Row{3, false}, Row{3, true}}) {
        Event working;
        auto server = std::make_unique<TCPServer>(
            Address("127.0.0.1", 0),
            [&](Socket& client, const Address&) {
                working.set();
                client.recv(1);
            },
            TCPServerOptions{.acceptors = row.acceptors});
        TCPServer& its = *server;
        std::optional<std::thread> plain;
        std::optional<Thread> fiber;
        row.is_plain ? void(plain.emplace([&] { its.serve_forever(); }))
                     : void(fiber.emplace([&] { its.serve_forever(); }));
        Socket client = create_connection(its.address());
        working.wait();  // so it is in there
        server.reset();
        EXPECT_EQ(client.recv_all(), "");
        if (plain) plain->join();
        if (fiber) fiber->join();
    }
}

// serve_forever() that is cancelled leaves the clients alone, and another call goes on with the next ones.
TEST(ServerEnd, ServingCanBeTakenUpAgain) {
    TCPServer server({"127.0.0.1", 0}, [](Socket& client, const Address&) {
        while (!client.recv(1).empty()) client.sendall("!");
    });
    std::optional<Thread> serving(std::in_place, [&] { server.serve_forever(); });
    Socket first = create_connection(server.address());
    first.sendall("a");
    EXPECT_EQ(first.recv(1), "!");
    serving.reset();
    Socket second = create_connection(server.address());
    second.sendall("b");
    first.sendall("c");
    EXPECT_EQ(first.recv(1), "!") << "nobody accepts, who is there is served";
    serving.emplace([&] { server.serve_forever(); });
    EXPECT_EQ(second.recv(1), "!");
    server.shutdown();
    serving->join();
}

// shutdown() under a deadline of its caller's ends with it, and does not hang on a client that ignores
// cancels.
TEST(ServerEnd, ShutdownHonoursTheDeadlineInForce) {
    Event working;
    Event leave;
    TCPServer server({"127.0.0.1", 0}, [&](Socket&, const Address&) {
        working.set();
        for (;;) {
            try {
                leave.wait();
                return;
            } catch (const Cancelled&) {
                // Swallowed on purpose.
            }
        }
    });
    Thread serving([&] { server.serve_forever(); });
    Socket client = create_connection(server.address());
    working.wait();
    {
        const Timeout limit(20ms);
        EXPECT_THROW(server.shutdown(), TimeoutError);
    }
    EXPECT_EQ(server.clients(), 1u);
    leave.set();
    server.shutdown(60s);
    serving.join();
}

}  // namespace
}  // namespace thrum
