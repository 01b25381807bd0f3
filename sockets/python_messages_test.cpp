// thrum/sockets/python_messages_test.cpp: floor 2, sockets
// What CPython's tests ask of sendmsg() and recvmsg(), over each kind of socket; CHECKLIST.md has the list.
#include <thrum/sockets/connection.hpp>
#include <thrum/sockets/socket.hpp>
#include <thrum/testing/failures.hpp>
#include <thrum/testing/process.hpp>
#include <thrum/threads/thread.hpp>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <string>
#include <vector>

namespace thrum {
namespace {

using namespace std::chrono_literals;
using testing::expect_failure;

struct Ends {
    std::string name;
    bool is_stream;
    Socket sender;
    Socket receiver;
};

// Two ends of each kind; the datagram sockets of the Internet are connected to one another.
std::vector<Ends> all_kinds() {
    std::vector<Ends> all;
    for (const char* const host : {"127.0.0.1", "::1"}) {
        const int family = Address(host, 0).family();
        Socket listener = create_server({host, 0});
        Socket client = create_connection(listener.getsockname());
        all.push_back({std::string("TCP ") + host, true, std::move(client), listener.accept().first});
        Socket sender(family, SOCK_DGRAM);
        Socket receiver(family, SOCK_DGRAM);
        for (Socket* const socket : {&sender, &receiver}) socket->bind({host, 0});
        sender.connect(receiver.getsockname());
        receiver.connect(sender.getsockname());
        all.push_back({std::string("UDP ") + host, false, std::move(sender), std::move(receiver)});
    }
    for (const int type : {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET}) {
        auto [sender, receiver] = Socket::pair(type);
        all.push_back(
            {"Unix " + std::to_string(type), type == SOCK_STREAM, std::move(sender), std::move(receiver)});
    }
    return all;
}

// Messages arrive as sendmsg() gave them, in one piece or scattered, looked at beforehand or not, and what
// does not fit stays in a stream and is lost of a datagram, which says so.
TEST(PythonMessages, OfEachKind) {
    for (Ends& ends : all_kinds()) {
        SCOPED_TRACE(ends.name);
        const std::string_view pieces[] = {"ho", "", "w are ", "you?"};
        EXPECT_EQ(ends.sender.sendmsg(pieces), 12u);
        ReceivedMessage message = ends.receiver.recvmsg(100, {.flags = MSG_PEEK});
        EXPECT_EQ(message.data, "how are you?");
        message = ends.receiver.recvmsg(100);
        EXPECT_EQ(message.data, "how are you?");
        EXPECT_EQ(message.size, 12u);
        EXPECT_FALSE(message.truncated());
        EXPECT_FALSE(message.ancillary_truncated());
        EXPECT_TRUE(message.ancillary.empty());
        EXPECT_TRUE(message.descriptors.empty());

        ends.sender.sendall("0123456789");
        std::array<char, 3> first = {};
        std::array<char, 4> second = {};
        const std::span<char> places[] = {first, {}, second};
        message = ends.receiver.recvmsg_into(places, {.ancillary_size = 1000});
        EXPECT_EQ(message.size, 7u);
        EXPECT_EQ(std::string_view(first.data(), 3), "012");
        EXPECT_EQ(std::string_view(second.data(), 4), "3456");
        EXPECT_EQ(message.truncated(), !ends.is_stream);
        if (ends.is_stream) {
            EXPECT_EQ(ends.receiver.recv(100), "789");
        }
        ends.sender.sendall("next");
        EXPECT_EQ(ends.receiver.recv(100), "next");
    }
}

// A message with nowhere to go, without time, or on a closed socket is refused in words.
TEST(PythonMessages, Refusals) {
    for (Ends& ends : all_kinds()) {
        SCOPED_TRACE(ends.name);
        ends.receiver.settimeout(0ns);
        expect_failure<TimeoutError>([&] { ends.receiver.recvmsg(1); }, {"timed out trying to receive"});
        ends.receiver.settimeout(std::nullopt);
        expect_failure<TimeoutError>([&] { ends.receiver.recvmsg(1, {.flags = MSG_DONTWAIT}); },
                                     {"timed out trying to receive"});
        if (ends.is_stream) {
            const std::string block(1 << 20, 'b');
            ends.sender.settimeout(20ms);
            expect_failure<TimeoutError>(
                [&] {
                    for (;;) ends.sender.sendmsg(block);
                },
                {"timed out trying to send"});
            ends.sender.settimeout(std::nullopt);
            expect_failure<TimeoutError>(
                [&] {
                    for (;;) ends.sender.sendmsg(block, {.flags = MSG_DONTWAIT});
                },
                {"timed out trying to send"});
        }
        ends.sender.close();
        expect_failure<OSError>([&] { ends.sender.sendmsg("x"); },
                                {"cannot send to ", "Bad file descriptor; the socket is closed"});
        expect_failure<OSError>([&] { ends.sender.recvmsg(1); }, {"Bad file descriptor"});
    }
    Socket unconnected(AF_INET, SOCK_DGRAM);
    const auto error = expect_failure<OSError>([&] { unconnected.sendmsg("x"); },
                                               {"cannot send to an unconnected socket: Destination address"});
    EXPECT_TRUE(error && error->code() == EDESTADDRREQ);
}

// The end of a stream, and of a seqpacket connection, is a message of no bytes.
TEST(PythonMessages, TheEnd) {
    for (Ends& ends : all_kinds()) {
        if (!ends.is_stream && ends.receiver.type() != SOCK_SEQPACKET) continue;
        SCOPED_TRACE(ends.name);
        ends.sender.sendall("last");
        ends.sender.close();
        EXPECT_EQ(ends.receiver.recvmsg(100).data, "last");
        const ReceivedMessage end = ends.receiver.recvmsg(100, {.max_descriptors = 5, .ancillary_size = 100});
        EXPECT_EQ(end.size, 0u);
        EXPECT_FALSE(end.ancillary_truncated());
    }
}

ControlMessage rights(std::string_view bytes) { return {SOL_SOCKET, SCM_RIGHTS, std::string(bytes)}; }

std::string as_bytes(int value) { return {reinterpret_cast<const char*>(&value), sizeof value}; }

// Descriptors given as raw control messages arrive like others: in one message or in several, none at all,
// and half a number is no descriptor.
TEST(PythonMessages, RawRights) {
    const UniqueFd file(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    const std::string fd = as_bytes(file.get());
    const struct {
        std::vector<ControlMessage> sent;
        std::size_t received;
    } table[] = {
        {{rights(fd)}, 1},
        {{rights(fd + fd)}, 2},
        {{rights(fd), rights(fd)}, 2},
        {{rights("")}, 0},
        {{rights(fd + fd.substr(0, 3))}, 1},
        {{rights(fd), rights(fd.substr(0, 2)), rights(fd)}, 2},
    };
    const std::size_t before = testing::open_descriptors();
    for (const int type : {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET}) {
        for (const auto& [sent, received] : table) {
            auto [here, there] = Socket::pair(type);
            here.sendmsg("x", {.ancillary = sent});
            const ReceivedMessage message = there.recv_fds(10);
            EXPECT_EQ(message.data, "x");
            EXPECT_EQ(message.descriptors.size(), received);
        }
    }
    EXPECT_EQ(testing::open_descriptors(), before);
}

int number_in(const ControlMessage& message) {
    int value = -1;
    if (message.data.size() == sizeof value) std::memcpy(&value, message.data.data(), sizeof value);
    return value;
}

// Hop limit and traffic class travel both ways beside IPv6 datagrams (RFC 3542 §6.3, §6.5).
TEST(PythonMessages, HopLimitAndTrafficClass) {
    Socket receiver(AF_INET6, SOCK_DGRAM);
    receiver.bind({"::1", 0});
    receiver.setsockopt(IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1);
    receiver.setsockopt(IPPROTO_IPV6, IPV6_RECVTCLASS, 1);
    Socket sender(AF_INET6, SOCK_DGRAM);
    const ControlMessage beside[] = {{IPPROTO_IPV6, IPV6_HOPLIMIT, as_bytes(2)},
                                     {IPPROTO_IPV6, IPV6_TCLASS, as_bytes(0x20)}};
    const std::size_t room = 2 * CMSG_SPACE(sizeof(int));
    sender.sendmsg("x", {.ancillary = beside, .address = receiver.getsockname()});
    const ReceivedMessage message = receiver.recvmsg(10, {.ancillary_size = room});
    EXPECT_FALSE(message.ancillary_truncated());
    ASSERT_EQ(message.ancillary.size(), 2u);
    for (const ControlMessage& one : message.ancillary) {
        EXPECT_EQ(one.level, IPPROTO_IPV6);
        EXPECT_EQ(number_in(one), one.type == IPV6_HOPLIMIT ? 2 : 0x20);
    }
    // Whatever the room, the bytes come, and what is short of room is told.
    for (const std::size_t short_room : {std::size_t{0}, std::size_t{1}, CMSG_LEN(0) - 1, CMSG_LEN(0),
                                         CMSG_LEN(sizeof(int)) - 1, CMSG_SPACE(sizeof(int)), room - 1}) {
        SCOPED_TRACE(short_room);
        sender.sendto("y", receiver.getsockname());
        const ReceivedMessage cut = receiver.recvmsg(10, {.ancillary_size = short_room});
        EXPECT_EQ(cut.data, "y");
        EXPECT_EQ(cut.ancillary_truncated(), short_room != room - 1 || cut.ancillary.size() < 2);
    }
    const ControlMessage odd[] = {{IPPROTO_IPV6, IPV6_HOPLIMIT, "\x02"}};
    expect_failure<OSError>(
        [&] { sender.sendmsg("x", {.ancillary = odd, .address = receiver.getsockname()}); },
        {"cannot send to [::1]:", "Invalid argument"});
}

}  // namespace
}  // namespace thrum
