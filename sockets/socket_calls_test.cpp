// thrum/sockets/socket_calls_test.cpp: floor 2, sockets
// The calls of Python's socket beyond the plain ones: flags, duplicates, refusals as values, messages in
// order.
#include <thrum/sockets/connection.hpp>
#include <thrum/sockets/internal/socket_fixture.hpp>
#include <thrum/sockets/socket.hpp>
#include <thrum/testing/failures.hpp>
#include <thrum/testing/network.hpp>
#include <thrum/threads/thread.hpp>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <functional>
#include <vector>

namespace thrum {
namespace {

using namespace std::chrono_literals;
using internal::closed_port;
using internal::soon;
using internal::tcp_pair;
using testing::expect_failure;

void echo_all(Socket& client) {
    char buffer[1024];
    while (const std::size_t size = client.recv_into(buffer)) client.sendall({buffer, size});
}

// The kinds of refusal that connect_ex() gives as values; what is no address still throws.
TEST(SocketCalls, ConnectExGivesTheRefusal) {
    Socket server = create_server({"127.0.0.1", 0});
    EXPECT_EQ(Socket(AF_INET, SOCK_STREAM).connect_ex(server.getsockname()), 0);
    EXPECT_EQ(Socket(AF_INET, SOCK_STREAM).connect_ex(closed_port()), ECONNREFUSED);
    EXPECT_EQ(Socket(AF_UNIX, SOCK_STREAM).connect_ex(Address::unix_path("/nonexistent/x")), ENOENT);
    Socket open(AF_INET, SOCK_STREAM);
    EXPECT_THROW(open.connect_ex({"::1", 1}), AddressError);
    Socket connected = create_connection(server.getsockname());
    EXPECT_EQ(connected.connect_ex(server.getsockname()), EISCONN);
}

// A seqpacket connection keeps the boundaries of its messages, and ends like a stream.
TEST(SocketCalls, SeqpacketKeepsBoundaries) {
    const auto where = Address::unix_abstract("thrum-seqpacket-" + std::to_string(::getpid()));
    Socket server(AF_UNIX, SOCK_SEQPACKET);
    server.bind(where);
    server.listen();
    Socket client(AF_UNIX, SOCK_SEQPACKET);
    client.connect(where);
    auto [accepted, nobody] = server.accept();
    EXPECT_EQ(accepted.type(), SOCK_SEQPACKET);
    for (const char* const text : {"one", "two, longer", "3"}) client.sendall(text);
    for (const char* const text : {"one", "two, longer", "3"}) EXPECT_EQ(accepted.recv(100), text);
    client.close();
    EXPECT_EQ(accepted.recv(100), "");
}

// A socket and its duplicate are one connection with two owners.
TEST(SocketCalls, Duplicates) {
    auto [peer, client] = tcp_pair();
    client.settimeout(60s);
    Socket other = client.dup();
    EXPECT_NE(other.fileno(), client.fileno());
    EXPECT_TRUE(::fcntl(other.fileno(), F_GETFD) & FD_CLOEXEC);
    EXPECT_EQ(other.gettimeout(), 60s);
    client.close();
    other.sendall("by the second");
    EXPECT_EQ(peer.recv(100), "by the second");
    other.close();
    EXPECT_EQ(peer.recv(100), "");
    EXPECT_THROW(other.dup(), OSError);
}

// Flags of the system calls are handed on: out-of-band bytes, looking ahead, and not waiting.
TEST(SocketCalls, Flags) {
    auto [peer, client] = tcp_pair();
    peer.send("!", MSG_OOB);
    peer.sendall("rest");
    client.descriptor().wait(Direction::read);
    EXPECT_EQ(client.recv(100, MSG_PEEK).front(), 'r');
    EXPECT_EQ(client.recv(1, MSG_OOB), "!");
    EXPECT_EQ(client.recv(100, MSG_WAITALL), "rest");
    expect_failure<TimeoutError>([&client = client] { client.recv(1, MSG_DONTWAIT); }, {"timed out"});
    expect_failure<TimeoutError>(
        [&client = client] {
            for (;;) client.send(std::string(1 << 20, 'x'), MSG_DONTWAIT);
        },
        {"timed out"});
    peer.sendall("more");
    EXPECT_EQ(client.recv(100), "more") << "a look ahead leaves no wrong mark";
}

// Each call on a closed socket is refused with EBADF.
TEST(SocketCalls, ClosedIsTold) {
    const Address somewhere("127.0.0.1", 1);
    const std::pair<const char*, std::function<void(Socket&)>> table[] = {
        {"bind", [&](Socket& s) { s.bind(somewhere); }},
        {"listen", [](Socket& s) { s.listen(); }},
        {"accept", [](Socket& s) { s.accept(); }},
        {"connect", [&](Socket& s) { s.connect(somewhere); }},
        {"recv", [](Socket& s) { s.recv(1); }},
        {"recvfrom", [](Socket& s) { s.recvfrom(1); }},
        {"recvmsg", [](Socket& s) { s.recvmsg(1); }},
        {"send", [](Socket& s) { s.send("x"); }},
        {"sendall", [](Socket& s) { s.sendall("x"); }},
        {"sendto", [&](Socket& s) { s.sendto("x", somewhere); }},
        {"sendmsg", [](Socket& s) { s.sendmsg("x"); }},
        {"shutdown", [](Socket& s) { s.shutdown(SHUT_RDWR); }},
        {"getsockname", [](Socket& s) { s.getsockname(); }},
        {"getpeername", [](Socket& s) { s.getpeername(); }},
        {"dup", [](Socket& s) { s.dup(); }},
        {"getsockopt", [](Socket& s) { s.getsockopt(SOL_SOCKET, SO_TYPE); }},
    };
    for (const bool was_open : {false, true}) {
        for (const auto& [name, act] : table) {
            Socket socket = was_open ? Socket(AF_INET, SOCK_STREAM) : Socket();
            socket.close();
            const auto error =
                expect_failure<OSError>([&, &act = act] { act(socket); }, {"Bad file descriptor"});
            EXPECT_TRUE(error && error->code() == EBADF) << name;
        }
    }
}

// A datagram nobody took comes back as the sender's error.
TEST(SocketCalls, RefusedDatagrams) {
    Socket sender(AF_INET, SOCK_DGRAM);
    sender.connect(closed_port());
    sender.sendall("x");
    expect_failure<ConnectionRefusedError>([&] { sender.recv(1); }, {"cannot receive from 127.0.0.1:"});
}

// One thread receives while another sends, each as fast as it can, and close() ends both.
TEST(SocketCalls, ReaderAndWriterAtOnce) {
    auto [peer, client] = tcp_pair();
    const std::string block(100'000, 'b');
    std::size_t echoed = 0;
    Thread echoing([&peer = peer] {
        echo_all(peer);
        peer.shutdown_write();
    });
    Thread writing([&, &client = client] {
        for (int i = 0; i < 50; ++i) client.sendall(block);
        client.shutdown_write();
    });
    while (const std::size_t size = client.recv(65536).size()) echoed += size;
    EXPECT_EQ(echoed, 50 * block.size());
    writing.join();
    echoing.join();

    auto [silent, busy] = tcp_pair();
    std::vector<int> codes;
    const auto end_of = [&codes](auto&& act) {
        try {
            for (;;) act();
        } catch (const OSError& error) {
            codes.push_back(error.code());
        }
    };
    {
        Thread reader([&, &busy = busy] { end_of([&] { busy.recv(1); }); });
        reader.join_for(soon);
        Thread closing([&busy = busy] { busy.close(); });
        closing.join();
        reader.join();
    }
    auto [silent2, full] = tcp_pair();
    {
        Thread writer([&, &full = full] { end_of([&] { full.sendall(block); }); });
        writer.join_for(soon);
        full.close();
        writer.join();
    }
    EXPECT_EQ(codes, (std::vector<int>{EBADF, EBADF}));
}

}  // namespace
}  // namespace thrum
