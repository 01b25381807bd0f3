// thrum/sockets/direct_socket_test.cpp: floor 2, sockets
// A socket without a descriptor number is a Socket in all it does, and a server whose clients have such
// sockets serves more of them than it may have descriptors. Where the reactor has none, the sockets stay
// ordinary and the tests hold as well.
#include <thrum/sockets.hpp>
#include <thrum/sockets/internal/socket_fixture.hpp>
#include <thrum/threads.hpp>
#include <thrum/threads/child_fixture.hpp>

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace thrum {
namespace {

using namespace std::chrono_literals;

// A thrum thread, whose worker the sockets that `test` makes direct belong to.
void in_a_thread(const std::function<void()>& test) { Thread(test).join(); }

// Whether this reactor and kernel have direct descriptors.
bool have_direct() {
    bool have = false;
    in_a_thread([&] { have = Socket::pair().first.make_direct(); });
    return have;
}

// Everything that needs a number gets one for the length of the call.
TEST(DirectSocket, DoesWhatAnOrdinaryOneDoes) {
    in_a_thread([] {
        auto [accepted, peer] = internal::tcp_pair();
        const Address own = accepted.getsockname();
        const std::string name = accepted.peer_name();
        const bool direct = accepted.make_direct();
        EXPECT_EQ(accepted.is_direct(), direct);
        EXPECT_EQ(accepted.fileno() < 0, direct);
        EXPECT_TRUE(accepted.is_open());

        EXPECT_EQ(accepted.getsockname(), own);
        EXPECT_EQ(accepted.getpeername(), peer.getsockname());
        EXPECT_EQ(accepted.peer_name(), name);
        accepted.set_nodelay(false);
        EXPECT_FALSE(accepted.nodelay());
        accepted.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1);
        EXPECT_EQ(accepted.getsockopt(IPPROTO_TCP, TCP_NODELAY), 1);
        accepted.set_keepalive();
        EXPECT_TRUE(accepted.keepalive());

        EXPECT_FALSE(accepted.readable_now());
        accepted.settimeout(internal::soon);
        EXPECT_THROW(accepted.recv(1), TimeoutError);
        EXPECT_THROW(accepted.recv(1, MSG_DONTWAIT), TimeoutError);
        peer.sendall("hello");
        accepted.settimeout(std::nullopt);
        EXPECT_EQ(accepted.recv(2, MSG_PEEK), "he");
        EXPECT_TRUE(accepted.readable_now());
        EXPECT_EQ(accepted.recv(5), "hello");
        peer.sendall("message");
        EXPECT_EQ(accepted.recvmsg(7).data, "message");
        EXPECT_EQ(accepted.sendmsg("abc"), 3u);
        const std::string_view pieces[] = {"d", "", "ef"};
        accepted.sendall(pieces);
        std::FILE* const file = std::tmpfile();
        std::fputs("ghi", file);
        std::fflush(file);
        EXPECT_EQ(accepted.sendfile(::fileno(file)), 3u);
        std::fclose(file);
        Socket twin = accepted.dup();
        EXPECT_FALSE(twin.is_direct());
        twin.sendall("j");
        accepted.shutdown_write();
        EXPECT_EQ(peer.recv_all(), "abcdefghij");
        EXPECT_THROW(accepted.sendall("more"), BrokenPipeError);

        peer.sendall("last");
        accepted.make_ordinary();
        EXPECT_FALSE(accepted.is_direct());
        EXPECT_EQ(accepted.recv(4), "last");
    });
}

// A listening socket and one that connects may be direct as well; what they throw names the address.
TEST(DirectSocket, ListensAndConnects) {
    in_a_thread([] {
        Socket listener = create_server({"127.0.0.1", 0});
        const Address where = listener.getsockname();
        listener.make_direct();
        Socket client(AF_INET, SOCK_STREAM);
        client.make_direct();
        client.connect(where);
        auto [accepted, from] = listener.accept();
        accepted.make_direct();
        client.sendall("one");
        EXPECT_EQ(accepted.recv(3), "one");

        Socket refused(AF_INET, SOCK_STREAM);
        refused.make_direct();
        const Address closed = internal::closed_port();
        try {
            refused.connect(closed);
            ADD_FAILURE() << "connected to a port where nobody listens";
        } catch (const ConnectionRefusedError& error) {
            EXPECT_NE(std::string(error.what()).find(closed.to_string()), std::string::npos) << error.what();
        }
        accepted.set_linger(0s);
        accepted.close();
        EXPECT_THROW(client.recv(1), ConnectionResetError);
        client.close();
        EXPECT_THROW(client.recv(1), OSError);
        EXPECT_EQ(client.detach(), -1);
    });
}

// A big transfer fills and empties the kernel's buffers all the time.
TEST(DirectSocket, MovesMegabytes) {
    auto [left, right] = internal::tcp_pair();
    const std::string sent(8 << 20, 'x');
    Thread writer([&, &end = left] {
        end.make_direct();
        end.sendall(sent);
        end.shutdown_write();
    });
    std::string received;
    Thread reader([&, &end = right] {
        end.make_direct();
        received = end.recv_all();
    });
    writer.join();
    reader.join();
    EXPECT_TRUE(received == sent);
}

// From a plain thread only close() and moving work, and the others say what to do.
TEST(DirectSocket, ElsewhereItIsRefused) {
    if (!have_direct()) GTEST_SKIP() << "ordinary sockets work everywhere";
    auto [left, right] = internal::tcp_pair();
    in_a_thread([&end = right] { end.make_direct(); });
    std::thread([&end = right] {
        const std::function<void()> calls[] = {
            [&] { end.recv(1); },         [&] { end.sendall("x"); },  [&] { end.shutdown(SHUT_RDWR); },
            [&] { end.set_nodelay(); },   [&] { end.getsockname(); }, [&] { end.readable_now(); },
            [&] { end.make_ordinary(); }, [&] { end.recvmsg(1); },
        };
        for (const auto& call : calls) {
            try {
                call();
                ADD_FAILURE() << "a direct socket was used on another worker";
            } catch (const WrongWorkerError& error) {
                EXPECT_NE(std::string(error.what()).find("make_ordinary"), std::string::npos) << error.what();
            }
        }
        EXPECT_EQ(end.detach(), -1);
        Socket moved = std::move(end);
        moved.close();
    }).join();
    EXPECT_EQ(left.recv_all(), "");
}

// Clients of a server with direct descriptors are served, cancelled and told of as any others.
TEST(DirectSocket, ServedAsAnyOther) {
    std::atomic<int> failed = 0;
    std::atomic<int> direct = 0;
    const auto handler = [&](Socket& client, const Address&) {
        direct += client.is_direct() ? 1 : 0;
        for (;;) {
            const std::string word = client.recv(16);
            if (word == "throw") throw Error("as asked");
            if (word.empty()) return;
            client.sendall(word);
        }
    };
    TCPServer server({"127.0.0.1", 0}, handler,
                     {.direct_descriptors = true,
                      .on_error = [&](const Address&, const std::exception_ptr&) { ++failed; }});
    Thread serving([&] { server.serve_forever(); });
    std::vector<Socket> clients;
    for (int i = 0; i < 20; ++i) clients.push_back(create_connection(server.address()));
    for (std::size_t i = 0; i < clients.size(); ++i) {
        const std::string word = "word " + std::to_string(i);
        clients[i].sendall(word);
        EXPECT_EQ(clients[i].recv(16), word);
    }
    EXPECT_EQ(direct, have_direct() ? 20 : 0);
    clients[0].sendall("throw");
    EXPECT_EQ(clients[0].recv_all(), "");
    clients[1].shutdown_write();
    EXPECT_EQ(clients[1].recv_all(), "");
    server.shutdown(0s);
    for (std::size_t i = 2; i < clients.size(); ++i) EXPECT_EQ(clients[i].recv_all(), "");
    serving.join();
    EXPECT_EQ(failed, 1);
    EXPECT_EQ(server.statistics().finished, 1u);
    EXPECT_EQ(server.statistics().cancelled, 18u);
    EXPECT_EQ(server.clients(), 0u);
}

// relay() and TLS, which use a socket by its number or from other threads, get an ordinary one by themselves.
TEST(DirectSocket, RelayedByNumber) {
    auto [left, near] = internal::tcp_pair();
    auto [far, right] = internal::tcp_pair();
    Thread relaying([&near = near, &far = far] {
        near.make_direct();
        far.make_direct();
        EXPECT_EQ(relay(near, far).forward, 5u);
        near.close();
        far.close();
    });
    left.sendall("there");
    left.shutdown_write();
    EXPECT_EQ(right.recv_all(), "there");
    right.close();
    relaying.join();
}

// The server's limits of time end their clients.
TEST(DirectSocket, TimesOutAsAnyOther) {
    TCPServer server({"127.0.0.1", 0}, [](Stream& client, const Address&) { client.recv(1); },
                     {.direct_descriptors = true, .idle_timeout = internal::soon});
    Thread serving([&] { server.serve_forever(); });
    EXPECT_EQ(create_connection(server.address()).recv_all(), "");
    server.shutdown(60s);
    serving.join();
    EXPECT_EQ(server.statistics().timed_out, 1u);
}

constexpr rlim_t low_limit = 120;
constexpr std::size_t crowd = 400;
void lower_limit() {
    const rlimit limit{low_limit, low_limit};
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

// Server and clients in one process, all at once, are many more than its descriptors.
TEST(DirectSocket, MoreClientsThanDescriptors) {
    if (!have_direct()) GTEST_SKIP() << "only direct descriptors are more than the limit";
    Child child("DirectSocket.DISABLED_UnderALowLimit", {}, lower_limit);
    EXPECT_EQ(child.end(), 0) << child.text();
}

TEST(DirectSocket, DISABLED_UnderALowLimit) {
    TCPServer server({"127.0.0.1", 0},
                     [](Stream& client, const Address&) {
                         while (true) {
                             const std::string word = client.recv(16);
                             if (word.empty()) return;
                             client.sendall(word);
                         }
                     },
                     {.direct_descriptors = true});
    Thread serving([&] { server.serve_forever(); });
    Event all_there;
    Semaphore connecting(8);
    std::atomic<std::size_t> there = 0;
    std::atomic<std::size_t> right = 0;
    {
        TaskGroup clients;
        for (std::size_t i = 0; i < crowd; ++i) {
            clients.start([&, i] {
                connecting.acquire();
                Socket socket = create_connection(server.address());
                EXPECT_TRUE(socket.make_direct());
                const std::string word = "client " + std::to_string(i);
                socket.sendall(word);
                EXPECT_EQ(socket.recv(16), word);
                connecting.release();
                if (++there == crowd) all_there.set();
                all_there.wait();
                socket.sendall(word);
                right += socket.recv(16) == word ? 1 : 0;
            });
        }
        clients.wait();
    }
    EXPECT_EQ(right, crowd);
    server.shutdown(60s);
    EXPECT_EQ(server.statistics().most_active, crowd);
    EXPECT_EQ(server.statistics().failed, 0u);
    serving.join();
}

}  // namespace
}  // namespace thrum
