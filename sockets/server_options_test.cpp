// thrum/sockets/server_options_test.cpp: floor 2, sockets
// What a server's options promise: limits, who is let in, who is told, what is counted, TLS.
#include <thrum/sockets/buffered_stream.hpp>
#include <thrum/sockets/connection.hpp>
#include <thrum/sockets/server.hpp>
#include <thrum/testing/certificates.hpp>
#include <thrum/testing/failures.hpp>
#include <thrum/testing/process.hpp>
#include <thrum/threads/event.hpp>
#include <thrum/threads/queue.hpp>
#include <thrum/threads/thread.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <stdexcept>
#include <vector>

namespace thrum {
namespace {

using namespace std::chrono_literals;

void echo(Stream& client, const Address&) {
    char buffer[4096];
    while (const std::size_t size = client.recv_into(buffer)) client.sendall({buffer, size});
}

struct Serving {
    template <class Handler>
    explicit Serving(Handler handler, const TCPServerOptions& options = {})
        : server({"127.0.0.1", 0}, handler, options) {}
    Socket connect() const { return create_connection(server.address()); }
    std::string ask(const std::string& text) const {
        Socket client = connect();
        client.sendall(text);
        client.shutdown_write();
        return client.recv_all();
    }
    // Once nobody is served any more.
    ServerStatistics end() {
        server.shutdown(60s);
        thread.join();
        return server.statistics();
    }

    TCPServer server;
    Thread thread{[this] { server.serve_forever(); }};
};

// A client that says nothing for idle_timeout is let go; one that talks stays. Nobody calls that a failure.
TEST(ServerOptions, IdleTimeout) {
    ::testing::internal::CaptureStderr();
    Serving serving(echo, {.idle_timeout = 50ms});
    Socket silent = serving.connect();
    EXPECT_EQ(silent.recv_all(), "");
    EXPECT_EQ(serving.ask("talks"), "talks");
    const ServerStatistics counts = serving.end();
    EXPECT_EQ(counts.timed_out, 1u);
    EXPECT_EQ(counts.finished, 1u);
    EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

// A client that never stops talking is let go after total_timeout.
TEST(ServerOptions, TotalTimeout) {
    Serving serving(echo, {.total_timeout = 50ms});
    Socket client = serving.connect();
    try {
        for (;;) {
            client.sendall("x");
            if (client.recv(1).empty()) break;
        }
    } catch (const ConnectionError&) {
        // It was told so while it sent.
    }
    EXPECT_EQ(serving.end().timed_out, 1u);
}

// Without limits of the server's, a handler's TimeoutError is a failure like any other.
TEST(ServerOptions, AHandlersOwnTimeoutIsAFailure) {
    Queue<std::string> told;
    Serving serving([](Stream&, const Address&) { throw TimeoutError("my own"); },
                    {.on_error = [&](const Address&, const std::exception_ptr&) { told.put("told"); }});
    EXPECT_EQ(serving.ask(""), "");
    EXPECT_EQ(told.get(), "told");
    EXPECT_EQ(serving.end().failed, 1u);
}

// on_error is told which client failed and why, instead of standard error; what it throws is told there.
TEST(ServerOptions, OnErrorIsTold) {
    Queue<std::string> told;
    ::testing::internal::CaptureStderr();
    Serving serving([](Stream& client, const Address&) { throw std::runtime_error(client.recv(100)); },
                    {.on_error = [&](const Address& client, const std::exception_ptr& error) {
                        try {
                            std::rethrow_exception(error);
                        } catch (const std::exception& failure) {
                            told.put(client.to_string() + " " + failure.what());
                            if (failure.what() == std::string("twice")) throw Error("the hook as well");
                        }
                    }});
    Socket client = serving.connect();
    client.sendall("once");
    EXPECT_EQ(told.get(), client.getsockname().to_string() + " once");
    EXPECT_EQ(serving.ask("twice"), "");
    EXPECT_EQ(serving.end().failed, 2u);
    EXPECT_NE(::testing::internal::GetCapturedStderr().find("the hook as well"), std::string::npos);
}

// verify_request turns clients away before they have a thread; what it throws turns one away too.
TEST(ServerOptions, VerifyRequest) {
    std::atomic<int> asked = 0;
    std::atomic<int> told = 0;
    Serving serving(echo, {.verify_request =
                               [&](const Address&) {
                                   const int number = ++asked;
                                   if (number == 2) throw std::runtime_error("cannot tell");
                                   return number == 3;
                               },
                           .on_error = [&](const Address&, const std::exception_ptr&) { ++told; }});
    for (const bool is_let_in : {false, false, true}) {
        Socket client = serving.connect();
        std::string answer;
        try {
            client.sendall("x");
            answer = client.recv(1);
        } catch (const ConnectionError&) {
            // Closed with bytes unread.
        }
        EXPECT_EQ(answer, is_let_in ? "x" : "");
    }
    const ServerStatistics counts = serving.end();
    EXPECT_EQ(counts.rejected, 2u);
    EXPECT_EQ(counts.accepted, 1u);
    EXPECT_EQ(told, 1);
}

// The counts agree with what happened, and with each other.
TEST(ServerOptions, Statistics) {
    Serving serving(
        [&](Stream& client, const Address&) {
            const std::string wish = client.recv(10);
            if (wish == "fail") throw std::runtime_error("as wished");
            if (wish == "wait") client.recv(10);
        },
        {.max_clients = 3, .on_error = [](const Address&, const std::exception_ptr&) {}});
    for (int i = 0; i < 5; ++i) serving.ask("finish");
    for (int i = 0; i < 2; ++i) serving.ask("fail");
    std::vector<Socket> waiting;
    for (int i = 0; i < 3; ++i) {
        waiting.push_back(serving.connect());
        waiting.back().sendall("wait");
    }
    while (serving.server.statistics().active < 3) yield();
    Socket next = serving.connect();
    while (serving.server.statistics().waited < 1) yield();
    EXPECT_EQ(serving.server.statistics().accepted, 10u) << "who finds it full waits in the kernel";
    serving.server.shutdown();
    serving.thread.join();
    const ServerStatistics counts = serving.server.statistics();
    EXPECT_EQ(counts.active, 0u);
    EXPECT_EQ(counts.most_active, 3u);
    EXPECT_EQ(counts.finished, 5u);
    EXPECT_EQ(counts.failed, 2u);
    EXPECT_EQ(counts.cancelled, 3u);
    EXPECT_EQ(counts.accepted, counts.finished + counts.failed + counts.timed_out + counts.cancelled);
}

// Several acceptors on one port serve every client once.
TEST(ServerOptions, Acceptors) {
    Serving serving(echo, {.acceptors = 4});
    std::vector<Thread> clients;
    std::atomic<int> right = 0;
    for (int i = 0; i < 200; ++i) {
        clients.emplace_back([&, i] { right += serving.ask(std::to_string(i)) == std::to_string(i); });
    }
    for (Thread& client : clients) client.join();
    EXPECT_EQ(right, 200);
    EXPECT_EQ(serving.end().finished, 200u);
}

// Options that cannot be are told when the server is made.
TEST(ServerOptions, WhatCannotBeIsSaid) {
    const testing::CertificateAuthority authority;
    const TLSContext context{TLSOptions{.cafile = authority.certificate()}};
    const auto plain = [](Socket&, const Address&) {};
    const auto secure = [](TLSSocket&, const Address&) {};
    const Address here("127.0.0.1", 0);
    testing::expect_failure<Error>([&] { TCPServer(here, plain, {.max_clients = 0}); }, {"max_clients is 0"});
    testing::expect_failure<Error>([&] { TCPServer(here, plain, {.acceptors = 0}); }, {"acceptors is 0"});
    testing::expect_failure<Error>([&] { TCPServer(here, plain, {.tls = context}); },
                                   {"cannot serve on 127.0.0.1:0", "take a Stream"});
    testing::expect_failure<Error>([&] { TCPServer(here, secure); }, {"give the options a TLSContext"});
    testing::expect_failure<Error>(
        [&] { TCPServer(Address::unix_abstract("thrum-test"), plain, {.acceptors = 2}); }, {"SO_REUSEPORT"});
    testing::expect_failure<AddressError>([&] { UnixServer(here, plain); }, {"127.0.0.1:0", "TCPServer"});
}

struct ServerTLS : ::testing::Test {
    testing::CertificateAuthority authority;
    testing::Certificate own = authority.issue();
    TLSContext server{TLSServerOptions{.certfile = own.certificate, .keyfile = own.key}};
    TLSContext client{TLSOptions{.cafile = authority.certificate()}};
};

// The same handler serves TLS when the server is given a context: our own client and OpenSSL's.
TEST_F(ServerTLS, ServesTheSameHandler) {
    Serving serving(
        [](Stream& stream, const Address&) {
            BufferedStream lines(stream);
            while (auto line = lines.readline()) {
                if (*line == "bye") return;
                stream.sendall("you said: " + *line + "\n");
            }
        },
        {.tls = server});
    TLSSocket own_client(serving.connect(), "localhost", client);
    own_client.sendall("hello\n");
    own_client.shutdown_write();
    EXPECT_EQ(own_client.recv_all(), "you said: hello\n");

    const std::string port = std::to_string(serving.server.address().port());
    const auto openssl = testing::run(
        {"sh", "-c",
         "printf 'over the counter\nbye\n' | openssl s_client -quiet -connect 127.0.0.1:" + port +
             " -verify_return_error -verify_hostname localhost -CAfile " + authority.certificate().string()});
    EXPECT_NE(openssl.output.find("you said: over the counter"), std::string::npos)
        << openssl.output << openssl.error_output;
}

// Clients that shake hands slowly or say something else hold up nobody, and are told apart.
TEST_F(ServerTLS, BadHandshakesHurtNobody) {
    const TLSContext hasty{
        TLSServerOptions{.certfile = own.certificate, .keyfile = own.key, .handshake_timeout = 100ms}};
    Queue<std::string> told;
    Serving serving(echo, {.tls = hasty, .on_error = [&](const Address&, const std::exception_ptr& error) {
                               try {
                                   std::rethrow_exception(error);
                               } catch (const TLSError& failure) {
                                   told.put(failure.what());
                               }
                           }});
    Socket silent = serving.connect();
    Socket garbage = serving.connect();
    garbage.sendall("GET / HTTP/1.1\r\n\r\n");
    EXPECT_TRUE(told.get()->starts_with("cannot start TLS with 127.0.0.1:"));
    TLSSocket good(serving.connect(), "localhost", client);
    good.sendall("x");
    EXPECT_EQ(good.recv(1), "x");
    good.close();
    EXPECT_EQ(silent.recv_all(), "");
    const ServerStatistics counts = serving.end();
    EXPECT_EQ(counts.failed, 1u);
    EXPECT_EQ(counts.timed_out, 1u);
    EXPECT_EQ(counts.finished, 1u);
}

// A handler may ask for the TLSSocket itself, which knows what was agreed upon.
TEST_F(ServerTLS, HandlersOfTLSSockets) {
    Serving serving([](TLSSocket& stream, const Address&) { stream.sendall(stream.version()); },
                    {.tls = server});
    TLSSocket peer(serving.connect(), "localhost", client);
    EXPECT_EQ(peer.recv_all(), "TLSv1.3");
}

}  // namespace
}  // namespace thrum
