// thrum/sockets/socket_test.cpp: floor 2, sockets
#include <thrum/base/file.hpp>
#include <thrum/sockets/connection.hpp>
#include <thrum/sockets/internal/socket_fixture.hpp>
#include <thrum/sockets/internal/stream_fixture.hpp>
#include <thrum/sockets/socket.hpp>
#include <thrum/testing/failures.hpp>
#include <thrum/testing/network.hpp>
#include <thrum/testing/process.hpp>
#include <thrum/threads/thread.hpp>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <thread>
#include <vector>

namespace thrum {
namespace {

using namespace std::chrono_literals;
using internal::closed_port;
using internal::soon;
using internal::tcp_pair;
using testing::expect_failure;

void echo_once(Socket& server) {
    auto [client, address] = server.accept();
    char buffer[1024];
    while (const std::size_t size = client.recv_into(buffer)) client.sendall({buffer, size});
}

std::string talk(const Address& address) {
    Socket client = create_connection(address);
    client.sendall("over ");
    client.sendall(address.to_string());
    client.shutdown(SHUT_WR);
    return client.recv_all();
}

// The same calls work over each family, and from a thrum thread, a std::thread and main alike.
TEST(Socket, EveryFamilyFromEveryKindOfThread) {
    const testing::TemporaryDirectory folder;
    const Address table[] = {{"127.0.0.1", 0},
                             {"::1", 0},
                             {"localhost", 0},
                             Address::unix_path(folder / "a.sock"),
                             Address::unix_abstract("thrum-test-" + std::to_string(::getpid()))};
    for (const Address& address : table) {
        Socket server = create_server(address);
        const Address where = server.getsockname();
        {
            Thread serving([&] { echo_once(server); });
            EXPECT_EQ(talk(where), "over " + where.to_string());  // main
            serving.join();
        }
        {
            std::thread serving([&] { echo_once(server); });
            std::string answer;
            Thread talking([&] { answer = talk(where); });
            talking.join();
            serving.join();
            EXPECT_EQ(answer, "over " + where.to_string());
        }
    }
}

// What is made and what is accepted closes on exec, does not block, and sends small writes at once.
TEST(Socket, FlagsAreSetEverywhere) {
    auto [accepted, connected] = tcp_pair();
    for (const Socket* socket : {&accepted, &connected}) {
        EXPECT_TRUE(::fcntl(socket->fileno(), F_GETFD) & FD_CLOEXEC);
        EXPECT_TRUE(::fcntl(socket->fileno(), F_GETFL) & O_NONBLOCK);
        EXPECT_EQ(socket->getsockopt(IPPROTO_TCP, TCP_NODELAY), 1);
        EXPECT_EQ(socket->type(), SOCK_STREAM);
        EXPECT_EQ(socket->family(), AF_INET);
    }
    EXPECT_EQ(accepted.getpeername(), connected.getsockname());
    EXPECT_EQ(accepted.peer_name(), connected.getsockname().to_string());
}

// What cannot work says what failed, with whom, and why.
TEST(Socket, FailuresNameTheAddress) {
    const Address nobody = closed_port();
    Socket server = create_server({"127.0.0.1", 0});
    const std::string taken = server.getsockname().to_string();
    const testing::TemporaryDirectory folder;
    const auto missing = Address::unix_path(folder / "missing.sock");
    Socket four(AF_INET, SOCK_STREAM);

    expect_failure<ConnectionRefusedError>(
        [&] { create_connection(nobody); },
        {"cannot connect to " + nobody.to_string() + ": Connection refused"});
    expect_failure<ConnectionRefusedError>(
        [&] { Socket(AF_INET, SOCK_STREAM).connect(nobody); },
        {"cannot connect to " + nobody.to_string() + ": Connection refused"});
    expect_failure<ConnectionRefusedError>(
        [&] {
            Socket(AF_INET, SOCK_STREAM).connect({"localhost", nobody.port()});
        },
        {"cannot connect to localhost:" + std::to_string(nobody.port()) + " (127.0.0.1:",
         "): Connection refused"});
    expect_failure<FileNotFoundError>([&] { create_connection(missing); },
                                      {"cannot connect to unix:", "missing.sock: No such file"});
    expect_failure<OSError>([&] { create_server(server.getsockname()); },
                            {"cannot listen on " + taken + ": Address already in use; ", "port"});
    expect_failure<OSError>([&] { create_server({"192.0.2.1", 0}); }, {"192.0.2.1:0", "no interface"});
    expect_failure<AddressError>([&] { four.connect({"::1", 1}); }, {"cannot connect to [::1]:1", "IPv4"});
    expect_failure<AddressError>([&] { four.bind(Address::unix_path("/tmp/x")); }, {"unix:/tmp/x", "IPv4"});
    expect_failure<BrokenPipeError>([&] { four.send("x"); }, {"cannot send to an unconnected socket"});
    expect_failure<OSError>([&] { four.recv(1); }, {"cannot receive from an unconnected socket"});
    expect_failure<OSError>([&] { four.getpeername(); }, {"peer"});
    expect_failure<OSError>([&] { four.setsockopt(SOL_SOCKET, 12345, 1); }, {"12345"});
    expect_failure<OSError>([&] { Socket(-1, SOCK_STREAM); }, {"cannot make a socket"});
    expect_failure<OSError>([&] { Socket().accept(); }, {"Bad file descriptor"});
    expect_failure<OSError>([&] { Socket().recv(1); }, {"Bad file descriptor"});
}

// A silent peer costs no more than the timeout, whatever is waited for.
TEST(Socket, TimeoutsNameWhatWasWaitedFor) {
    auto [silent, client] = tcp_pair();
    const std::string peer = silent.getsockname().to_string();
    client.settimeout(soon);
    EXPECT_EQ(client.gettimeout(), soon);
    expect_failure<TimeoutError>([&, &client = client] { client.recv(1); },
                                 {"timed out trying to receive from " + peer});
    const std::string much(64 << 20, 'm');
    expect_failure<TimeoutError>([&, &client = client] { client.sendall(much); },
                                 {"timed out trying to send to " + peer});
    client.settimeout(0ns);
    expect_failure<TimeoutError>([&, &client = client] { client.recv(1); }, {peer});
    client.settimeout(std::nullopt);
    const Timeout in_force(soon);
    expect_failure<TimeoutError>([&, &client = client] { client.recv(1); }, {peer});
    Socket server = create_server({"127.0.0.1", 0});
    expect_failure<TimeoutError>([&] { server.accept(); }, {"accept on 127.0.0.1"});
    Socket datagrams(AF_INET, SOCK_DGRAM);
    datagrams.bind({"127.0.0.1", 0});
    expect_failure<TimeoutError>([&] { datagrams.recvfrom(1); }, {"receive"});
}

// A Unix server whose queue is full is waited for, and not for longer than allowed.
TEST(Socket, FullUnixQueueTimesOut) {
    const testing::TemporaryDirectory folder;
    Socket server = create_server(Address::unix_path(folder / "q.sock"), {.backlog = 0});
    std::vector<Socket> waiting;
    expect_failure<TimeoutError>(
        [&] {
            for (int i = 0; i < 10; ++i)
                waiting.push_back(create_connection(server.getsockname(), {.timeout = soon}));
        },
        {"timed out trying to connect to unix:", "q.sock"});
    Thread later([&] { waiting.push_back(create_connection(server.getsockname())); });
    auto [first, address] = server.accept();
    auto [second, nobody] = server.accept();
    later.join();
    EXPECT_EQ(address.to_string(), "unix:");
}

// A waiting call ends when its thread is cancelled, and when the socket is closed under it.
TEST(Socket, WaitsEndByCancelAndByClose) {
    auto [silent, client] = tcp_pair();
    internal::expect_waits_end(client);
    client.close();  // again: nothing happens
}

// A reset in the middle of a stream is told apart from its end, and names the peer that is gone.
TEST(Socket, ResetIsNotTheEnd) {
    auto [peer, client] = tcp_pair();
    const std::string name = peer.getsockname().to_string();
    peer.sendall("half of it");
    EXPECT_EQ(client.recv(100), "half of it");
    testing::reset_at_close(peer.fileno());
    peer.close();
    expect_failure<ConnectionResetError>([&, &client = client] { client.recv(1); },
                                         {"cannot receive from " + name + ": Connection reset by peer"});
}

// Writing to a peer that has gone is an error and no signal.
TEST(Socket, NoSignalForABrokenPipe) {
    auto [peer, client] = tcp_pair();
    peer.close();
    expect_failure<ConnectionError>(
        [&client = client] {
            for (;;) client.sendall(std::string(1 << 20, 'x'));
        },
        {"cannot send to 127.0.0.1:"});
    auto [one, other] = Socket::pair();
    other.close();
    expect_failure<BrokenPipeError>([&one = one] { one.sendall("x"); }, {"Broken pipe"});
}

// Everything sent arrives, in order, however small the kernel's buffers and however many the pieces.
TEST(Socket, LargeAndScatteredWritesArriveWhole) {
    auto [sender, receiver] = Socket::pair();
    sender.setsockopt(SOL_SOCKET, SO_SNDBUF, 4096);
    std::vector<std::string> parts;
    for (int i = 0; i < 300; ++i)
        parts.push_back(std::string(static_cast<std::size_t>(i * 37 % 5000), char('a' + i % 26)));
    parts.push_back(std::string(1 << 20, 'L'));
    std::string expected;
    std::vector<std::string_view> views;
    for (const std::string& part : parts) {
        views.push_back(part);
        expected += part;
    }
    Thread sending([&sender = sender, &views, &expected] {
        sender.sendall(views);
        sender.sendall(expected);
        sender.sendall(std::span<const std::string_view>());
        sender.sendall("");
        sender.shutdown_write();
    });
    EXPECT_TRUE(receiver.recv_all() == expected + expected);
    sending.join();
}

// Half a connection can end while the other half goes on.
TEST(Socket, HalfClose) {
    auto [peer, client] = tcp_pair();
    client.shutdown(SHUT_WR);
    EXPECT_EQ(peer.recv_all(), "");
    peer.sendall("still here");
    peer.close();
    EXPECT_EQ(client.recv_all(), "still here");
    EXPECT_EQ(client.recv(10), "") << "the end stays the end";
    EXPECT_EQ(client.recv_into({}), 0u);
}

// An end that came with the last bytes is found by the call after them.
TEST(Socket, EndThatCameWithTheBytes) {
    auto [peer, client] = tcp_pair();
    peer.sendall("last");
    peer.close();
    char buffer[64];
    EXPECT_EQ(client.recv_into(buffer), 4u);
    EXPECT_EQ(client.recv_into(buffer), 0u);
    EXPECT_EQ(client.recv_into(buffer), 0u);
}

// An idle connection is not readable; bytes and the end make it so.
TEST(Socket, ReadableNow) {
    auto [peer, client] = tcp_pair();
    EXPECT_FALSE(client.readable_now());
    peer.sendall("x");
    client.descriptor().wait(Direction::read);
    EXPECT_TRUE(client.readable_now());
    EXPECT_EQ(client.recv(10), "x");
    EXPECT_FALSE(client.readable_now());
    Socket gone = std::move(peer);
    gone.close();
    EXPECT_EQ(client.recv(1), "");
    EXPECT_TRUE(client.readable_now());
}

// Datagrams keep their boundaries and name their sender, over each family.
TEST(Socket, Datagrams) {
    const testing::TemporaryDirectory folder;
    const std::pair<Address, Address> table[] = {
        {{"127.0.0.1", 0}, {"127.0.0.1", 0}},
        {{"::1", 0}, {"::1", 0}},
        {Address::unix_path(folder / "a"), Address::unix_path(folder / "b")},
    };
    for (const auto& [here, there] : table) {
        Socket a(here.family(), SOCK_DGRAM);
        Socket b(there.family(), SOCK_DGRAM);
        a.bind(here);
        b.bind(there);
        for (const std::string& text : {std::string("first"), std::string(), std::string(1000, 'x')}) {
            EXPECT_EQ(a.sendto(text, b.getsockname()), text.size());
        }
        auto [first, sender] = b.recvfrom(100);
        EXPECT_EQ(first, "first");
        EXPECT_EQ(sender, a.getsockname()) << sender.to_string();
        EXPECT_EQ(b.recvfrom(100).first, "");
        EXPECT_EQ(b.recvfrom(10).first, "xxxxxxxxxx") << "the rest is lost";
        b.sendto("back", sender);
        EXPECT_EQ(a.recv(100), "back");
    }
    Socket named(AF_INET, SOCK_DGRAM);
    Socket receiver(AF_INET, SOCK_DGRAM);
    receiver.bind({"localhost", 0});
    named.sendto("by name", {"localhost", receiver.getsockname().port()});
    EXPECT_EQ(receiver.recv(100), "by name");
    expect_failure<OSError>([&] { named.sendto(std::string(70000, 'x'), receiver.getsockname()); },
                            {"cannot send to 127.0.0.1:", "Message too long"});
}

// A descriptor can be taken over and given away; what is no socket is refused and stays the caller's.
TEST(Socket, OwnershipOfDescriptors) {
    auto [peer, client] = tcp_pair();
    const int fd = client.detach();
    EXPECT_EQ(client.fileno(), -1);
    Socket again = Socket::from_fd(fd);
    EXPECT_EQ(again.family(), AF_INET);
    again.sendall("x");
    EXPECT_EQ(peer.recv(1), "x");
    const UniqueFd file(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    expect_failure<OSError>([&] { Socket::from_fd(file.get()); }, {"as a socket"});
    EXPECT_NE(::fcntl(file.get(), F_GETFD), -1);
    EXPECT_THROW(Socket::from_fd(-1), OSError);
}

// Options are integers or bytes, both ways.
TEST(Socket, Options) {
    Socket socket(AF_INET, SOCK_STREAM);
    socket.setsockopt(SOL_SOCKET, SO_KEEPALIVE, 1);
    EXPECT_EQ(socket.getsockopt(SOL_SOCKET, SO_KEEPALIVE), 1);
    const linger kept = {1, 7};
    socket.setsockopt(SOL_SOCKET, SO_LINGER,
                      std::string_view(reinterpret_cast<const char*>(&kept), sizeof kept));
    const std::string bytes = socket.getsockopt(SOL_SOCKET, SO_LINGER, sizeof kept);
    EXPECT_EQ(bytes, std::string_view(reinterpret_cast<const char*>(&kept), sizeof kept));
}

// With no descriptor left, accept() says what to do, the client waits, and is served when there is one again.
TEST(Socket, AcceptSurvivesTheDescriptorLimit) {
    Socket server = create_server({"127.0.0.1", 0});
    Socket client = create_connection(server.getsockname());
    Thread([] {}).join();  // the runtime has what it needs
    {
        const testing::NoDescriptorsLeft until_here;
        const auto error =
            expect_failure<OSError>([&] { server.accept(); }, {"cannot accept on 127.0.0.1:", "ulimit -n"});
        EXPECT_TRUE(error && error->code() == EMFILE);
    }
    server.accept().first.sendall("served");
    EXPECT_EQ(client.recv_all(), "served");
}

// CPython's own sockets understand ours, in both roles.
TEST(Socket, TalksToPython) {
    Socket server = create_server({"127.0.0.1", 0});
    testing::Process python({"/usr/bin/python3", "-c",
                             "import socket, sys\n"
                             "s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))\n"
                             "l = socket.create_server(('127.0.0.1', 0))\n"
                             "s.sendall(b'%d' % l.getsockname()[1])\n"
                             "s.shutdown(socket.SHUT_WR)\n"
                             "c, _ = l.accept()\n"
                             "data = b''\n"
                             "while chunk := c.recv(65536): data += chunk\n"
                             "c.sendall(data[::-1])\n",
                             std::to_string(server.getsockname().port())});
    auto [from_python, address] = server.accept();
    const int port = std::stoi(from_python.recv_all());
    Socket to_python = create_connection({"127.0.0.1", port}, {.timeout = 60s});
    std::string data(300'000, 'a');
    data.back() = 'z';
    to_python.sendall(data);
    to_python.shutdown_write();
    EXPECT_TRUE(to_python.recv_all() == std::string(data.rbegin(), data.rend()));
    EXPECT_EQ(python.wait(), 0);
}

// Success and failure alike leave no descriptor behind.
TEST(Socket, LeaksNoDescriptor) {
    const auto round = [] {
        { auto [a, b] = tcp_pair(); }
        EXPECT_THROW(create_connection(closed_port()), ConnectionRefusedError);
        Socket moved = std::move(tcp_pair().first);
        moved = Socket(AF_INET, SOCK_DGRAM);
        auto [silent, client] = tcp_pair();
        client.settimeout(0ns);
        EXPECT_THROW(client.recv(1), TimeoutError);
        EXPECT_THROW(create_server(Address::unix_path("/nonexistent/x")), OSError);
    };
    round();
    const std::size_t before = testing::open_descriptors();
    for (int i = 0; i < 50; ++i) round();
    EXPECT_LE(testing::open_descriptors(), before) << "fewer: a look-up that a test left has ended";
}

}  // namespace
}  // namespace thrum
