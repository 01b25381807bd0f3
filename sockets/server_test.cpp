// thrum/sockets/server_test.cpp: floor 2, sockets
#include <thrum/sockets/buffered_stream.hpp>
#include <thrum/sockets/connection.hpp>
#include <thrum/sockets/server.hpp>
#include <thrum/testing/network.hpp>
#include <thrum/testing/process.hpp>
#include <thrum/threads/event.hpp>
#include <thrum/threads/thread.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <stdexcept>
#include <thread>
#include <vector>

namespace thrum {
namespace {

using namespace std::chrono_literals;

void echo_lines(Socket& client, const Address&) {
    BufferedStream stream(client);
    while (auto line = stream.readline()) client.sendall("you said: " + *line + "\n");
}

std::string ask(const Address& server, const std::string& text) {
    Socket socket = create_connection(server);
    BufferedStream stream(socket);
    socket.sendall(text + "\n");
    return stream.readline().value_or("nothing");
}

// Many clients at once are each answered, and afterwards nothing of them is left.
TEST(TCPServer, ServesManyAtOnce) {
    const auto round = [](int count) {
        TCPServer server({"127.0.0.1", 0}, echo_lines);
        Thread serving([&] { server.serve_forever(); });
        std::atomic<int> right = 0;
        std::vector<Thread> clients;
        for (int i = 0; i < count; ++i) {
            clients.emplace_back([&, i] {
                const std::string text = "client " + std::to_string(i);
                if (ask(server.address(), text) == "you said: " + text) ++right;
            });
        }
        for (Thread& client : clients) client.join();
        server.shutdown(60s);
        serving.join();
        EXPECT_EQ(right, count);
        EXPECT_EQ(server.clients(), 0u);
    };
    round(4);
    const std::size_t before = testing::open_descriptors();
    round(300);
    EXPECT_LE(testing::open_descriptors(), before) << "fewer: a look-up that a test left has ended";
}

// Plain threads may serve, ask and shut down as well.
TEST(TCPServer, PlainThreadsServeToo) {
    TCPServer server({"::1", 0}, echo_lines);
    std::thread serving([&] { server.serve_forever(); });
    EXPECT_EQ(ask(server.address(), "plainly"), "you said: plainly");
    server.shutdown(60s);
    serving.join();
}

// The same server serves a Unix path.
TEST(TCPServer, ServesUnixPaths) {
    const testing::TemporaryDirectory folder;
    TCPServer server(Address::unix_path(folder / "s.sock"), echo_lines);
    Thread serving([&] { server.serve_forever(); });
    EXPECT_EQ(ask(server.address(), "unix"), "you said: unix");
    server.shutdown();
    serving.join();
}

// shutdown() waits for a client that is about to finish, and lets it.
TEST(TCPServer, GraceLetsClientsFinish) {
    Event working;
    TCPServer server({testing::own_address(), 0}, [&](Socket& client, const Address&) {
        working.set();
        EXPECT_EQ(client.recv_all(), "all of it");
        client.sendall("done");
    });
    Thread serving([&] { server.serve_forever(); });
    Socket client = create_connection(server.address());
    working.wait();
    Thread stopping([&] { server.shutdown(60s); });
    serving.join();  // it accepts no more, while the client is still there
    EXPECT_EQ(server.clients(), 1u);
    EXPECT_THROW(create_connection(server.address()), ConnectionRefusedError);
    client.sendall("all of it");
    client.shutdown_write();
    EXPECT_EQ(client.recv_all(), "done");
    stopping.join();
    EXPECT_EQ(server.clients(), 0u);
}

// When the grace is over, clients that never end are cancelled, and their connections closed.
TEST(TCPServer, CancelsWhoOutstaysTheGrace) {
    Event working;
    std::atomic<bool> cancelled = false;
    TCPServer server({"127.0.0.1", 0}, [&](Socket& client, const Address&) {
        working.set();
        try {
            client.recv(1);
        } catch (const Cancelled&) {
            cancelled = true;
            throw;
        }
    });
    Thread serving([&] { server.serve_forever(); });
    Socket client = create_connection(server.address());
    working.wait();
    server.shutdown(10ms);
    EXPECT_TRUE(cancelled);
    EXPECT_EQ(client.recv_all(), "");
    serving.join();
}

// shutdown() before serve_forever() means that it returns at once; a second one does nothing.
TEST(TCPServer, ShutdownMayComeFirst) {
    TCPServer server({"127.0.0.1", 0}, echo_lines);
    server.shutdown();
    server.serve_forever();
    server.shutdown(1s);
    EXPECT_EQ(server.clients(), 0u);
}

// Once shutdown() has returned no client is served, not even one that was being accepted at that moment.
TEST(TCPServer, ServesNobodyBehindShutdown) {
    const testing::TemporaryDirectory folder;
    for (int round = 0; round < 300; ++round) {
        std::atomic<int> served = 0;
        std::atomic<bool> has_ended = false;
        std::atomic<bool> was_late = false;
        TCPServer server(Address::unix_path(folder / (std::to_string(round) + ".sock")),
                         [&](Socket&, const Address&) {
                             ++served;
                             if (has_ended) was_late = true;
                         });
        std::thread serving([&] { server.serve_forever(); });
        std::thread asking([&] {
            try {
                for (;;) create_connection(server.address());
            } catch (const OSError&) {
                // It has ended.
            }
        });
        while (served < 3) std::this_thread::yield();
        server.shutdown();
        has_ended = true;
        serving.join();
        asking.join();
        EXPECT_EQ(server.clients(), 0u) << round;
        EXPECT_FALSE(was_late) << round;
    }
}

// A server that goes out of scope takes its clients along.
TEST(TCPServer, DestructorCancelsClients) {
    Event working;
    std::optional<Socket> client;
    {
        TCPServer server({"127.0.0.1", 0}, [&](Socket& socket, const Address&) {
            working.set();
            socket.recv(1);
        });
        Thread serving([&] { server.serve_forever(); });
        client = create_connection(server.address());
        working.wait();
    }  // first the serving thread, cancelled, then the server
    EXPECT_EQ(client->recv_all(), "");
}

// A handler that throws is reported on standard error with its client, and nobody else notices.
TEST(TCPServer, ThrowingHandlersHurtNobody) {
    TCPServer server({"127.0.0.1", 0}, [](Socket& client, const Address&) {
        const std::string wish = client.recv(100);
        if (wish == "throw") throw std::runtime_error("as wished");
        if (wish == "throw 7") throw 7;
        client.sendall(wish);
    });
    Thread serving([&] { server.serve_forever(); });
    const auto wish = [&](const char* text) {
        Socket client = create_connection(server.address());
        client.sendall(text);
        return client.recv_all();
    };
    ::testing::internal::CaptureStderr();
    EXPECT_EQ(wish("throw"), "");
    EXPECT_EQ(wish("throw 7"), "");
    EXPECT_EQ(wish("fine"), "fine");
    server.shutdown(60s);
    serving.join();
    const std::string reported = ::testing::internal::GetCapturedStderr();
    EXPECT_NE(reported.find("thrum: the handler of client 127.0.0.1:"), std::string::npos) << reported;
    EXPECT_NE(reported.find("failed: as wished\n"), std::string::npos) << reported;
    EXPECT_NE(reported.find("unknown type"), std::string::npos) << reported;
}

// No more clients than max_clients are served at once; the others wait and are served in the end.
TEST(TCPServer, MaxClients) {
    std::atomic<int> now = 0;
    std::atomic<int> most = 0;
    TCPServer server({"127.0.0.1", 0},
                     [&](Socket& client, const Address&) {
                         const int present = ++now;
                         int seen = most;
                         while (present > seen && !most.compare_exchange_weak(seen, present)) {
                         }
                         client.sendall(client.recv(10));
                         --now;
                     },
                     {.max_clients = 3});
    Thread serving([&] { server.serve_forever(); });
    std::vector<Thread> clients;
    std::atomic<int> right = 0;
    for (int i = 0; i < 40; ++i) {
        clients.emplace_back([&] {
            Socket client = create_connection(server.address());
            client.sendall("x");
            if (client.recv(10) == "x") ++right;
        });
    }
    for (Thread& client : clients) client.join();
    EXPECT_EQ(right, 40);
    EXPECT_LE(most, 3);
    server.shutdown(60s);
    serving.join();
}

// A server full of clients can still be shut down.
TEST(TCPServer, ShutdownWhileFull) {
    Event working;
    TCPServer server({"127.0.0.1", 0},
                     [&](Socket& client, const Address&) {
                         working.set();
                         client.recv(1);
                     },
                     {.max_clients = 1});
    Thread serving([&] { server.serve_forever(); });
    Socket first = create_connection(server.address());
    Socket second = create_connection(server.address());
    working.wait();
    server.shutdown();
    serving.join();
}

// Out of descriptors, the server says so once, keeps its clients, and goes on when there are some again.
TEST(TCPServer, SurvivesTheDescriptorLimit) {
#if defined(__SANITIZE_ADDRESS__)
    GTEST_SKIP() << "the sanitizer opens pipes of its own to look at objects, and dies without them";
#endif
    TCPServer server({"127.0.0.1", 0}, echo_lines);
    Thread serving([&] { server.serve_forever(); });
    EXPECT_EQ(ask(server.address(), "before"), "you said: before");
    Socket waiting = create_connection(server.address());
    {
        Socket probe(AF_INET, SOCK_STREAM);
        BufferedStream lines(waiting);
        waiting.sendall("present\n");
        ASSERT_EQ(lines.readline(), "you said: present");
    }
    while (server.clients() != 1) yield();  // the first one's descriptor must not come free in the middle
    Socket late(AF_INET, SOCK_STREAM);
    ::testing::internal::CaptureStderr();
    std::optional<testing::NoDescriptorsLeft> exhausted(std::in_place);
    late.connect(server.address());
    {
        BufferedStream lines(waiting);
        waiting.sendall("still here\n");
        EXPECT_EQ(lines.readline(), "you said: still here");
    }
    // Served only after the limit is lifted: until then nothing comes, however long one waits.
    late.sendall("late\n");
    late.settimeout(150ms);
    BufferedStream lines(late);
    EXPECT_THROW(lines.readline(), TimeoutError);
    exhausted.reset();
    late.settimeout(std::nullopt);
    EXPECT_EQ(lines.readline(), "you said: late");
    const std::string reported = ::testing::internal::GetCapturedStderr();
    EXPECT_NE(reported.find("cannot accept on 127.0.0.1:"), std::string::npos) << reported;
    EXPECT_EQ(reported.find("cannot accept"), reported.rfind("cannot accept")) << "said once: " << reported;
    waiting.close();
    late.close();
    server.shutdown(60s);
    serving.join();
}

}  // namespace
}  // namespace thrum
