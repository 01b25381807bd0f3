// thrum/sockets/connection_test.cpp: floor 2, sockets
#include <thrum/sockets/connection.hpp>

#include <gtest/gtest.h>
#include <netinet/in.h>

namespace thrum {
namespace {

using namespace std::chrono_literals;

std::string message_of(const auto& act) {
    try {
        act();
    } catch (const std::exception& error) {
        return error.what();
    }
    return "nothing was thrown";
}

// A name with addresses of two families is tried at each of them.
TEST(Connection, TriesEachAddress) {
    Socket six = create_server({"::1", 0});
    const int port = six.getsockname().port();
    Socket client = create_connection({"localhost", port});  // 127.0.0.1 refuses, ::1 answers
    EXPECT_EQ(client.getpeername(), six.getsockname());
}

// When all fail, each is named with its own reason.
TEST(Connection, NamesEachAddressThatFailed) {
    const int port = create_server({"127.0.0.1", 0}).getsockname().port();
    const std::string number = std::to_string(port);
    EXPECT_EQ(message_of([&] {
                  create_connection({"localhost", port});
              }),
              "cannot connect to localhost:" + number + ", tried 127.0.0.1:" + number +
                  " (Connection refused) and [::1]:" + number + ": Connection refused");
    EXPECT_THROW(create_connection({"localhost", port}), ConnectionRefusedError);
}

// The timeout bounds the attempt, says so, and stays on the socket that was made.
TEST(Connection, TimeoutBoundsAndStays) {
    Socket roomy = create_server({"127.0.0.1", 0});
    EXPECT_EQ(create_connection(roomy.getsockname(), {.timeout = 60s}).gettimeout(), 60s);
    EXPECT_EQ(create_connection(roomy.getsockname()).gettimeout(), std::nullopt);
    Socket server = create_server({"127.0.0.1", 0}, {.backlog = 0});
    // The queue is full: the kernel drops further handshakes, as a host behind a firewall would.
    std::vector<Socket> queued;
    const std::string message = message_of([&] {
        for (int i = 0; i < 10; ++i)
            queued.push_back(create_connection(server.getsockname(), {.timeout = 30ms}));
    });
    EXPECT_EQ(message,
              "timed out trying to connect to " + server.getsockname().to_string() + " within 30 ms");
}

// A connection can come from an address of the caller's choice.
TEST(Connection, SourceAddress) {
    Socket server = create_server({"127.0.0.1", 0});
    Socket client = create_connection(server.getsockname(), {.source = Address("127.0.0.2", 0)});
    EXPECT_EQ(server.accept().second.host(), "127.0.0.2");
    EXPECT_THROW(create_connection(server.getsockname(), {.source = Address("192.0.2.1", 0)}), OSError);
}

// "" is every IPv4 interface, as in Python; dual_stack makes it both families on one socket.
TEST(Connection, EveryInterface) {
    EXPECT_EQ(create_server({"", 0}).getsockname().host(), "0.0.0.0");
    Socket both = create_server({"", 0}, {.dual_stack = true});
    EXPECT_EQ(both.getsockname().host(), "::");
    for (const char* host : {"127.0.0.1", "::1"}) {
        Socket client = create_connection({host, both.getsockname().port()});
        both.accept().first.sendall(host);
        EXPECT_EQ(client.recv_all(), host);
    }
    Socket six = create_server({"::", 0});
    EXPECT_THROW(create_connection({"127.0.0.1", six.getsockname().port()}), ConnectionRefusedError);
}

// Several servers share a port when each asks to, and not otherwise.
TEST(Connection, ReusePort) {
    Socket first = create_server({"127.0.0.1", 0}, {.reuse_port = true});
    Socket second = create_server(first.getsockname(), {.reuse_port = true});
    EXPECT_EQ(first.getsockname(), second.getsockname());
    EXPECT_THROW(create_server(first.getsockname()), OSError);
}

}  // namespace
}  // namespace thrum
