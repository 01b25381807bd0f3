// thrum/sockets/network_test.cpp: floor 2, sockets
// What a broken network does to connections, in networks that the tests make and break.
#include <thrum/sockets/connection.hpp>
#include <thrum/sockets/server.hpp>
#include <thrum/testing/failures.hpp>
#include <thrum/testing/own_network.hpp>
#include <thrum/threads/thread.hpp>

#include <gtest/gtest.h>
#include <netinet/in.h>

#include <optional>
#include <string>

namespace thrum {
namespace {

using namespace std::chrono_literals;
using testing::expect_failure;
using testing::in_own_network;
using testing::ip;
using testing::Link;

// A connection over the link: our end, and the one at the far side.
struct Connected {
    explicit Connected(const Link& link, const char* host = "10.9.0.2") {
        std::optional<Socket> listener;
        link.at_far([&] { listener = create_server({host, 0}); });
        there = listener->getsockname();
        near = create_connection(there);
        far = listener->accept().first;
    }
    Address there;
    Socket near;
    Socket far;
};

// A route that says no gives each refusal its own code and words, for streams and datagrams, in both
// families.
TEST(Network, RoutesThatRefuse) {
    if (!in_own_network()) return;
    ip("link set lo up");
    const struct {
        const char* kind;
        const char* network;
        const char* host;
        int code;
        const char* words;
    } table[] = {
        {"", "", "203.0.113.1", ENETUNREACH, "Network is unreachable"},
        {"", "", "2001:db8:ffff::1", ENETUNREACH, "Network is unreachable"},
        {"unreachable", "10.1.0.0/16", "10.1.0.1", EHOSTUNREACH, "No route to host"},
        {"unreachable", "2001:db8:1::/48", "2001:db8:1::1", EHOSTUNREACH, "No route to host"},
        {"prohibit", "10.2.0.0/16", "10.2.0.1", EACCES, "Permission denied"},
        {"prohibit", "2001:db8:2::/48", "2001:db8:2::1", EACCES, "Permission denied"},
        {"blackhole", "10.3.0.0/16", "10.3.0.1", EINVAL, "Invalid argument"},
        {"blackhole", "2001:db8:3::/48", "2001:db8:3::1", EINVAL, "Invalid argument"},
    };
    for (const auto& [kind, network, host, code, words] : table) {
        if (*kind != '\0') ip(std::string("route add ") + kind + " " + network);
        const Address where(host, 80);
        SCOPED_TRACE(where.to_string());
        const auto expect_code = [&, code = code, words = words](const char* doing, auto&& act) {
            const auto error = expect_failure<OSError>(act, {std::string(doing) + where.to_string(), words});
            EXPECT_TRUE(error && error->code() == code) << error->code();
        };
        expect_code("cannot connect to ", [&] { create_connection(where); });
        expect_code("cannot connect to ", [&] { Socket(where.family(), SOCK_STREAM).connect(where); });
        expect_code("cannot send to ", [&] { Socket(where.family(), SOCK_DGRAM).sendto("x", where); });
        EXPECT_EQ(Socket(where.family(), SOCK_STREAM).connect_ex(where), code);
    }
    EXPECT_THROW(create_connection({"10.2.0.1", 80}), PermissionError);
    expect_failure<OSError>([] { create_connection({"10.3.0.1", 80}); }, {"a blackhole route leads there"});
    expect_failure<OSError>(
        [] {
            Socket(AF_INET, SOCK_STREAM).connect({"10.3.0.1", 80});
        },
        {"a blackhole route leads there"});
}

// Where nobody answers at all our deadline ends the attempt, and without one the kernel says that there is
// nobody of that address on the link.
TEST(Network, NobodyThere) {
    if (!in_own_network()) return;
    const Link link;
    const Address nobody("10.9.0.77", 80);
    expect_failure<TimeoutError>([&] { create_connection(nobody, {.timeout = 50ms}); },
                                 {"timed out trying to connect to 10.9.0.77:80 within 50 ms"});
    const auto error = expect_failure<OSError>([&] { create_connection(nobody); },
                                               {"cannot connect to 10.9.0.77:80: No route to host"});
    EXPECT_TRUE(error && error->code() == EHOSTUNREACH);
}

// With TCP_USER_TIMEOUT, bytes that nobody acknowledges end the connection, though no link was seen to fail,
// and the error names the peer; who waits to receive hears of it too.
TEST(Network, UserTimeoutEndsADeadConnection) {
    if (!in_own_network()) return;
    const Link link;
    Connected pair(link);
    pair.near.set_user_timeout(300ms);
    pair.near.sendall("alive");
    EXPECT_EQ(pair.far.recv(10), "alive");
    link.at_far([] { ip("addr del 10.9.0.2/24 dev far"); });
    pair.near.sendall("into the void");
    const auto error = expect_failure<TimeoutError>(
        [&] { pair.near.recv(1); }, {"timed out trying to receive from " + pair.there.to_string()});
    EXPECT_TRUE(error && error->code() == ETIMEDOUT);
    expect_failure<OSError>([&] { pair.near.sendall("more"); }, {"cannot send to " + pair.there.to_string()});
}

// With keep-alive an idle connection finds out that its peer is gone.
TEST(Network, KeepaliveFindsADeadPeer) {
    if (!in_own_network()) return;
    const Link link;
    Connected pair(link);
    pair.near.set_keepalive(true, {.idle = 1s, .interval = 1s, .count = 1});
    Thread receiving([&] {
        expect_failure<TimeoutError>([&] { pair.near.recv(1); },
                                     {"timed out trying to receive from " + pair.there.to_string()});
    });
    link.at_far([] { ip("addr del 10.9.0.2/24 dev far"); });
    receiving.join();
}

// A link that goes down for a while costs time and no bytes; both sides wait, and go on when it is back.
TEST(Network, LinkDownForAWhile) {
    if (!in_own_network()) return;
    const Link link;
    for (const char* const host : {"10.9.0.2", "2001:db8:9::2"}) {
        Connected pair(link, host);
        const std::string much(3 << 20, 'm');
        Thread sending([&] {
            pair.near.sendall(much);
            pair.near.shutdown_write();
        });
        std::string got = pair.far.recv(1000);
        link.at_far([] { ip("link set far down"); });
        pair.far.settimeout(50ms);
        try {
            for (;;) got += pair.far.recv(1 << 20);  // what had come already
        } catch (const TimeoutError&) {
        }
        EXPECT_LT(got.size(), much.size());
        link.at_far([] {
            ip("link set far up");
            ip("addr replace 2001:db8:9::2/64 dev far nodad");
        });
        pair.far.settimeout(std::nullopt);
        got += pair.far.recv_all();
        sending.join();
        EXPECT_TRUE(got == much) << got.size();
    }
}

// An address that vanishes takes its listeners and connections with it, each in words; its clients' server
// goes on with others.
TEST(Network, AddressesVanish) {
    if (!in_own_network()) return;
    const Link link;
    ip("addr add 10.9.0.5/24 dev near");
    Socket from_it = create_server({"10.9.0.5", 0});
    const Address was = from_it.getsockname();
    EXPECT_NO_THROW(create_connection(was));
    ip("addr del 10.9.0.5/24 dev near");
    expect_failure<OSError>([&] { create_connection(was, {.timeout = 5s}); }, {was.to_string()});
    expect_failure<OSError>([&] { create_server(was); }, {was.to_string(), "no interface"});
    Connected pair(link);
    expect_failure<OSError>([&] { create_connection(pair.there, {.source = Address("10.9.0.5", 0)}); },
                            {pair.there.to_string(), "Cannot assign requested address"});
}

// An IPv6 that leads nowhere costs the race one delay, whether its route refuses or is silent.
TEST(Network, HappyEyeballsPassABrokenIPv6) {
    if (!in_own_network("10.9.0.2 broken.test\n2001:db8:9::2 broken.test\n"
                        "10.9.0.2 silent.test\n2001:db8:9::77 silent.test\n"))
        return;
    const Link link;
    std::optional<Socket> listener;
    link.at_far([&] { listener = create_server({"10.9.0.2", 0}); });
    const int port = listener->getsockname().port();
    ip("-6 route add blackhole 2001:db8:9::2/128");
    for (const char* const name : {"broken.test", "silent.test"}) {
        Socket client = create_connection({name, port}, {.timeout = 60s, .attempt_delay = 10ms});
        EXPECT_EQ(client.getpeername(), listener->getsockname()) << name;
        listener->accept().first.sendall("by IPv4");
        EXPECT_EQ(client.recv_all(), "by IPv4");
    }
    expect_failure<OSError>(
        [&] {
            create_connection({"broken.test", 9}, {.attempt_delay = 10ms});
        },
        {"cannot connect to broken.test:9, tried", "[2001:db8:9::2]:9", "10.9.0.2:9", "Connection refused"});
}

// A datagram larger than the path takes is refused where it may not be parted, and says so.
TEST(Network, DatagramsLargerThanTheLink) {
    if (!in_own_network()) return;
    const Link link;
    ip("link set near mtu 1300");
    Socket sender(AF_INET, SOCK_DGRAM);
    const Address there("10.9.0.2", 9);
    sender.setsockopt(IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO);
    EXPECT_EQ(sender.sendto(std::string(1272, 'x'), there), 1272u);
    const auto error = expect_failure<OSError>([&] { sender.sendto(std::string(1273, 'x'), there); },
                                               {"cannot send to 10.9.0.2:9: Message too long"});
    EXPECT_TRUE(error && error->code() == EMSGSIZE);
    sender.setsockopt(IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT);
    EXPECT_EQ(sender.sendto(std::string(5000, 'x'), there), 5000u) << "in parts it goes";
}

}  // namespace
}  // namespace thrum
