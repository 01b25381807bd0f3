// thrum/sockets/connection_race_test.cpp: floor 2, sockets
// Of several addresses the first that answers wins, and a silent one costs no more than the delay.
#include <thrum/sockets/internal/connection_race.hpp>
#include <thrum/testing/failures.hpp>
#include <thrum/testing/network.hpp>
#include <thrum/testing/process.hpp>
#include <thrum/threads/thread.hpp>

#include <gtest/gtest.h>

namespace thrum::internal {
namespace {

using namespace std::chrono_literals;
using testing::expect_failure;

const Address target("both.example", 80);

// A listener whose queue is full: the kernel drops further handshakes, as a firewall or a broken route would.
class Blackhole {
public:
    explicit Blackhole(const char* host) : server_(create_server({host, 0}, {.backlog = 0})) {
        try {
            for (;;) queued_.push_back(create_connection(address(), {.timeout = 30ms}));
        } catch (const TimeoutError&) {
        }
    }
    Address address() const { return server_.getsockname(); }
    // Lets those in that ask again (RFC 6298 §2: after a second).
    void open() {
        while (accepted_.size() < queued_.size()) accepted_.push_back(server_.accept().first);
    }

private:
    Socket server_;
    std::vector<Socket> queued_;
    std::vector<Socket> accepted_;
};

// Nobody has tried to connect there.
void expect_nobody(Socket& server) {
    server.settimeout(0ns);
    EXPECT_THROW(server.accept(), TimeoutError);
}

Address refusing(const char* host) { return {host, testing::free_port()}; }

// The families take turns, beginning with the one that was sorted first, each in its own order.
TEST(ConnectionRace, FamiliesInTurn) {
    const Address a("192.0.2.1", 1), b("192.0.2.2", 1), c("192.0.2.3", 1), d("2001:db8::1", 1),
        e("2001:db8::2", 1);
    EXPECT_EQ(interleaved({a, b, c, d, e}), (std::vector<Address>{a, d, b, e, c}));
    EXPECT_EQ(interleaved({d, e, a}), (std::vector<Address>{d, a, e}));
    EXPECT_EQ(interleaved({a, b}), (std::vector<Address>{a, b}));
    EXPECT_TRUE(interleaved({}).empty());
}

// A silent address is not waited for to the end: the next wins, and the attempts that lost are closed.
TEST(ConnectionRace, SilentAddressesArePassedOver) {
    const Blackhole silent("127.0.0.2");
    const Blackhole silent_too("::1");
    Socket server = create_server({"127.0.0.1", 0});
    const std::vector<Address> addresses = {silent.address(), silent_too.address(), server.getsockname()};
    for (int i = 0; i < 2; ++i) {  // from main, then from a thread of thrum
        const auto connect = [&] {
            const std::size_t before = testing::open_descriptors();
            Socket client = connect_any(addresses, target, {.timeout = 60s, .attempt_delay = 10ms});
            EXPECT_EQ(client.getpeername(), server.getsockname());
            EXPECT_EQ(client.peer_name(), server.getsockname().to_string());
            EXPECT_EQ(client.gettimeout(), 60s);
            EXPECT_EQ(testing::open_descriptors(), before + 1);
            server.accept().first.sendall("through");
            EXPECT_EQ(client.recv(100), "through");
        };
        i == 0 ? connect() : Thread(connect).join();
    }
}

// An address that answers in time keeps the next from being tried at all.
TEST(ConnectionRace, TheFirstIsEnough) {
    Socket first = create_server({"127.0.0.1", 0});
    Socket second = create_server({"127.0.0.2", 0});
    const std::vector<Address> addresses = {first.getsockname(), second.getsockname()};
    EXPECT_EQ(connect_any(addresses, target, {.attempt_delay = 1h}).getpeername(), first.getsockname());
    expect_nobody(second);
}

// A failure begins the next attempt at once, however long the delay.
TEST(ConnectionRace, FailureDoesNotWaitForTheDelay) {
    Socket server = create_server({"127.0.0.1", 0});
    const std::vector<Address> addresses = {refusing("127.0.0.2"), refusing("::1"), server.getsockname()};
    EXPECT_EQ(connect_any(addresses, target, {.attempt_delay = 1h}).getpeername(), server.getsockname());
}

// An attempt that others were begun beside may still win.
TEST(ConnectionRace, TheSlowMayWin) {
    Blackhole slow("127.0.0.2");
    const Blackhole silent("127.0.0.3");
    const std::vector<Address> addresses = {slow.address(), silent.address(), refusing("127.0.0.4")};
    Address peer;
    Thread connecting([&] {
        peer = connect_any(addresses, target, {.timeout = 60s, .attempt_delay = 10ms}).getpeername();
    });
    connecting.join_for(50ms);
    slow.open();
    connecting.join();
    EXPECT_EQ(peer, slow.address());
}

// When all fail, each is named with its own cause; what was refused and what did not answer are told apart.
TEST(ConnectionRace, EachFailureIsNamed) {
    const std::vector<Address> refused = {refusing("127.0.0.2"), refusing("::1"), refusing("127.0.0.3")};
    const std::string causes = refused[0].to_string() + " (Connection refused) and " +
                               refused[1].to_string() + " (Connection refused) and " +
                               refused[2].to_string() + ": Connection refused";
    expect_failure<ConnectionRefusedError>([&] { connect_any(refused, target, {}); },
                                           {"cannot connect to both.example:80, tried " + causes});
    const Blackhole silent("127.0.0.4");
    const Blackhole silent_too("127.0.0.5");
    const std::vector<Address> mixed = {silent.address(), refused[0], silent_too.address()};
    const std::size_t before = testing::open_descriptors();
    expect_failure<TimeoutError>(
        [&] { connect_any(mixed, target, {.timeout = 100ms, .attempt_delay = 10ms}); },
        {"timed out trying to connect to both.example:80 within 100 ms, at " + silent.address().to_string() +
         " and " + silent_too.address().to_string() + ", after " + refused[0].to_string() +
         " (Connection refused)"});
    const Timeout in_force(50ms);
    expect_failure<TimeoutError>([&] { connect_any({silent.address()}, silent.address(), {}); },
                                 {"timed out trying to connect to " + silent.address().to_string()});
    EXPECT_EQ(testing::open_descriptors(), before);
}

// A source address is of one family: addresses of the other fail, and say so.
TEST(ConnectionRace, SourceOfOneFamily) {
    Socket six = create_server({"::1", 0});
    Socket four = create_server({"127.0.0.1", 0});
    const std::vector<Address> addresses = {six.getsockname(), four.getsockname()};
    Socket client = connect_any(addresses, target, {.source = Address("127.0.0.9", 0)});
    EXPECT_EQ(client.getsockname().host(), "127.0.0.9");
    expect_nobody(six);
    expect_failure<OSError>(
        [&] { connect_any({six.getsockname()}, target, {.source = Address("127.0.0.9", 0)}); },
        {"tried [::1]:", "Address family not supported"});
}

// A cancelled race closes all it has begun.
TEST(ConnectionRace, Cancel) {
    const Blackhole silent("127.0.0.2");
    const Blackhole silent_too("127.0.0.3");
    const std::vector<Address> addresses = {silent.address(), silent_too.address()};
    Thread([] {}).join();
    const std::size_t before = testing::open_descriptors();
    Thread connecting([&] { connect_any(addresses, target, {.attempt_delay = 10ms}); });
    EXPECT_FALSE(connecting.join_for(50ms));
    connecting.cancel();
    connecting.join();
    EXPECT_EQ(testing::open_descriptors(), before);
}

// With no descriptor left each attempt says so.
TEST(ConnectionRace, DescriptorLimit) {
    const testing::NoDescriptorsLeft until_here;
    expect_failure<OSError>(
        [&] {
            connect_any({{"127.0.0.1", 1}, {"::1", 1}}, target, {});
        },
        {"tried 127.0.0.1:1 (Too many open files) and [::1]:1: Too many open files"});
}

}  // namespace
}  // namespace thrum::internal
