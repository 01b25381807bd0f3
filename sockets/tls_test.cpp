// thrum/sockets/tls_test.cpp: floor 2, sockets
#include <thrum/base/file.hpp>
#include <thrum/sockets/buffered_stream.hpp>
#include <thrum/sockets/internal/tls_fixture.hpp>
#include <thrum/sockets/server.hpp>

#include <gtest/gtest.h>
#include <stdlib.h>

#include <atomic>
#include <vector>

namespace thrum {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using internal::authority;
using internal::expect_tls_failure;
using internal::get;
using internal::good_certificate;
using internal::OpenSSLServer;
using internal::serving;
using internal::trusting;

// A handshake with OpenSSL's own server, by name and by address, in a fiber's small stack.
TEST(TLS, TalksToOpenSSL) {
    OpenSSLServer server(good_certificate());
    for (const char* host : {"localhost", "localhost.", "127.0.0.1"}) {
        Thread([&] {
            TLSSocket stream(create_connection(server.address()), host, trusting());
            EXPECT_EQ(stream.version(), "TLSv1.3");
            const std::string page = get(stream);
            EXPECT_NE(page.find("HTTP/1.0 200 ok"), std::string::npos);
            EXPECT_NE(page.find(stream.cipher()), std::string::npos);
            EXPECT_EQ(stream.peer_name(), std::string(host) + " (" + server.address().to_string() + ")");
        }).join();
    }
    OpenSSLServer old(good_certificate(), {"-www", "-tls1_2"});
    TLSSocket stream(create_connection(old.address()), "localhost", trusting());
    EXPECT_EQ(stream.version(), "TLSv1.2");
    EXPECT_NE(get(stream).find("HTTP/1.0 200 ok"), std::string::npos);
}

// Each certificate that must not be trusted is refused for its own reason, with the host and what to do.
TEST(TLS, EachRefusalHasItsOwnWords) {
    {
        OpenSSLServer server(authority().issue({.expired = true}));
        expect_tls_failure(
            TLSFailure::expired,
            {"cannot trust localhost (127.0.0.1:", "its certificate expired on 2020-01-02", "renew"},
            [&] { TLSSocket(create_connection(server.address()), "localhost", trusting()); });
    }
    {
        OpenSSLServer server(authority().issue({.names = {"DNS:other.example", "IP:127.0.0.9"}}));
        expect_tls_failure(TLSFailure::wrong_host,
                           {"its certificate is for other.example, 127.0.0.9 and not for localhost"},
                           [&] { TLSSocket(create_connection(server.address()), "localhost", trusting()); });
        expect_tls_failure(TLSFailure::wrong_host, {"and not for 127.0.0.1"},
                           [&] { TLSSocket(create_connection(server.address()), "127.0.0.1", trusting()); });
        expect_tls_failure(TLSFailure::wrong_host, {"and not for example"},
                           [&] { TLSSocket(create_connection(server.address()), "example", trusting()); });
        TLSSocket by_its_name(create_connection(server.address()), "other.example", trusting());
    }
    {
        testing::CertificateAuthority stranger("a stranger");
        OpenSSLServer server(stranger.issue());
        expect_tls_failure(
            TLSFailure::unknown_authority,
            {"cannot trust localhost (", "does not know the authority 'CN=a stranger'", "SSL_CERT_FILE"},
            [&] { TLSSocket(create_connection(server.address()), "localhost", trusting()); });
        // Whoever asks for no verification gets none, of the name neither.
        const TLSContext careless(TLSOptions{.verify = false});
        TLSSocket stream(create_connection(server.address()), "anything.example", careless);
        EXPECT_NE(get(stream).find("200 ok"), std::string::npos);
    }
    {
        testing::TemporaryDirectory folder;
        const testing::Certificate own{folder / "own.pem", folder / "own.key"};
        ASSERT_EQ(testing::run({"openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout",
                                own.key, "-out", own.certificate, "-subj", "/CN=selfish", "-addext",
                                "subjectAltName=DNS:localhost"})
                      .status,
                  0);
        OpenSSLServer server(own);
        expect_tls_failure(TLSFailure::self_signed, {"its certificate is self-signed ('CN=selfish')"},
                           [&] { TLSSocket(create_connection(server.address()), "localhost", trusting()); });
        const TLSContext told(TLSOptions{.cafile = own.certificate});
        TLSSocket(create_connection(server.address()), "localhost", told);
    }
    {
        testing::TemporaryDirectory folder;
        const testing::Certificate nameless{folder / "own.pem", folder / "own.key"};
        ASSERT_EQ(testing::run({"openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout",
                                nameless.key, "-out", nameless.certificate, "-subj", "/CN=localhost"})
                      .status,
                  0);
        OpenSSLServer server(nameless);
        const TLSContext told(TLSOptions{.cafile = nameless.certificate});
        expect_tls_failure(TLSFailure::wrong_host, {"names no host", "'CN=localhost' says does not count"},
                           [&] { TLSSocket(create_connection(server.address()), "localhost", told); });
    }
}

// A peer that speaks no TLS, an old TLS, or no protocol in common is told apart.
TEST(TLS, OtherHandshakesThatCannotWork) {
    TCPServer greeter({"127.0.0.1", 0}, [](Socket& client, const Address&) {
        client.sendall("220 mail.example ESMTP, and no TLS here\r\n");
        client.recv_all();
    });
    Thread greeting([&] { greeter.serve_forever(); });
    expect_tls_failure(
        TLSFailure::not_tls,
        {"cannot start TLS with localhost (", "garbage instead of a TLS handshake", "check the port"},
        [&] { TLSSocket(create_connection(greeter.address()), "localhost", trusting()); });
    TCPServer closer({"127.0.0.1", 0}, [](Socket& client, const Address&) { client.recv(65536); });
    Thread closing([&] { closer.serve_forever(); });
    expect_tls_failure(TLSFailure::refused, {"ended in the middle of the handshake"},
                       [&] { TLSSocket(create_connection(closer.address()), "localhost", trusting()); });
    TCPServer resetter({"127.0.0.1", 0}, [](Socket& client, const Address&) { client.recv(1); });
    Thread resetting([&] { resetter.serve_forever(); });
    try {
        TLSSocket(create_connection(resetter.address()), "localhost", trusting());
        ADD_FAILURE() << "shook hands with a reset";
    } catch (const ConnectionResetError& error) {
        EXPECT_NE(std::string(error.what()).find("Connection reset by peer; check that the port speaks TLS"),
                  std::string::npos)
            << error.what();
    }
    OpenSSLServer old(good_certificate(), {"-www", "-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"});
    expect_tls_failure(TLSFailure::protocol_version, {"no version of TLS in common"},
                       [&] { TLSSocket(create_connection(old.address()), "localhost", trusting()); });
    OpenSSLServer only_h2(good_certificate(), {"-www", "-alpn", "h2"});
    const TLSContext http1(TLSOptions{.cafile = authority().certificate(), .alpn = {"http/1.1"}});
    expect_tls_failure(TLSFailure::protocol, {"none of the protocols offered (ALPN)"},
                       [&] { TLSSocket(create_connection(only_h2.address()), "localhost", http1); });
    expect_tls_failure(TLSFailure::settings, {"no name to verify"},
                       [&] { TLSSocket(create_connection(only_h2.address()), "", trusting()); });
    greeter.shutdown();
    closer.shutdown();
}

// The best protocol both sides speak is agreed upon.
TEST(TLS, Alpn) {
    OpenSSLServer server(good_certificate(), {"-www", "-alpn", "http/1.1,h2"});
    const TLSContext both(TLSOptions{.cafile = authority().certificate(), .alpn = {"h2", "http/1.1"}});
    {
        TLSSocket stream(create_connection(server.address()), "localhost", both);
        EXPECT_EQ(stream.alpn_protocol(), "http/1.1") << "the server's order counts";
    }  // s_server takes the next connection when this one has ended
    TLSSocket without(create_connection(server.address()), "localhost", trusting());
    EXPECT_EQ(without.alpn_protocol(), "");
    EXPECT_THROW(TLSContext(TLSOptions{.alpn = {""}}), TLSError);
    EXPECT_THROW(TLSContext(TLSOptions{.alpn = {std::string(256, 'x')}}), TLSError);
}

class ScopedEnvironment {
public:
    ScopedEnvironment(const char* name, const std::string& value) : name_(name) {
        ::setenv(name, value.c_str(), 1);
    }
    ~ScopedEnvironment() { ::unsetenv(name_); }

private:
    const char* name_;
};

// SSL_CERT_FILE and SSL_CERT_DIR say whom to trust, and one that cannot be read is named.
TEST(TLS, EnvironmentOfTrust) {
    OpenSSLServer server(good_certificate());
    const auto connect = [&] { TLSSocket(create_connection(server.address()), "localhost", TLSContext()); };
    expect_tls_failure(TLSFailure::unknown_authority,
                       {"does not know the authority 'CN=thrum sockets test CA'"}, connect);
    {
        const ScopedEnvironment file("SSL_CERT_FILE", authority().certificate());
        EXPECT_NO_THROW(connect());
    }
    {
        testing::TemporaryDirectory folder;
        std::filesystem::copy(authority().certificate(), folder / "ca.pem");
        ASSERT_EQ(testing::run({"openssl", "rehash", folder.path()}).status, 0);
        const ScopedEnvironment environment("SSL_CERT_DIR", folder.path());
        EXPECT_NO_THROW(connect());
    }
    {
        const ScopedEnvironment file("SSL_CERT_FILE", "/nonexistent/ca.pem");
        expect_tls_failure(TLSFailure::settings,
                           {"cannot use SSL_CERT_FILE /nonexistent/ca.pem: it cannot be read: No such file"},
                           connect);
    }
    {
        testing::TemporaryDirectory folder;
        write_file(folder / "nonsense.pem", "nonsense");
        const ScopedEnvironment file("SSL_CERT_FILE", folder / "nonsense.pem");
        expect_tls_failure(TLSFailure::settings, {"cannot use SSL_CERT_FILE ", "nonsense.pem"}, connect);
    }
    for (const char* folders : {"/no/such", "/no/such:/nor/this", ":", "/dev/null"}) {
        const ScopedEnvironment environment("SSL_CERT_DIR", folders);
        expect_tls_failure(TLSFailure::settings, {"cannot use SSL_CERT_DIR "s + folders + ": "}, connect);
        expect_tls_failure(TLSFailure::settings, {"folder of trusted certificates "s + folders + ": "},
                           [&] { TLSContext(TLSOptions{.capath = folders}); });
    }
    {
        const ScopedEnvironment environment("SSL_CERT_DIR", "/no/such:/etc");
        EXPECT_NO_THROW(TLSContext()) << "of a list some may be missing";
    }
    expect_tls_failure(TLSFailure::settings, {"trusted certificates /nonexistent.pem"},
                       [] { TLSContext(TLSOptions{.cafile = "/nonexistent.pem"}); });
    expect_tls_failure(TLSFailure::settings, {"the certificate /nonexistent.pem"},
                       [] { TLSContext(TLSServerOptions{.certfile = "/nonexistent.pem"}); });
    expect_tls_failure(TLSFailure::settings, {"the key "}, [] {
        TLSContext(
            TLSServerOptions{.certfile = good_certificate().certificate, .keyfile = authority().issue().key});
    });
}

// Session tickets make an idle connection's descriptor readable, but not the stream.
TEST(TLS, TicketsAreNoData) {
    OpenSSLServer server(good_certificate(), {"-rev"});
    TLSSocket stream(create_connection(server.address()), "localhost", trusting());
    stream.sendall("abc\n");
    BufferedStream lines(stream);
    EXPECT_EQ(lines.readline(), "cba");
    EXPECT_FALSE(stream.readable_now());
    stream.sendall("123\n");
    EXPECT_EQ(lines.readline(), "321");
}

// Many connections share a context, from many threads at once, and leave no descriptor.
TEST(TLS, SharedContext) {
    const TLSContext context(serving());
    TCPServer server({"127.0.0.1", 0}, [&](Socket& client, const Address&) {
        TLSSocket stream = TLSSocket::accept(std::move(client), context);
        stream.sendall(stream.recv(100));
    });
    Thread accepting([&] { server.serve_forever(); });
    const auto round = [&](int count) {
        std::atomic<int> right = 0;
        std::vector<Thread> clients;
        for (int i = 0; i < count; ++i) {
            clients.emplace_back([&, i] {
                TLSSocket stream(create_connection(server.address()), "localhost", trusting());
                stream.sendall(std::to_string(i));
                if (stream.recv_all() == std::to_string(i)) ++right;
            });
        }
        for (Thread& client : clients) client.join();
        EXPECT_EQ(right, count);
    };
    round(4);
    while (server.clients() != 0) yield();
    const std::size_t before = testing::open_descriptors();
    round(60);
    while (server.clients() != 0) yield();
    EXPECT_LE(testing::open_descriptors(), before) << "fewer: a look-up that a test left has ended";
    server.shutdown(60s);
}

// CPython's ssl module refuses our certificate when it does not trust it, and we say that it did.
TEST(TLS, TalksToPython) {
    const TLSContext context(serving());
    Socket listener = create_server({"127.0.0.1", 0});
    testing::Process python(
        {"/usr/bin/python3", "-c",
         "import socket, ssl, sys\n"
         "address = ('127.0.0.1', int(sys.argv[1]))\n"
         "try: ssl.create_default_context().wrap_socket(socket.create_connection(address), "
         "server_hostname='localhost')\n"
         "except ssl.SSLCertVerificationError: pass\n"
         "else: sys.exit('trusted a stranger')\n"
         "context = ssl.create_default_context(cafile=sys.argv[2])\n"
         "stream = context.wrap_socket(socket.create_connection(address), server_hostname='localhost')\n"
         "stream.sendall(stream.recv(100)[::-1])\n"
         "stream.unwrap()\n",
         std::to_string(listener.getsockname().port()), authority().certificate()});
    expect_tls_failure(TLSFailure::refused, {"refused our certificate"},
                       [&] { TLSSocket::accept(listener.accept().first, context).recv(1); });
    TLSSocket stream = TLSSocket::accept(listener.accept().first, context);
    stream.sendall("backwards");
    EXPECT_EQ(stream.recv_all(), "sdrawkcab");
    stream.close();
    EXPECT_EQ(python.wait(), 0);
}

}  // namespace
}  // namespace thrum
