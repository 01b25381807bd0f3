// thrum/sockets/datagram_batch_test.cpp: floor 2, sockets
// Many datagrams in one call arrive as they would one by one.
#include <thrum/sockets/datagram_batch.hpp>
#include <thrum/sockets/socket.hpp>
#include <thrum/testing/failures.hpp>
#include <thrum/testing/network.hpp>
#include <thrum/testing/process.hpp>
#include <thrum/threads/thread.hpp>

#include <gtest/gtest.h>

#include <algorithm>

namespace thrum {
namespace {

using namespace std::chrono_literals;
using testing::expect_failure;

Socket bound(const Address& address) {
    Socket socket(address.family(), SOCK_DGRAM);
    socket.bind(address);
    return socket;
}

std::vector<std::string> texts(const DatagramBatch& batch) {
    std::vector<std::string> all;
    for (const auto& datagram : batch) all.emplace_back(datagram.data());
    return all;
}

// What one batch sends another receives, with boundaries and senders, empty datagrams too, in each family;
// and a received batch can be sent back as it is.
TEST(DatagramBatch, ThereAndBack) {
    const testing::TemporaryDirectory folder;
    const std::pair<Address, Address> table[] = {
        {{"127.0.0.1", 0}, {"127.0.0.1", 0}},
        {{"::1", 0}, {"::1", 0}},
        {Address::unix_path(folder / "a"), Address::unix_path(folder / "b")},
    };
    for (const auto& [here, there] : table) {
        Socket client = bound(here);
        Socket server = bound(there);
        const std::vector<std::string> sent = {"one", "", "three", std::string(1000, 'x')};
        DatagramBatch out(sent.size(), 0);
        for (const std::string& text : sent) EXPECT_TRUE(out.add(text, server.getsockname()));
        EXPECT_FALSE(out.add("no room", server.getsockname()));
        client.send_batch(out);
        EXPECT_EQ(out.sent(), sent.size());
        DatagramBatch in;
        EXPECT_EQ(server.recv_batch(in), sent.size());
        EXPECT_EQ(texts(in), sent);
        for (const auto& datagram : in) {
            EXPECT_EQ(datagram.address(), client.getsockname());
            EXPECT_FALSE(datagram.truncated());
        }
        server.send_batch(in);
        DatagramBatch back;
        EXPECT_EQ(client.recv_batch(back), sent.size());
        EXPECT_EQ(texts(back), sent);
        out.clear();
        EXPECT_TRUE(out.empty());
        EXPECT_TRUE(out.add("used again", server.getsockname()));
        client.send_batch(out);
        server.recv_batch(in);
        EXPECT_EQ(texts(in), std::vector<std::string>{"used again"});
    }
}

// No more come than there is room for, the others come next, and what does not fit says so.
TEST(DatagramBatch, Bounds) {
    Socket receiver = bound({"127.0.0.1", 0});
    Socket sender(AF_INET, SOCK_DGRAM);
    sender.connect(receiver.getsockname());
    DatagramBatch out(5, 0);
    for (const char* const text : {"1", "2", "three", "4", "5"}) EXPECT_TRUE(out.add(text));
    sender.send_batch(out);
    DatagramBatch in(3, 4);
    EXPECT_EQ(receiver.recv_batch(in), 3u);
    EXPECT_EQ(texts(in), (std::vector<std::string>{"1", "2", "thre"}));
    EXPECT_TRUE(std::next(in.begin(), 2)->truncated());
    EXPECT_FALSE(in.begin()->truncated());
    EXPECT_EQ(receiver.recv_batch(in), 2u);
    EXPECT_EQ(texts(in), (std::vector<std::string>{"4", "5"}));
    for (const auto& [count, size] : {std::pair<std::size_t, std::size_t>{0, 1}, {1025, 1}, {1, 65537}}) {
        expect_failure<OSError>([count = count, size = size] { DatagramBatch(count, size); },
                                {"cannot make a batch of " + std::to_string(count), "1 to 1024"});
    }
}

// A run of bytes goes out as datagrams of the size asked for; with UDP_GRO they may arrive as one message,
// and still count one by one.
TEST(DatagramBatch, Segments) {
    for (const bool together : {false, true}) {
        for (const char* const host : {"127.0.0.1", "::1"}) {
            Socket receiver = bound({host, 0});
            receiver.set_receive_segments(together);
            Socket sender = bound({host, 0});
            std::string run(64 * 1000, 'a');
            for (std::size_t i = 0; i < run.size(); ++i) run[i] = static_cast<char>('a' + i / 1000 % 26);
            run += "the short end";
            run.erase(0, 1000);
            DatagramBatch out(2, 0);
            EXPECT_TRUE(out.add(run, receiver.getsockname(), 1000));
            EXPECT_TRUE(out.add("alone", receiver.getsockname(), 1000));
            sender.send_batch(out);
            std::string joined;
            std::size_t datagrams = 0;
            std::size_t messages = 0;
            DatagramBatch in(64, max_datagram_size);
            while (datagrams < 65) {
                messages += receiver.recv_batch(in);
                for (const auto& datagram : in) {
                    joined += datagram.data();
                    EXPECT_LE(datagram.data().size(), 1000u);
                    EXPECT_EQ(datagram.address(), sender.getsockname());
                    ++datagrams;
                }
            }
            EXPECT_TRUE(joined == run + "alone");
            EXPECT_EQ(messages < 65u, together) << messages;
        }
    }
}

// Runs of segments that were received go back as such.
TEST(DatagramBatch, SegmentsGoBack) {
    Socket server = bound({"127.0.0.1", 0});
    server.set_receive_segments();
    Socket client = bound({"127.0.0.1", 0});
    const std::string run(10'000, 'r');
    DatagramBatch out(1, 0);
    EXPECT_TRUE(out.add(run, server.getsockname(), 500));
    client.send_batch(out);
    DatagramBatch in(64, max_datagram_size);
    std::size_t echoed = 0;
    while (echoed < 20) {
        server.recv_batch(in);
        server.send_batch(in);
        echoed += static_cast<std::size_t>(std::distance(in.begin(), in.end()));
    }
    for (int i = 0; i < 20; ++i) EXPECT_EQ(client.recv(1000).size(), 500u);
}

// What cannot be sent names whom it was for, and how many went before it.
TEST(DatagramBatch, FailuresNameTheReceiver) {
    Socket receiver = bound({"127.0.0.1", 0});
    Socket sender(AF_INET, SOCK_DGRAM);
    const std::string large(70'000, 'x');
    DatagramBatch out(4, 0);
    EXPECT_TRUE(out.add("fine", receiver.getsockname()));
    EXPECT_TRUE(out.add(large, {"127.0.0.9", 9}));
    EXPECT_THROW(static_cast<void>(out.add("x", {"localhost", 9})), AddressError);
    EXPECT_THROW(static_cast<void>(out.add("x", receiver.getsockname(), 70'000)), OSError);
    EXPECT_EQ(out.size(), 2u) << "what was refused is not in it";
    expect_failure<OSError>([&] { sender.send_batch(out); },
                            {"cannot send to 127.0.0.9:9: Message too long"});
    EXPECT_EQ(out.sent(), 1u);
    EXPECT_EQ(receiver.recv(100), "fine");
    out.clear();
    EXPECT_TRUE(out.add("x", {"::1", 9}));
    EXPECT_THROW(sender.send_batch(out), OSError);
    out.clear();
    EXPECT_TRUE(out.add("x"));
    expect_failure<OSError>([&] { sender.send_batch(out); }, {"cannot send to an unconnected socket"});
    expect_failure<OSError>([&] { Socket().send_batch(out); }, {"Bad file descriptor"});
    expect_failure<OSError>([&] { Socket().recv_batch(out); }, {"Bad file descriptor"});
}

// To a connected socket a refusal is told, also when it comes behind datagrams.
TEST(DatagramBatch, RefusalsAreTold) {
    Socket sender(AF_INET, SOCK_DGRAM);
    sender.connect({"127.0.0.1", testing::free_port()});
    sender.send("x");
    DatagramBatch in;
    expect_failure<ConnectionRefusedError>([&] { sender.recv_batch(in); },
                                           {"cannot receive from 127.0.0.1:"});
}

// A wait for datagrams ends with the first that come, at the timeout, by cancel and by close.
TEST(DatagramBatch, Waits) {
    Socket receiver = bound({"127.0.0.1", 0});
    Socket sender(AF_INET, SOCK_DGRAM);
    DatagramBatch in;
    for (int i = 0; i < 3; ++i) {
        Thread sending([&] { sender.sendto("x", receiver.getsockname()); });
        EXPECT_EQ(receiver.recv_batch(in), 1u);
        sending.join();
    }
    Thread waiting([&] { receiver.recv_batch(in); });
    waiting.cancel();
    waiting.join();
    receiver.settimeout(0ns);
    expect_failure<TimeoutError>([&] { receiver.recv_batch(in); }, {"timed out trying to receive"});
    receiver.settimeout(std::nullopt);
    int code = 0;
    Thread closed_under([&] {
        try {
            receiver.recv_batch(in);
        } catch (const OSError& error) {
            code = error.code();
        }
    });
    yield();
    receiver.close();
    closed_under.join();
    EXPECT_EQ(code, EBADF);
}

}  // namespace
}  // namespace thrum
