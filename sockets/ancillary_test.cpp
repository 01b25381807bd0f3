// thrum/sockets/ancillary_test.cpp: floor 2, sockets
// What travels beside the bytes arrives, has an owner at once, and never leaks.
#include <thrum/sockets/connection.hpp>
#include <thrum/sockets/socket.hpp>
#include <thrum/testing/failures.hpp>
#include <thrum/testing/process.hpp>
#include <thrum/threads/thread.hpp>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <unistd.h>

#include <thread>

namespace thrum {
namespace {

using namespace std::chrono_literals;
using testing::expect_failure;

UniqueFd any_file() { return UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

bool closes_on_exec(int fd) { return (::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0; }

// A connection passed to somebody else goes on there, over each type of Unix socket; its descriptor closes on
// exec.
TEST(Ancillary, PassedSocketsWork) {
    for (const int type : {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET}) {
        auto [here, there] = Socket::pair(type);
        auto [passed, peer] = Socket::pair();
        const int lent[] = {passed.fileno()};
        Thread giving([&here = here, &lent] { here.send_fds("take it", lent); });
        ReceivedMessage message = there.recv_fds(100);
        giving.join();
        EXPECT_EQ(message.data, "take it");
        EXPECT_FALSE(message.ancillary_truncated());
        ASSERT_EQ(message.descriptors.size(), 1u);
        EXPECT_TRUE(closes_on_exec(message.descriptors[0].get()));
        Socket taken = Socket::from_fd(std::move(message.descriptors[0]));
        EXPECT_FALSE(message.descriptors[0]);
        passed.close();
        taken.sendall("through the duplicate");
        EXPECT_EQ(peer.recv(100), "through the duplicate");
    }
}

// What from_fd() refuses stays with its owner.
TEST(Ancillary, RefusedDescriptorKeepsItsOwner) {
    UniqueFd file = any_file();
    expect_failure<OSError>([&] { Socket::from_fd(std::move(file)); }, {"as a socket"});
    EXPECT_TRUE(file);
}

struct Passing {
    std::size_t sent;
    std::size_t room;
    std::size_t received;
    bool truncated;
};

// No more descriptors come than were asked for, the flags say when some were dropped, and none is left open,
// whether they were taken, dropped, or unwanted.
TEST(Ancillary, NoDescriptorLeaks) {
    const Passing table[] = {{1, 1, 1, false},
                             {2, 1, 1, true},  // the padding has room for the second
                             {3, 2, 2, true},
                             {4, 0, 0, true},
                             {max_passed_descriptors, max_passed_descriptors, max_passed_descriptors, false},
                             {0, 5, 0, false}};
    const UniqueFd file = any_file();
    auto [here, there] = Socket::pair();
    const std::size_t before = testing::open_descriptors();
    for (const Passing& row : table) {
        const std::vector<int> lent(row.sent, file.get());
        here.send_fds("x", lent);
        const ReceivedMessage message = there.recv_fds(1, row.room);
        EXPECT_EQ(message.descriptors.size(), row.received) << row.sent << " into " << row.room;
        EXPECT_EQ(message.ancillary_truncated(), row.truncated) << row.sent << " into " << row.room;
        EXPECT_EQ(testing::open_descriptors(), before + row.received);
    }
    const int lent[] = {file.get(), file.get()};
    here.send_fds("y", lent);
    EXPECT_EQ(there.recv(1), "y") << "who does not ask gets bytes alone";
    here.send_fds("z", lent);
    EXPECT_EQ(there.recv_fds(1).descriptors.size(), 2u);
    here.send_fds("never read", lent);
    there.close();
    EXPECT_EQ(testing::open_descriptors(), before - 1);
}

// At the limit of open files the message comes without its descriptors, and says so.
TEST(Ancillary, DescriptorLimit) {
    auto [here, there] = Socket::pair();
    const UniqueFd file = any_file();
    const int lent[] = {file.get()};
    here.send_fds("bytes", lent);
    const testing::NoDescriptorsLeft until_here;
    const ReceivedMessage message = there.recv_fds(100);
    EXPECT_EQ(message.data, "bytes");
    EXPECT_TRUE(message.descriptors.empty());
    EXPECT_TRUE(message.ancillary_truncated());
}

// What the kernel would drop in silence, or refuse without a reason, is refused with one.
TEST(Ancillary, WhatCannotBePassedSaysWhy) {
    auto [here, there] = Socket::pair();
    Socket server = create_server({"127.0.0.1", 0});
    Socket internet = create_connection(server.getsockname());
    const UniqueFd file = any_file();
    const int lent[] = {file.get()};
    const int closed[] = {file.get(), 1 << 20};
    const std::vector<int> many(max_passed_descriptors + 1, file.get());
    expect_failure<OSError>([&] { internet.send_fds("x", lent); },
                            {"cannot pass descriptors to 127.0.0.1:", "only Unix sockets"});
    expect_failure<OSError>([&] { internet.sendmsg("x", {.credentials = Credentials{}}); },
                            {"cannot pass credentials to 127.0.0.1:", "only Unix sockets"});
    expect_failure<OSError>([&, &here = here] { here.send_fds("x", many); },
                            {"254 are too many", "at most 253"});
    expect_failure<OSError>([&, &here = here] { here.send_fds("x", closed); }, {"one of them is closed"});
    expect_failure<OSError>([&, &here = here] { here.send_fds("", lent); }, {"at least one byte"});
    expect_failure<OSError>([&there = there] { there.recv_fds(1, 254); }, {"at most 253 descriptors"});
    expect_failure<OSError>([&there = there] { there.recvmsg(1, {.ancillary_size = 1 << 30}); }, {"at most"});
    expect_failure<OSError>([&] { internet.peer_credentials(); }, {"only Unix sockets"});
    expect_failure<OSError>([] { Socket().send_fds("x", {}); }, {"Bad file descriptor"});
    expect_failure<OSError>([] { Socket().recv_fds(1); }, {"Bad file descriptor"});
    here.settimeout(0ns);
    expect_failure<TimeoutError>([&here = here] { here.recv_fds(1); }, {"timed out trying to receive"});
    EXPECT_FALSE(there.readable_now()) << "none of it was sent";
}

// Both ends of a Unix connection know whose process the other is.
TEST(Ancillary, PeerCredentials) {
    const Credentials own = {::getpid(), ::getuid(), ::getgid()};
    const testing::TemporaryDirectory folder;
    Socket server = create_server(Address::unix_path(folder / "s"));
    testing::Process python({"/usr/bin/python3", "-c",
                             "import socket, sys\n"
                             "s = socket.socket(socket.AF_UNIX)\n"
                             "s.connect(sys.argv[1])\n"
                             "s.recv(1)\n",
                             folder / "s"});
    auto [client, address] = server.accept();
    EXPECT_EQ(client.peer_credentials(), (Credentials{python.pid(), own.uid, own.gid}));
    client.close();
    EXPECT_EQ(python.wait(), 0);
    EXPECT_EQ(Socket::pair().first.peer_credentials(), own);
}

// With SO_PASSCRED each message says who sent it; a process cannot say it is another, unless it is root.
TEST(Ancillary, MessagesCarryCredentials) {
    const Credentials own = {::getpid(), ::getuid(), ::getgid()};
    for (const int type : {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET}) {
        auto [here, there] = Socket::pair(type);
        there.set_pass_credentials();
        here.sendall("unasked");
        EXPECT_EQ(there.recvmsg(100, {.credentials = true}).credentials, own);
        const UniqueFd file = any_file();
        const int lent[] = {file.get()};
        here.sendmsg("both", {.descriptors = lent, .credentials = own});
        const ReceivedMessage both = there.recvmsg(100, {.max_descriptors = 1, .credentials = true});
        EXPECT_EQ(both.credentials, own);
        EXPECT_EQ(both.descriptors.size(), 1u);
        EXPECT_FALSE(both.ancillary_truncated());
    }
}

// A message of several pieces is one message, whatever its type, and an empty one arrives as such.
TEST(Ancillary, PiecesMakeOneMessage) {
    std::vector<std::string_view> many(40, "piece ");
    many.push_back("");
    for (const int type : {SOCK_DGRAM, SOCK_SEQPACKET}) {
        auto [here, there] = Socket::pair(type);
        EXPECT_EQ(here.sendmsg(many), 240u);
        here.sendall(many);
        here.sendall("");
        here.sendall("after");
        char first[6];
        char rest[300];
        const std::span<char> places[] = {first, rest};
        const ReceivedMessage message = there.recvmsg_into(places);
        EXPECT_EQ(message.size, 240u);
        EXPECT_EQ(std::string_view(first, 6), "piece ");
        EXPECT_EQ(std::string_view(rest, 6), "piece ");
        EXPECT_EQ(there.recv(1000).size(), 240u);
        EXPECT_EQ(there.recvmsg(100).size, 0u);
        EXPECT_EQ(there.recvmsg(2).data, "af");
    }
}

// The rest of a datagram that does not fit is lost, and the message says so; MSG_TRUNC tells its own size,
// MSG_PEEK leaves it there.
TEST(Ancillary, TruncationIsTold) {
    Socket receiver(AF_INET, SOCK_DGRAM);
    receiver.bind({"127.0.0.1", 0});
    Socket sender(AF_INET, SOCK_DGRAM);
    sender.bind({"127.0.0.1", 0});
    for (int i = 0; i < 2; ++i) sender.sendmsg("0123456789", {.address = receiver.getsockname()});
    for (int i = 0; i < 2; ++i) {
        const ReceivedMessage peeked = receiver.recvmsg(4, {.flags = MSG_PEEK | MSG_TRUNC});
        EXPECT_EQ(peeked.data, "0123");
        EXPECT_EQ(peeked.size, 10u);
    }
    EXPECT_EQ(receiver.recv(4, MSG_PEEK), "0123");
    EXPECT_EQ(receiver.recv(4, MSG_TRUNC), "0123");
    const ReceivedMessage message = receiver.recvmsg(4);
    EXPECT_EQ(message.data, "0123");
    EXPECT_EQ(message.address, sender.getsockname());
    EXPECT_TRUE(message.truncated());
}

// Other control messages pass through both ways: here the address a datagram was sent to (IP_PKTINFO).
TEST(Ancillary, OtherControlMessages) {
    Socket receiver(AF_INET, SOCK_DGRAM);
    receiver.bind({"0.0.0.0", 0});
    receiver.setsockopt(IPPROTO_IP, IP_PKTINFO, 1);
    Socket sender(AF_INET, SOCK_DGRAM);
    in_pktinfo from = {};
    from.ipi_spec_dst.s_addr = htonl(INADDR_LOOPBACK + 6);
    const ControlMessage as_seven[] = {
        {IPPROTO_IP, IP_PKTINFO, std::string(reinterpret_cast<const char*>(&from), sizeof from)}};
    const Address target("127.0.0.9", receiver.getsockname().port());
    sender.sendmsg("x", {.ancillary = as_seven, .address = target});
    const ReceivedMessage message = receiver.recvmsg(10, {.ancillary_size = CMSG_SPACE(sizeof(in_pktinfo))});
    EXPECT_EQ(message.address.host(), "127.0.0.7");
    ASSERT_EQ(message.ancillary.size(), 1u);
    EXPECT_EQ(message.ancillary[0].type, IP_PKTINFO);
    in_pktinfo info = {};
    ASSERT_EQ(message.ancillary[0].data.size(), sizeof info);
    std::memcpy(&info, message.ancillary[0].data.data(), sizeof info);
    EXPECT_EQ(ntohl(info.ipi_addr.s_addr), INADDR_LOOPBACK + 8);
    sender.sendto("y", target);
    EXPECT_TRUE(receiver.recvmsg(10, {.ancillary_size = 1}).ancillary_truncated());
}

// Python's send_fds and recv_fds are the other half of ours.
TEST(Ancillary, PassesDescriptorsToAndFromPython) {
    const testing::TemporaryDirectory folder;
    Socket server = create_server(Address::unix_path(folder / "s"));
    testing::Process python({"/usr/bin/python3", "-c",
                             "import socket, sys, os\n"
                             "s = socket.socket(socket.AF_UNIX)\n"
                             "s.connect(sys.argv[1])\n"
                             "data, fds, flags, _ = socket.recv_fds(s, 100, 5)\n"
                             "assert (data, len(fds)) == (b'two', 2), (data, fds)\n"
                             "os.write(fds[0], b'from Python')\n"
                             "r, w = os.pipe()\n"
                             "os.write(w, b'in the pipe')\n"
                             "socket.send_fds(s, [b'ba', b'ck'], [r, s.fileno(), w])\n"
                             "s.recv(1)\n",
                             folder / "s"});
    auto [client, address] = server.accept();
    auto [ours, passed] = Socket::pair();
    const int lent[] = {passed.fileno(), passed.fileno()};
    client.send_fds("two", lent);
    passed.close();
    EXPECT_EQ(ours.recv(100), "from Python");
    ReceivedMessage back = client.recv_fds(100);
    EXPECT_EQ(back.data, "back");
    ASSERT_EQ(back.descriptors.size(), 3u);
    char text[100];
    EXPECT_EQ(::read(back.descriptors[0].get(), text, sizeof text), 11);
    client.close();
    EXPECT_EQ(python.wait(), 0);
}

}  // namespace
}  // namespace thrum
