// thrum/sockets/udp_server_test.cpp: floor 2, sockets
// A handler for each datagram, so many at once, and an end that lets them reply.
#include <thrum/sockets/udp_server.hpp>
#include <thrum/testing/failures.hpp>
#include <thrum/testing/process.hpp>
#include <thrum/threads/event.hpp>
#include <thrum/threads/queue.hpp>
#include <thrum/threads/semaphore.hpp>
#include <thrum/threads/thread.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

namespace thrum {
namespace {

using namespace std::chrono_literals;

constexpr auto patience = 60s;

void echo(const Datagram& datagram) { datagram.reply("you said: " + datagram.data()); }

struct Peer {
    explicit Peer(const UDPServer& of) : server(of) { socket.settimeout(patience); }
    void send(std::string_view text) { socket.sendto(text, server.address()); }
    std::string ask(std::string_view text) {
        send(text);
        return socket.recvfrom(largest_datagram).first;
    }

    const UDPServer& server;
    Socket socket{server.address().family(), SOCK_DGRAM};
};

// Every datagram is answered to who sent it, over IPv4 and IPv6, empty ones too.
TEST(UDPServer, RepliesToEachSender) {
    for (const char* host : {"127.0.0.1", "::1", "localhost"}) {
        UDPServer server({host, 0}, echo);
        Thread serving([&] { server.serve_forever(); });
        std::vector<std::unique_ptr<Peer>> peers;
        for (int i = 0; i < 50; ++i) peers.push_back(std::make_unique<Peer>(server));
        for (std::size_t i = 0; i < peers.size(); ++i) peers[i]->send(std::to_string(i));
        for (std::size_t i = 0; i < peers.size(); ++i) {
            EXPECT_EQ(peers[i]->socket.recv(100), "you said: " + std::to_string(i));
        }
        EXPECT_EQ(peers[0]->ask(""), "you said: ");
        server.shutdown(patience);
        serving.join();
        EXPECT_EQ(server.statistics().finished, peers.size() + 1);
    }
}

// Python's socket module is answered as well.
TEST(UDPServer, PythonIsAnswered) {
    UDPServer server({"127.0.0.1", 0}, echo);
    std::thread serving([&] { server.serve_forever(); });
    const auto python = testing::run({"python3", "-c",
                                      "import socket\n"
                                      "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
                                      "s.settimeout(60)\n"
                                      "s.sendto(b'hello', ('127.0.0.1', " +
                                          std::to_string(server.address().port()) +
                                          "))\nprint(s.recvfrom(100)[0].decode())"});
    EXPECT_EQ(python.output, "you said: hello\n") << python.error_output;
    server.shutdown();
    serving.join();
}

// No more than max_handlers run at once; what waits is handled in the end.
TEST(UDPServer, BoundsItsHandlers) {
    std::atomic<int> now = 0;
    std::atomic<int> most = 0;
    Semaphore go(0);
    UDPServer server({"127.0.0.1", 0},
                     [&](const Datagram& datagram) {
                         const int present = ++now;
                         int seen = most;
                         while (present > seen && !most.compare_exchange_weak(seen, present)) {
                         }
                         go.acquire();
                         --now;
                         datagram.reply(datagram.data());
                     },
                     {.max_handlers = 3});
    Thread serving([&] { server.serve_forever(); });
    Peer peer(server);
    for (int i = 0; i < 20; ++i) peer.send("x");
    while (server.statistics().waited == 0) yield();
    EXPECT_EQ(server.handling(), 3u);
    go.release(20);
    for (int i = 0; i < 20; ++i) EXPECT_EQ(peer.socket.recv(10), "x");
    EXPECT_EQ(most, 3);
    server.shutdown(patience);
    serving.join();
}

// With one handler at a time, datagrams are handled in the order of their coming.
TEST(UDPServer, OneAtATimeKeepsTheOrder) {
    std::vector<int> seen;
    UDPServer server({"127.0.0.1", 0},
                     [&](const Datagram& datagram) {
                         seen.push_back(std::stoi(datagram.data()));
                         if (seen.size() == 100) datagram.reply("all");
                     },
                     {.max_handlers = 1});
    Thread serving([&] { server.serve_forever(); });
    Peer peer(server);
    for (int i = 0; i < 100; ++i) peer.send(std::to_string(i));
    EXPECT_EQ(peer.socket.recv(10), "all");
    server.shutdown(patience);
    serving.join();
    for (int i = 0; i < 100; ++i) EXPECT_EQ(seen[static_cast<std::size_t>(i)], i);
}

// What is longer than max_datagram comes cut, and says so; the largest there is comes whole.
TEST(UDPServer, LongDatagrams) {
    Queue<std::pair<std::size_t, bool>> seen;
    const auto look = [&](const Datagram& datagram) {
        seen.put({datagram.data().size(), datagram.is_truncated()});
    };
    constexpr std::size_t largest_of_ipv4 = 65'507;
    struct Row {
        std::size_t max;
        std::size_t sent;
        std::size_t expected;
        bool is_cut;
    };
    for (const Row row : {Row{10, 10, 10, false}, Row{10, 11, 10, true},
                          Row{largest_datagram, largest_of_ipv4, largest_of_ipv4, false}}) {
        UDPServer server({"127.0.0.1", 0}, look, {.max_datagram = row.max});
        Thread serving([&] { server.serve_forever(); });
        Peer(server).send(std::string(row.sent, 'x'));
        EXPECT_EQ(seen.get(), std::make_pair(row.expected, row.is_cut)) << row.sent;
    }
}

// A handler that throws is told with its client's address, and the next datagram is handled.
TEST(UDPServer, ThrowingHandlersHurtNobody) {
    ::testing::internal::CaptureStderr();
    UDPServer server({"127.0.0.1", 0}, [](const Datagram& datagram) {
        if (datagram.data() == "throw") throw std::runtime_error("as wished");
        echo(datagram);
    });
    Thread serving([&] { server.serve_forever(); });
    Peer peer(server);
    peer.send("throw");
    EXPECT_EQ(peer.ask("fine"), "you said: fine");
    server.shutdown(patience);
    serving.join();
    const std::string told = ::testing::internal::GetCapturedStderr();
    EXPECT_NE(
        told.find("the handler of client " +
                  Address("127.0.0.1", peer.socket.getsockname().port()).to_string() + " failed: as wished"),
        std::string::npos)
        << told;
}

// shutdown() lets the handlers reply until their grace is over, from inside too; then they are cancelled.
TEST(UDPServer, GraceLetsHandlersReply) {
    Event working;
    Event go_on;
    UDPServer* its = nullptr;
    UDPServer server({"127.0.0.1", 0}, [&](const Datagram& datagram) {
        if (datagram.data() == "end") return its->shutdown(patience);
        working.set();
        go_on.wait();
        datagram.reply("late");
    });
    its = &server;
    Thread serving([&] { server.serve_forever(); });
    Peer peer(server);
    peer.send("work");
    working.wait();
    peer.send("end");
    serving.join();
    go_on.set();
    EXPECT_EQ(peer.socket.recv(10), "late");
    server.shutdown(patience);

    Event waiting;
    Event never_set;
    UDPServer other({"127.0.0.1", 0}, [&](const Datagram&) {
        waiting.set();
        never_set.wait();
    });
    std::thread plain([&] { other.serve_forever(); });
    Peer(other).send("wait");
    waiting.wait();
    other.shutdown(1ms);
    plain.join();
    EXPECT_EQ(other.statistics().cancelled, 1u);
}

// shutdown() may come first, twice, and not at all.
TEST(UDPServer, EndsHoweverItIsTold) {
    UDPServer first({"127.0.0.1", 0}, echo);
    first.shutdown();
    first.serve_forever();
    first.shutdown();
    auto second = std::make_unique<UDPServer>(Address("127.0.0.1", 0), echo);
    UDPServer& its = *second;
    std::thread plain([&] { its.serve_forever(); });
    EXPECT_EQ(Peer(its).ask("x"), "you said: x");
    second.reset();
    plain.join();
}

// Datagrams of a Unix socket are handled as well, and the file is looked after.
TEST(UDPServer, UnixDatagrams) {
    const testing::TemporaryDirectory folder;
    const Address path = Address::unix_path(folder / "server");
    {
        Socket killed(AF_UNIX, SOCK_DGRAM);
        killed.bind(path);
    }
    {
        UDPServer server(path, echo);
        Thread serving([&] { server.serve_forever(); });
        EXPECT_THROW(UDPServer(path, echo), OSError);
        Peer peer(server);
        peer.socket.bind(Address::unix_path(folder / "peer"));
        EXPECT_EQ(peer.ask("hello"), "you said: hello");
    }
    EXPECT_EQ(testing::files_in(folder.path()), std::set<std::string>{"peer"});
    testing::expect_failure<Error>([&] { UDPServer(path, echo, {.max_handlers = 0}); }, {"max_handlers"});
}

}  // namespace
}  // namespace thrum
