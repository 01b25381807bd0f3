// thrum/sockets/accept_test.cpp: floor 2, sockets
// A client that cannot be told apart is refused, and leaves no descriptor behind.
#include <thrum/sockets/connection.hpp>
#include <thrum/sockets/socket.hpp>
#include <thrum/testing/failures.hpp>
#include <thrum/testing/process.hpp>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>

namespace {

// Gives accepted clients an address of a family that thrum does not know, as a socket of that family would
// that came by Socket::from_fd(); few machines have one.
std::atomic<bool> clients_are_strange = false;

}  // namespace

// Stands in for the C library's in this program.
extern "C" int accept4(int listener, sockaddr* address, socklen_t* size, int flags) {
    const auto fd = static_cast<int>(::syscall(SYS_accept4, listener, address, size, flags));
    if (fd >= 0 && address != nullptr && clients_are_strange) address->sa_family = AF_X25;
    return fd;
}

namespace thrum {
namespace {

using namespace std::chrono_literals;

// The client sees its connection end, and the server keeps nothing of it.
TEST(Accept, KeepsNothingOfAStranger) {
    Socket server = create_server({"127.0.0.1", 0});
    const auto refuse = [&server] {
        Socket client = create_connection(server.getsockname(), {.timeout = 20s});
        testing::expect_failure<AddressError>([&] { server.accept(); },
                                              {"is not one of IPv4, IPv6 and Unix"});
        EXPECT_EQ(client.recv_all(), "");
    };
    clients_are_strange = true;
    refuse();
    const std::size_t before = testing::open_descriptors();
    for (int i = 0; i < 5; ++i) refuse();
    clients_are_strange = false;
    EXPECT_LE(testing::open_descriptors(), before) << "fewer: what a test before left has ended";
    Socket client = create_connection(server.getsockname());
    server.accept().first.sendall("welcome");
    EXPECT_EQ(client.recv_all(), "welcome");
}

}  // namespace
}  // namespace thrum
