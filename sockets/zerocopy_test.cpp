// thrum/sockets/zerocopy_test.cpp: floor 2, sockets
// Bytes sent from where they lie all arrive, and once the call is over nobody reads them any more.
#include <thrum/sockets/internal/socket_fixture.hpp>
#include <thrum/sockets/socket.hpp>
#include <thrum/testing/failures.hpp>
#include <thrum/testing/process.hpp>
#include <thrum/threads/event.hpp>
#include <thrum/threads/thread.hpp>

#include <fcntl.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <thread>

namespace thrum {
namespace {

using namespace std::chrono_literals;
using internal::tcp_pair;
using testing::expect_failure;

constexpr std::size_t much = 8'000'000;

bool tried_in_place(const Socket& socket) { return socket.getsockopt(SOL_SOCKET, SO_ZEROCOPY) == 1; }

std::string received(Socket& socket) {
    std::string all;
    for (;;) {
        const std::string piece = socket.recv(1 << 20);
        if (piece.empty()) return all;
        all += piece;
    }
}

// Every byte arrives, from a thrum thread and from an ordinary one, and to our own address the kernel says
// that it copied; a socket that has been told so copies from then on.
TEST(Zerocopy, BytesArrive) {
    std::string data(much, '\0');
    for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<char>(i * 31 >> 3);
    const auto exchange = [&] {
        auto [here, there] = tcp_pair();
        Thread sending([&, &here = here] {
            for (int i = 0; i < 2; ++i) {
                const ZerocopyResult result = here.sendall_zerocopy(data);
                EXPECT_EQ(result.in_place + result.copied, data.size());
                EXPECT_EQ(result.copied, data.size()) << "loopback copies";
            }
            EXPECT_TRUE(tried_in_place(here));
            here.close();
        });
        const std::string all = received(there);
        sending.join();
        EXPECT_EQ(all.size(), 2 * data.size());
        EXPECT_TRUE(all == data + data);
    };
    exchange();
    Thread(exchange).join();
    std::thread(exchange).join();
}

// What is small, no TCP, or met no free descriptor is copied, and says so.
TEST(Zerocopy, WhereItDoesNotPayItCopies) {
    auto [tcp, tcp_peer] = tcp_pair();
    EXPECT_EQ(tcp.sendall_zerocopy("").copied, 0u);
    EXPECT_EQ(tcp.sendall_zerocopy(std::string(least_zerocopy_size - 1, 'x')).copied,
              least_zerocopy_size - 1);
    const std::string large(least_zerocopy_size, 'x');
    {
        const testing::NoDescriptorsLeft none;
        EXPECT_EQ(tcp.sendall_zerocopy(large).copied, large.size());
    }
    EXPECT_FALSE(tried_in_place(tcp));
    auto [unix, unix_peer] = Socket::pair();
    Thread reading([&peer = unix_peer] { peer.recv(1 << 20); });
    EXPECT_EQ(unix.sendall_zerocopy(large).copied, large.size());
    auto [packets, packets_peer] = Socket::pair(SOCK_SEQPACKET);
    EXPECT_EQ(packets.sendall_zerocopy(large).copied, large.size());
    EXPECT_EQ(packets_peer.recv(1 << 20).size(), large.size()) << "one message";
    expect_failure<OSError>([&] { Socket().sendall_zerocopy(large); }, {"Bad file descriptor"});
}

struct Ending {
    const char* how;
    std::function<void(Socket& here, Thread& sending)> act;
    const char* says;
};

// Whatever ends the call, the peer can no longer be sent what the caller writes there afterwards: it reads
// what was there before, and then meets a reset. No descriptor is left behind.
TEST(Zerocopy, NobodyReadsTheBytesAfterIt) {
    const Ending endings[] = {
        {"timeout", [](Socket&, Thread& sending) { sending.join(); },
         "timed out trying to send to 127.0.0.1:"},
        {"cancel",
         [](Socket&, Thread& sending) {
             sending.cancel();
             sending.join();
         },
         "cancelled"},
        {"close",
         [](Socket& here, Thread& sending) {
             here.close();
             sending.join();
         },
         "cannot send to 127.0.0.1:"},
    };
    for (const bool begins_with_less : {false, true}) {
        for (const Ending& ending : endings) {
            const std::size_t before = testing::open_descriptors();
            std::string said;
            {
                auto [here, there] = tcp_pair();
                if (std::string_view(ending.how) == "timeout") here.settimeout(internal::soon);
                // So much is taken at once, and the wait is for the peer's word alone.
                std::string data(begins_with_less ? least_zerocopy_size * 16 : much, 'x');
                if (begins_with_less) {
                    here.set_send_buffer(4 << 20);
                    there.set_receive_buffer(4096);
                }
                Event begun;
                Thread sending([&, &here = here] {
                    begun.set();
                    try {
                        here.sendall_zerocopy(data);
                        said = "nothing";
                    } catch (const std::exception& error) {
                        said = error.what();
                    } catch (const Cancelled&) {
                        said = "cancelled";
                    }
                    std::fill(data.begin(), data.end(), 'y');
                });
                begun.wait();
                there.descriptor().wait(Direction::read);  // something has been sent
                ending.act(here, sending);
                EXPECT_NE(said.find(ending.says), said.npos) << ending.how << ": " << said;
                EXPECT_TRUE(std::all_of(data.begin(), data.end(), [](char c) { return c == 'y'; }));
                std::string got;
                expect_failure<ConnectionResetError>(
                    [&, &there = there] {
                        for (;;) {
                            const std::string piece = there.recv(1 << 20);
                            if (piece.empty()) return;
                            got += piece;
                        }
                    },
                    {"cannot receive from 127.0.0.1:"});
                EXPECT_EQ(got.find('y'), got.npos) << ending.how;
            }
            EXPECT_EQ(testing::open_descriptors(), before) << ending.how;
        }
    }
}

// A peer that breaks the connection, or has ended its own way, is met as by any other call.
TEST(Zerocopy, Peers) {
    const std::string data(much, 'x');
    {
        auto [here, there] = tcp_pair();
        there.set_linger(0s);
        Thread leaving([&there = there] {
            there.recv(1000);
            there.close();
        });
        expect_failure<ConnectionError>([&, &here = here] { here.sendall_zerocopy(data); },
                                        {"cannot send to 127.0.0.1:"});
    }
    auto [here, there] = tcp_pair();
    there.shutdown(SHUT_WR);
    Thread sending([&, &here = here] {
        EXPECT_EQ(here.recv(1), "");
        EXPECT_EQ(here.sendall_zerocopy(data).copied, data.size());
        here.close();
    });
    EXPECT_EQ(received(there).size(), data.size());
}

// A thread that receives on the same socket meanwhile is not disturbed.
TEST(Zerocopy, BothWaysAtOnce) {
    auto [here, there] = tcp_pair();
    const std::string data(much, 'x');
    const auto both = [&](Socket& socket) {
        Thread sending([&] {
            socket.sendall_zerocopy(data);
            socket.shutdown(SHUT_WR);
        });
        EXPECT_EQ(received(socket).size(), data.size());
        sending.join();
    };
    Thread other([&, &there = there] { both(there); });
    both(here);
    other.join();
}

}  // namespace
}  // namespace thrum
