// thrum/sockets/socket_options_test.cpp: floor 2, sockets
// What the named options set is what the kernel then says and does.
#include <thrum/sockets/connection.hpp>
#include <thrum/sockets/socket.hpp>
#include <thrum/testing/failures.hpp>

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <algorithm>

namespace thrum {
namespace {

using namespace std::chrono_literals;
using testing::expect_failure;

// Each named option reads back as it was set, both ways.
TEST(SocketOptions, ReadBack) {
    Socket socket(AF_INET, SOCK_STREAM);
    for (const bool on : {false, true}) {
        socket.set_nodelay(on);
        EXPECT_EQ(socket.nodelay(), on);
        socket.set_keepalive(on);
        EXPECT_EQ(socket.keepalive(), on);
        socket.set_reuse_address(on);
        EXPECT_EQ(socket.getsockopt(SOL_SOCKET, SO_REUSEADDR), on ? 1 : 0);
        socket.set_reuse_port(on);
        EXPECT_EQ(socket.getsockopt(SOL_SOCKET, SO_REUSEPORT), on ? 1 : 0);
    }
    socket.set_keepalive(true, {.idle = 7s, .interval = 5s, .count = 3});
    EXPECT_EQ(socket.keepalive_times().idle, 7s);
    EXPECT_EQ(socket.keepalive_times().interval, 5s);
    EXPECT_EQ(socket.keepalive_times().count, 3);
    socket.set_keepalive(true, {.count = 4});
    EXPECT_EQ(socket.keepalive_times().idle, 7s) << "what is not said stays";
    EXPECT_EQ(socket.linger(), std::nullopt);
    for (const auto time : {std::optional(0s), std::optional(9s), std::optional<std::chrono::seconds>()}) {
        socket.set_linger(time);
        EXPECT_EQ(socket.linger(), time);
    }
    socket.set_receive_buffer(10'000);
    EXPECT_EQ(socket.receive_buffer(), 20'000u);
    socket.set_send_buffer(10'000);
    EXPECT_EQ(socket.send_buffer(), 20'000u);
    socket.set_user_timeout(1500ms);
    EXPECT_EQ(socket.getsockopt(IPPROTO_TCP, TCP_USER_TIMEOUT), 1500);
    socket.set_hops(5);
    EXPECT_EQ(socket.getsockopt(IPPROTO_IP, IP_TTL), 5);
    Socket six(AF_INET6, SOCK_DGRAM);
    six.set_hops(6);
    EXPECT_EQ(six.getsockopt(IPPROTO_IPV6, IPV6_UNICAST_HOPS), 6);
    six.set_v6only(true);
    EXPECT_EQ(six.getsockopt(IPPROTO_IPV6, IPV6_V6ONLY), 1);
    six.bind_to_interface("lo");
    EXPECT_EQ(std::string(six.getsockopt(SOL_SOCKET, SO_BINDTODEVICE, 16).c_str()), "lo");
}

// An option can be a structure, given and taken as such.
TEST(SocketOptions, Structures) {
    Socket socket(AF_INET, SOCK_STREAM);
    socket.setsockopt(SOL_SOCKET, SO_LINGER, ::linger{1, 7});
    EXPECT_EQ(socket.getsockopt<::linger>(SOL_SOCKET, SO_LINGER).l_linger, 7);
    EXPECT_EQ(socket.getsockopt<tcp_info>(IPPROTO_TCP, TCP_INFO).tcpi_state, TCP_CLOSE);
}

// What the kernel refuses names the option and the value.
TEST(SocketOptions, RefusalsNameTheOption) {
    Socket tcp(AF_INET, SOCK_STREAM);
    Socket local = Socket::pair().first;
    expect_failure<OSError>([&] { tcp.set_keepalive(true, {.idle = 40'000s}); },
                            {"cannot set TCP_KEEPIDLE to 40000: Invalid argument"});
    expect_failure<OSError>([&] { tcp.set_keepalive(true, {.idle = std::chrono::seconds::max()}); },
                            {"cannot set TCP_KEEPIDLE to 2147483647"});
    expect_failure<OSError>([&] { tcp.set_hops(300); }, {"cannot set IP_TTL to 300"});
    expect_failure<OSError>([&] { local.set_nodelay(); }, {"cannot set TCP_NODELAY to 1"});
    expect_failure<OSError>([&] { tcp.set_v6only(); }, {"IPV6_V6ONLY"});
    tcp.close();
    expect_failure<OSError>([&] { tcp.set_broadcast(); }, {"SO_BROADCAST", "Bad file descriptor"});
    expect_failure<OSError>([&] { tcp.nodelay(); }, {"TCP_NODELAY", "Bad file descriptor"});
}

// Interfaces have names and numbers, and those that are none are refused by name.
TEST(SocketOptions, Interfaces) {
    const NetworkInterface loopback("lo");
    EXPECT_EQ(loopback.name(), "lo");
    EXPECT_EQ(NetworkInterface(loopback.index()), loopback);
    const auto all = NetworkInterface::all();
    EXPECT_NE(std::find(all.begin(), all.end(), loopback), all.end());
    EXPECT_EQ(NetworkInterface().index(), 0);
    EXPECT_EQ(NetworkInterface().name(), "");
    for (const char* const name : {"no-such-if", "", "a-name-that-is-longer-than-any"}) {
        const auto error = expect_failure<AddressError>([&] { NetworkInterface{name}; },
                                                        {"no network interface '" + std::string(name) + "'"});
        EXPECT_TRUE(error && error->code() == ENODEV);
    }
    EXPECT_THROW(NetworkInterface{std::string("lo\0x", 4)}, AddressError);
    expect_failure<AddressError>([] { NetworkInterface{-1}; }, {"-1"});
    expect_failure<AddressError>([] { NetworkInterface(1 << 20).name(); }, {"1048576"});
}

// Who has joined the group on that interface hears it, until it leaves.
void expect_heard(const Address& group, NetworkInterface interface, Socket& sender) {
    Socket receiver(group.family(), SOCK_DGRAM);
    receiver.bind({group.family() == AF_INET ? "0.0.0.0" : "::", 0});
    const Address target = group.with_port(receiver.getsockname().port());
    receiver.join_group(group, interface);
    sender.sendto("heard", target);
    EXPECT_EQ(receiver.recv(100), "heard");
    receiver.leave_group(group, interface.index());
    sender.sendto("unheard", target);
    sender.sendto("direct", Address(group.family() == AF_INET ? "127.0.0.1" : "::1", target.port()));
    EXPECT_EQ(receiver.recv(100), "direct");
    expect_failure<OSError>([&] { receiver.leave_group(group, interface); },
                            {"cannot leave the group " + group.host(), "not joined"});
}

Socket group_sender(int family, NetworkInterface interface) {
    Socket sender(family, SOCK_DGRAM);
    sender.set_multicast_interface(interface);
    sender.set_multicast_hops(1);
    sender.set_multicast_loop(true);
    return sender;
}

TEST(SocketOptions, Multicast) {
    Socket sender = group_sender(AF_INET, "lo");
    expect_heard({"239.7.7.7", 0}, "lo", sender);
}

// The same for IPv6, with a group that never leaves the machine (RFC 4291 §2.7, scope 1), on an interface
// that knows groups: "lo" does not everywhere.
TEST(SocketOptions, MulticastOfIPv6) {
    for (const NetworkInterface interface : NetworkInterface::all()) {
        const Address group("ff01::7:7%" + interface.name(), 9);
        Socket sender = group_sender(AF_INET6, interface);
        try {
            sender.sendto("is there a route?", group);
        } catch (const OSError&) {
            Socket receiver(AF_INET6, SOCK_DGRAM);
            receiver.join_group(group, interface);
            receiver.leave_group(group, interface);
            continue;
        }
        expect_heard(group, interface, sender);
    }
}

// Of one source alone, where that is asked for.
TEST(SocketOptions, SourceSpecificMulticast) {
    const Address group("232.7.7.7", 0);
    Socket receiver(AF_INET, SOCK_DGRAM);
    receiver.bind({"0.0.0.0", 0});
    receiver.join_source_group(group, {"127.0.0.7", 0}, "lo");
    const Address target = group.with_port(receiver.getsockname().port());
    for (const char* const source : {"127.0.0.8", "127.0.0.7"}) {
        Socket sender(AF_INET, SOCK_DGRAM);
        sender.bind({source, 0});
        sender.set_multicast_interface("lo");
        sender.sendto(source, target);
    }
    EXPECT_EQ(receiver.recv(100), "127.0.0.7");
    receiver.leave_source_group(group, {"127.0.0.7", 0}, "lo");
    expect_failure<OSError>(
        [&] {
            receiver.leave_source_group(group, {"127.0.0.7", 0}, "lo");
        },
        {"cannot leave the group 232.7.7.7 from 127.0.0.7"});
}

// What is no group, or of the wrong family, is refused.
TEST(SocketOptions, GroupsThatAreNone) {
    Socket four(AF_INET, SOCK_DGRAM);
    Socket six(AF_INET6, SOCK_DGRAM);
    expect_failure<OSError>(
        [&] {
            four.join_group({"127.0.0.1", 0}, "lo");
        },
        {"cannot join the group 127.0.0.1 on interface", "224.0.0.0/4"});
    expect_failure<OSError>([&] { six.join_group({"::1", 0}, "lo"); }, {"cannot join the group ::1"});
    expect_failure<AddressError>([&] { four.join_group({"ff01::1", 0}); }, {"ff01::1", "IPv4"});
    expect_failure<OSError>([&] { four.join_group({"239.7.7.7", 0}, 1 << 20); }, {"interface 1048576"});
}

// A datagram to everybody goes out once it is allowed, and not before.
TEST(SocketOptions, Broadcast) {
    Socket receiver(AF_INET, SOCK_DGRAM);
    receiver.bind({"", 0});
    const Address everybody("127.255.255.255", receiver.getsockname().port());
    Socket sender(AF_INET, SOCK_DGRAM);
    expect_failure<PermissionError>([&] { sender.sendto("x", everybody); },
                                    {"cannot send to 127.255.255.255:", "Permission denied"});
    sender.set_broadcast();
    sender.sendto("to all", everybody);
    EXPECT_EQ(receiver.recv(100), "to all");
}

}  // namespace
}  // namespace thrum
