// thrum/sockets/python_socket_test.cpp: floor 2, sockets
// What CPython's own tests ask of a socket and no other test here shows; CHECKLIST.md has the whole list.
#include <thrum/base/file.hpp>
#include <thrum/sockets/buffered_stream.hpp>
#include <thrum/sockets/connection.hpp>
#include <thrum/sockets/internal/socket_fixture.hpp>
#include <thrum/sockets/resolver.hpp>
#include <thrum/sockets/socket.hpp>
#include <thrum/testing/failures.hpp>
#include <thrum/testing/process.hpp>
#include <thrum/threads/thread.hpp>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

namespace thrum {
namespace {

using namespace std::chrono_literals;
using internal::soon;
using internal::tcp_pair;
using testing::expect_failure;

static_assert(!std::is_copy_constructible_v<Socket>, "a handle has one owner");
static_assert(std::is_base_of_v<OSError, AddressError> && std::is_base_of_v<OSError, TimeoutError> &&
                  std::is_base_of_v<OSError, ConnectionError> && std::is_base_of_v<Error, OSError>,
              "Python's tree of exceptions");

// The flags of socket(2) are no part of the type, whoever sets them, and both hold in any case.
TEST(PythonSocket, TypeIsWithoutFlags) {
    for (const int flags : {0, 0 | SOCK_NONBLOCK, 0 | SOCK_CLOEXEC, SOCK_NONBLOCK | SOCK_CLOEXEC}) {
        const Socket made(AF_INET, SOCK_STREAM | flags);
        EXPECT_EQ(made.type(), SOCK_STREAM);
        EXPECT_TRUE(::fcntl(made.fileno(), F_GETFD) & FD_CLOEXEC);
        EXPECT_TRUE(::fcntl(made.fileno(), F_GETFL) & O_NONBLOCK);
        auto [one, other] = Socket::pair(SOCK_DGRAM | flags);
        EXPECT_EQ(one.type(), SOCK_DGRAM);
        EXPECT_EQ(other.family(), AF_UNIX);
    }
}

// A descriptor tells of which family and type it is, and one of a family unknown here can be used all the
// same, but for its address.
TEST(PythonSocket, DescriptorsTellTheirKind) {
    const std::pair<int, int> table[] = {
        {AF_INET, SOCK_STREAM}, {AF_INET, SOCK_DGRAM}, {AF_INET6, SOCK_STREAM},  {AF_INET6, SOCK_DGRAM},
        {AF_UNIX, SOCK_STREAM}, {AF_UNIX, SOCK_DGRAM}, {AF_UNIX, SOCK_SEQPACKET}};
    for (const auto& [family, type] : table) {
        const Socket found = Socket::from_fd(::socket(family, type | SOCK_CLOEXEC, 0));
        EXPECT_EQ(found.family(), family);
        EXPECT_EQ(found.type(), type);
    }
    const Socket netlink = Socket::from_fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
    EXPECT_EQ(netlink.family(), AF_NETLINK);
    expect_failure<AddressError>([&] { netlink.getsockname(); }, {"address family 16 is not one of"});
    const int closed = ::fcntl(netlink.fileno(), F_DUPFD_CLOEXEC, 900);
    ::close(closed);
    expect_failure<OSError>(
        [&] { Socket::from_fd(closed); },
        {"cannot use descriptor " + std::to_string(closed) + " as a socket", "Bad file descriptor"});
}

// Any backlog listens, the default, none, and less than none.
TEST(PythonSocket, Backlogs) {
    for (const int backlog : {default_backlog, 0, -1, 1 << 30}) {
        Socket server(AF_INET, SOCK_STREAM);
        server.bind({"127.0.0.1", 0});
        server.listen(backlog);
        Socket client(AF_INET, SOCK_STREAM);
        client.connect(server.getsockname());
        server.accept().first.sendall("in");
        EXPECT_EQ(client.recv_all(), "in") << backlog;
    }
    Socket datagrams(AF_INET, SOCK_DGRAM);
    expect_failure<OSError>([&] { datagrams.listen(); }, {"cannot listen: Operation not supported"});
}

// Numeric hosts stand for themselves; what looks like one and is none is refused with its name, without
// anybody being asked.
TEST(PythonSocket, NumericHosts) {
    for (const char* const host : {"127.0.0.1", "0.0.0.0", "255.255.255.255", "::1", "::", "2001:db8::1"})
        EXPECT_EQ(resolve(host, 0).front().host(), host);
    for (const char* const host : {"::1q", "::1::2", "1:1:1:1:1:1:1:1:1", "[::1", "1.2.3.4:80"}) {
        expect_failure<AddressError>([&] { resolve(host, 80); }, {host});
    }
    // inet(3)'s shorter forms are the C library's business, which the resolver asks.
    EXPECT_EQ(resolve("127.1", 80, AF_INET).front(), Address("127.0.0.1", 80));
}

// A socket that was never bound has an address all the same: nothing yet.
TEST(PythonSocket, UnboundNames) {
    EXPECT_EQ(Socket(AF_INET, SOCK_STREAM).getsockname(), Address("0.0.0.0", 0));
    EXPECT_EQ(Socket(AF_INET6, SOCK_STREAM).getsockname(), Address("::", 0));
    EXPECT_EQ(Socket(AF_UNIX, SOCK_STREAM).getsockname().to_string(), "unix:");
}

// A path is bytes, of whatever encoding; none at all is refused, and bound to nothing the kernel chooses an
// abstract name (unix(7), autobind).
TEST(PythonSocket, UnixNames) {
    const testing::TemporaryDirectory folder;
    const auto odd = Address::unix_path(folder / "a\xff\xfeż \n.sock");
    Socket server = create_server(odd);
    EXPECT_EQ(server.getsockname(), odd);
    Socket client = create_connection(Address::parse(odd.to_string()));
    server.accept().first.sendall("by bytes");
    EXPECT_EQ(client.recv_all(), "by bytes");
    expect_failure<AddressError>([] { Address::unix_path(""); }, {"'unix:'", "needs a path"});

    Socket any(AF_UNIX, SOCK_STREAM);
    any.bind(Socket(AF_UNIX, SOCK_STREAM).getsockname());
    const std::string chosen = any.getsockname().path();
    EXPECT_EQ(chosen.size(), 6u) << chosen;
    EXPECT_EQ(chosen.front(), '@');
    any.listen();
    EXPECT_EQ(Socket(AF_UNIX, SOCK_STREAM).connect_ex(any.getsockname()), 0);
}

// An accepted socket begins without the timeout of its listener, and each call without one waits.
TEST(PythonSocket, AcceptedHaveNoTimeout) {
    Socket server = create_server({"127.0.0.1", 0});
    EXPECT_EQ(server.gettimeout(), std::nullopt);
    for (const auto timeout : {std::optional<std::chrono::nanoseconds>(60s), std::optional(0ns)}) {
        Socket client = create_connection(server.getsockname());
        server.descriptor().wait(Direction::read);
        server.settimeout(timeout);
        EXPECT_EQ(server.accept().first.gettimeout(), std::nullopt);
        server.settimeout(std::nullopt);
    }
}

// With a timeout of 0 what is not there yet throws at once, and what is there comes.
TEST(PythonSocket, ZeroTimeoutNeverWaits) {
    Socket server = create_server({"127.0.0.1", 0});
    server.settimeout(0ns);
    expect_failure<TimeoutError>([&] { server.accept(); }, {"accept on 127.0.0.1"});
    Socket client = create_connection(server.getsockname());
    server.descriptor().wait(Direction::read);
    auto [accepted, from] = server.accept();
    accepted.settimeout(0ns);
    expect_failure<TimeoutError>([&, &accepted = accepted] { accepted.recv(1); }, {"receive from"});
    client.sendall("x");
    accepted.descriptor().wait(Direction::read);
    EXPECT_EQ(accepted.recv(10), "x");
    Socket datagrams(AF_INET, SOCK_DGRAM);
    datagrams.bind({"127.0.0.1", 0});
    datagrams.settimeout(0ns);
    expect_failure<TimeoutError>([&] { datagrams.recvfrom(1); }, {"receive"});
    client.settimeout(0ns);
    const Timeout hour(1h);
    expect_failure<TimeoutError>([&] { client.recv(1); }, {"receive from"});
}

// More is asked for than there is, or less: a stream gives what it has and keeps the rest, of recvfrom() too,
// which names the peer,
// after the end as before.
TEST(PythonSocket, StreamsGiveWhatTheyHave) {
    auto [server, client] = tcp_pair();
    server.sendall("michael gilfix");
    EXPECT_EQ(client.recv(7), "michael");
    EXPECT_EQ(client.recv(1024), " gilfix");
    server.sendall("in two");
    const Address peer = server.getsockname();
    EXPECT_EQ(client.recvfrom(2), std::pair(std::string("in"), peer));
    EXPECT_EQ(client.recvfrom(100).first, " two");
    char large[64] = "";
    server.sendall("into");
    client.descriptor().wait(Direction::read);
    EXPECT_EQ(client.recvfrom_into({}).first, 0u);
    EXPECT_EQ(client.recvfrom_into(large).first, 4u);
    EXPECT_EQ(std::string_view(large, 4), "into");
    server.shutdown(SHUT_WR);
    EXPECT_EQ(client.recv_all(), "");
    client.shutdown(SHUT_RDWR);
    EXPECT_EQ(client.recvfrom(1), std::pair(std::string(), peer)) << "the kernel no longer knows";
}

// What shutdown(2) does not know is refused; shutting down twice is not.
TEST(PythonSocket, Shutdowns) {
    auto [server, client] = tcp_pair();
    expect_failure<OSError>([&client = client] { client.shutdown(77); },
                            {"cannot shut down the connection to 127.0.0.1:", "Invalid argument"});
    server.sendall("before");
    server.shutdown(SHUT_WR);
    server.shutdown(SHUT_WR);
    EXPECT_EQ(client.recv_all(), "before");
    client.shutdown(SHUT_RDWR);
    EXPECT_EQ(server.recv(1), "");
    expect_failure<BrokenPipeError>([&client = client] { client.send("x"); }, {"Broken pipe"});
    expect_failure<OSError>([] { Socket(AF_INET, SOCK_STREAM).shutdown(SHUT_WR); }, {"not connected"});
}

// A detached socket is a closed one, and its descriptor lives on.
TEST(PythonSocket, Detached) {
    auto [server, client] = tcp_pair();
    const UniqueFd fd(client.detach());
    EXPECT_EQ(client.fileno(), -1);
    EXPECT_FALSE(client.is_open());
    EXPECT_THROW(client.recv(1), OSError);
    EXPECT_EQ(client.detach(), -1);
    EXPECT_EQ(::write(fd.get(), "x", 1), 1);
    EXPECT_EQ(server.recv(1), "x");
}

// The end of the scope closes; so does close(), once and for all.
TEST(PythonSocket, ScopesClose) {
    auto [server, client] = tcp_pair();
    {
        const Socket inner = std::move(client);
        EXPECT_TRUE(inner.is_open());
    }
    EXPECT_EQ(server.recv(1), "");
    server.close();
    EXPECT_EQ(server.fileno(), -1);
    EXPECT_NO_THROW(server.close());
}

// A reply within the timeout comes; one after it is TimeoutError, and the connection still works.
TEST(PythonSocket, RepliesInAndOutOfTime) {
    auto [server, client] = tcp_pair();
    client.settimeout(60s);
    Thread replying([&server = server] { server.sendall("in time"); });
    EXPECT_EQ(client.recv(100), "in time");
    replying.join();
    client.settimeout(soon);
    EXPECT_THROW(client.recv(100), TimeoutError);
    server.sendall("late");
    client.settimeout(60s);
    EXPECT_EQ(client.recv(100), "late");
}

// A read that timed out has taken nothing from a buffered stream, and a write that timed out leaves the
// stream usable for reading; a closed stream is told by each call.
TEST(PythonSocket, BufferedStreamsAfterATimeout) {
    auto [server, client] = tcp_pair();
    BufferedStream lines(client);
    client.settimeout(0ns);
    server.sendall("first\nsecond ha");
    client.descriptor().wait(Direction::read);
    EXPECT_EQ(lines.readline(), "first");
    EXPECT_THROW(lines.readline(), TimeoutError);
    EXPECT_THROW(lines.read_exactly(100), TimeoutError);
    EXPECT_THROW(lines.read_all(), TimeoutError);
    EXPECT_EQ(lines.read(6), "second");
    server.sendall("lf\n");
    client.descriptor().wait(Direction::read);
    EXPECT_EQ(lines.readline(), " half");
    expect_failure<TimeoutError>(
        [&] {
            for (;;) lines.write(std::string(write_buffer_limit, 'x'));
        },
        {"timed out trying to send to 127.0.0.1:"});
    server.sendall("still\n");
    client.descriptor().wait(Direction::read);
    BufferedStream again(client);
    EXPECT_EQ(again.readline(), "still");
    client.close();
    const auto error = expect_failure<OSError>([&] { again.readline(); }, {"Bad file descriptor"});
    EXPECT_TRUE(error && error->code() == EBADF);
}

void count_signal(int) {}

struct Waiting {
    const char* name;
    std::function<void(Socket&)> act;
};

// Signals interrupt system calls, and end no wait (PEP 475): of each call, in a plain thread as in ours, the
// timeout alone ends it, and what comes after them still comes.
TEST(PythonSocket, SignalsEndNoWait) {
    struct sigaction counting = {};
    counting.sa_handler = count_signal;  // without SA_RESTART
    struct sigaction before = {};
    ASSERT_EQ(::sigaction(SIGUSR2, &counting, &before), 0);
    char buffer[8];
    const std::span<char> place(buffer);
    const std::string much(16 << 20, 'm');
    const Waiting table[] = {
        {"recv", [](Socket& s) { s.recv(1); }},
        {"recv_into", [&](Socket& s) { s.recv_into(place); }},
        {"recvfrom", [](Socket& s) { s.recvfrom(1); }},
        {"recvfrom_into", [&](Socket& s) { s.recvfrom_into(place); }},
        {"recvmsg", [](Socket& s) { s.recvmsg(1); }},
        {"recvmsg_into", [&](Socket& s) { s.recvmsg_into(std::span(&place, 1)); }},
        {"send",
         [&](Socket& s) {
             for (;;) s.send(much);
         }},
        {"sendall", [&](Socket& s) { s.sendall(much); }},
        {"sendmsg",
         [&](Socket& s) {
             for (;;) s.sendmsg(much);
         }},
    };
    for (const auto& [name, act] : table) {
        auto [silent, client] = tcp_pair();
        client.settimeout(soon);
        std::atomic<bool> ended = false;
        std::thread waiting([&, &act = act, &client = client, &name = name] {
            EXPECT_THROW(act(client), TimeoutError) << name;
            ended = true;
        });
        while (!ended) {
            ::pthread_kill(waiting.native_handle(), SIGUSR2);
            std::this_thread::yield();
        }
        waiting.join();
    }
    auto [sender, client] = tcp_pair();
    std::atomic<bool> ended = false;
    std::thread receiving([&, &client = client] {
        EXPECT_EQ(client.recv_all().size(), much.size());
        ended = true;
    });
    std::thread sending([&, &sender = sender] {
        sender.sendall(much);
        sender.shutdown_write();
    });
    while (!ended) {
        ::pthread_kill(receiving.native_handle(), SIGUSR2);
        ::pthread_kill(sending.native_handle(), SIGUSR2);
        std::this_thread::yield();
    }
    receiving.join();
    sending.join();
    ASSERT_EQ(::sigaction(SIGUSR2, &before, nullptr), 0);
}

// UDP-Lite is UDP with another protocol number, where the kernel has it (RFC 3828).
TEST(PythonSocket, UDPLite) {
    std::optional<Socket> receiver;
    try {
        receiver.emplace(AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE);
    } catch (const OSError& error) {
        GTEST_SKIP() << "this kernel has no UDP-Lite: " << error.what();
    }
    receiver->bind({"127.0.0.1", 0});
    Socket sender(AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE);
    sender.sendto("half checked", receiver->getsockname());
    EXPECT_EQ(receiver->recv(100), "half checked");
}

// Files that are empty, counts beyond the end, and sockets that are no streams.
TEST(PythonSocket, SendfileAtTheEdges) {
    const testing::TemporaryDirectory folder;
    write_file(folder / "empty", "");
    write_file(folder / "ten", "0123456789");
    const UniqueFd empty(::open((folder / "empty").c_str(), O_RDONLY | O_CLOEXEC));
    const UniqueFd ten(::open((folder / "ten").c_str(), O_RDONLY | O_CLOEXEC));
    auto [server, client] = tcp_pair();
    EXPECT_EQ(server.sendfile(empty.get()), 0u);
    EXPECT_EQ(server.sendfile(ten.get(), 5, 100), 5u);
    EXPECT_EQ(server.sendfile(ten.get(), 2, 3), 3u);
    EXPECT_EQ(server.sendfile(ten.get(), 10), 0u);
    server.shutdown_write();
    EXPECT_EQ(client.recv_all(), "56789234");
    expect_failure<OSError>([&] { Socket(AF_INET, SOCK_STREAM).sendfile(ten.get()); },
                            {"cannot send a file"});
}

}  // namespace
}  // namespace thrum
