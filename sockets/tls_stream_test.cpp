// thrum/sockets/tls_stream_test.cpp: floor 2, sockets
#include <thrum/base/file.hpp>
#include <thrum/sockets/internal/stream_fixture.hpp>
#include <thrum/sockets/internal/tls_fixture.hpp>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <thread>
#include <utility>

namespace thrum {
namespace {

using namespace std::chrono_literals;
using internal::authority;
using internal::expect_tls_failure;
using internal::serving;
using internal::tls_pair;
using internal::trusting;

// close_notify is the end; a bare end of the socket is a cut, and never passes for the end.
TEST(TLSStream, TruncationIsNotTheEnd) {
    {
        auto [server, client] = tls_pair();
        server.sendall("all");
        server.close();
        EXPECT_EQ(client.recv_all(), "all");
        EXPECT_EQ(client.recv(1), "");
    }
    {
        auto [server, client] = tls_pair();
        server.sendall("not all");
        server.socket().close();
        EXPECT_EQ(client.recv(100), "not all");
        expect_tls_failure(TLSFailure::truncated, {"cannot receive from localhost (", "truncated"},
                           [&client = client] { client.recv(1); });
    }
    {
        auto [server, client] = tls_pair();
        server.socket().sendall("garbage in the middle of the stream");
        expect_tls_failure(TLSFailure::other, {"cannot receive from localhost ("},
                           [&client = client] { client.recv(1); });
    }
}

// Who asks for it takes a cut for the end, as Python does by default; a reset stays an error.
TEST(TLSStream, RaggedEnds) {
    TLSServerOptions server = serving();
    server.suppress_ragged_eofs = true;
    const TLSContext client(TLSOptions{.cafile = authority().certificate(), .suppress_ragged_eofs = true});
    for (const bool at_server : {false, true}) {
        auto [accepted, connected] = tls_pair(TLSContext(server), client);
        TLSSocket& cut = at_server ? connected : accepted;
        TLSSocket& reads = at_server ? accepted : connected;
        cut.sendall("all, by its own count");
        cut.socket().shutdown(SHUT_RDWR);  // a Unix socket's close() with unread tickets would be a reset
        EXPECT_EQ(reads.recv_all(), "all, by its own count");
        EXPECT_EQ(reads.recv(1), "");
    }
    Socket listener = create_server({"127.0.0.1", 0});
    Thread resetting([&] {
        TLSSocket accepted = TLSSocket::accept(listener.accept().first, TLSContext(serving()));
        testing::reset_at_close(accepted.fileno());
        accepted.socket().close();
    });
    TLSSocket connected(create_connection(listener.getsockname()), "localhost", client);
    resetting.join();
    EXPECT_THROW(connected.recv(1), ConnectionResetError);
}

// Our close says close_notify: CPython and OpenSSL's client see an end and no cut, and theirs is one to us.
TEST(TLSStream, OthersSeeOurEnd) {
    const testing::TemporaryDirectory folder;
    const TLSContext context(serving());
    Socket listener = create_server({"127.0.0.1", 0});
    testing::Process python(
        {"/usr/bin/python3", "-c",
         "import socket, ssl, sys\n"
         "context = ssl.create_default_context(cafile=sys.argv[2])\n"
         "context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF\n"
         "for cut in False, True:\n"
         "    stream = context.wrap_socket(socket.create_connection(('127.0.0.1', int(sys.argv[1]))),"
         " server_hostname='localhost', suppress_ragged_eofs=False)\n"
         "    assert stream.recv(100) == b'word'\n"
         "    try: assert stream.recv(100) == b'' and not cut\n"
         "    except ssl.SSLError as error: assert cut and 'EOF' in str(error)\n",
         std::to_string(listener.getsockname().port()), authority().certificate()},
        {.output = folder / "errors"});
    for (const bool cut : {false, true}) {
        TLSSocket stream = TLSSocket::accept(listener.accept().first, context);
        stream.sendall("word");
        if (cut) stream.socket().close();
    }
    EXPECT_EQ(python.wait(), 0) << read_file(folder / "errors");
}

// OpenSSL's client, given its input piece by piece: it takes commands from the first byte of each that it
// reads.
class CommandedClient {
public:
    CommandedClient(const Address& address, const std::string& version) : process_(start(address, version)) {}
    // One piece, taken before the next is given.
    void say(const std::string& piece) {
        ASSERT_EQ(::write(pipe_.get(), piece.data(), piece.size()), static_cast<ssize_t>(piece.size()));
        for (int left = 1; left != 0 && process_.running(); yield())
            ASSERT_EQ(::ioctl(pipe_.get(), FIONREAD, &left), 0);
    }

private:
    testing::Process start(const Address& address, const std::string& version) {
        const std::string path = folder_ / "input";
        EXPECT_EQ(::mkfifo(path.c_str(), 0600), 0);
        pipe_ = UniqueFd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
        return testing::Process(
            {"sh", "-c",
             "exec openssl s_client -connect " + address.to_string() + " " + version + " <" + path});
    }

    testing::TemporaryDirectory folder_;
    UniqueFd pipe_;
    testing::Process process_;
};

// Keys change in the middle of a stream (RFC 8446 §4.6.3) without anyone noticing; a renegotiation of TLS 1.2
// is refused, and what came before it is kept.
TEST(TLSStream, KeyUpdatesAndRenegotiation) {
    const TLSContext context(serving());
    Socket listener = create_server({"127.0.0.1", 0});
    {
        CommandedClient peer(listener.getsockname(), "-tls1_3");
        TLSSocket stream = TLSSocket::accept(listener.accept().first, context);
        for (const char* line : {"before\n", "K\n", "between\n", "k\n", "after\n"}) {
            peer.say(line);
            if (line[1] == '\n') continue;  // a key update: K asks for ours too
            EXPECT_EQ(stream.recv(100), line);
            stream.sendall("answered");
        }
    }
    {
        CommandedClient peer(listener.getsockname(), "-tls1_2");
        TLSSocket stream = TLSSocket::accept(listener.accept().first, context);
        peer.say("before\n");
        EXPECT_EQ(stream.recv(100), "before\n");
        peer.say("R\n");
        // The client ends the connection when it is told that it cannot have another handshake.
        expect_tls_failure(TLSFailure::other, {"cannot receive from 127.0.0.1:"}, [&] { stream.recv(100); });
    }
}

// A peer that never reads stops the sender at its timeout and nobody else: the same connection still
// receives.
TEST(TLSStream, PeersThatNeverRead) {
    auto [server, client] = tls_pair();
    client.settimeout(50ms);
    std::atomic<bool> timed_out = false;
    Thread sending([&, &end = client] {
        try {
            for (;;) end.sendall(std::string(1 << 20, 'x'));
        } catch (const TimeoutError&) {
            timed_out = true;
        }
    });
    sending.join();
    EXPECT_TRUE(timed_out);
    server.sendall("still here");
    EXPECT_EQ(client.recv(100), "still here");
}

// A reader and a writer wait on one connection; close() wakes both, and each is told EBADF.
TEST(TLSStream, CloseWakesReaderAndWriter) {
    auto [server, client] = tls_pair();
    int reader = 0;
    int writer = 0;
    Thread reading([&, &end = client] {
        try {
            end.recv(1);
        } catch (const OSError& error) {
            reader = error.code();
        }
    });
    std::thread writing([&, &end = client] {
        try {
            for (;;) end.sendall(std::string(1 << 20, 'x'));
        } catch (const OSError& error) {
            writer = error.code();
        }
    });
    // Until the buffers between them are full, so that the writer waits or is about to.
    for (int last = -1, now = 0; now != last || now == 0; yield()) {
        last = std::exchange(now, 0);
        ASSERT_EQ(::ioctl(server.fileno(), FIONREAD, &now), 0);
    }
    client.close();
    reading.join();
    writing.join();
    EXPECT_EQ(reader, EBADF);
    EXPECT_EQ(writer, EBADF);
}

// Half a TLS stream can end while the other goes on.
TEST(TLSStream, HalfClose) {
    auto [server, client] = tls_pair();
    client.sendall("question");
    client.shutdown_write();
    EXPECT_EQ(server.recv_all(), "question");
    server.sendall("answer");
    server.close();
    EXPECT_EQ(client.recv_all(), "answer");
}

// One thread sends while another receives, megabytes both ways, whole and in order.
TEST(TLSStream, BothWaysAtOnce) {
    auto [server, client] = tls_pair();
    std::string data;
    for (int i = 0; data.size() < (4U << 20); ++i) data += std::to_string(i) + " ";
    const auto send = [&data](TLSSocket& stream) {
        const std::string_view all = data;
        const std::string_view pieces[] = {all.substr(0, 10), all.substr(10, 90'000), "", all.substr(90'010)};
        stream.sendall(pieces);
        stream.shutdown_write();
    };
    Thread server_sends([&, &end = server] { send(end); });
    Thread client_sends([&, &end = client] { send(end); });
    std::string at_server;
    Thread server_reads([&, &end = server] { at_server = end.recv_all(); });
    EXPECT_TRUE(client.recv_all() == data);
    server_reads.join();
    EXPECT_TRUE(at_server == data);
    server_sends.join();
    client_sends.join();
}

// Timeouts hold inside and after the handshake; waits end by cancel and by close.
TEST(TLSStream, WaitsEnd) {
    Socket silent = create_server({"127.0.0.1", 0});
    Socket patient = create_connection(silent.getsockname());
    patient.settimeout(30ms);
    testing::expect_failure<TimeoutError>([&] { TLSSocket(std::move(patient), "localhost", trusting()); },
                                          {"timed out trying to start TLS with localhost ("});
    auto [server, client] = tls_pair();
    client.settimeout(30ms);
    EXPECT_THROW(client.recv(1), TimeoutError);
    EXPECT_THROW(client.sendall(std::string(8 << 20, 'x')), TimeoutError);
    client.settimeout(std::nullopt);
    internal::expect_waits_end(client);
}

// close() under a thread that sends: nothing goes to whatever is opened next under the same number.
TEST(TLSStream, CloseLeavesNoCallBehind) {
    const std::string data(1 << 20, 'x');
    for (int round = 0; round < 60; ++round) {
        auto [server, client] = tls_pair();
        Thread reading([&end = server] {
            try {
                std::string taken(1 << 16, '\0');
                while (end.recv_into(taken) != 0) {
                }
            } catch (const OSError&) {
                // Cut in the middle of a record.
            }
        });
        int code = 0;
        std::thread sending([&, &end = client] {
            try {
                for (;;) end.sendall(data);
            } catch (const OSError& error) {
                code = error.code();
            }
        });
        for (int i = 0; i < 20 + round; ++i) std::this_thread::yield();
        client.close();
        auto [next, other] = Socket::pair();
        sending.join();
        EXPECT_EQ(code, EBADF);
        EXPECT_FALSE(next.readable_now() || other.readable_now()) << "round " << round;
        server.socket().shutdown(SHUT_RDWR);
    }
}

}  // namespace
}  // namespace thrum
