// thrum/sockets/python_tls_test.cpp: floor 2, sockets
// What CPython's tests of TLS ask and no other test here shows; CHECKLIST.md has the whole list.
#include <thrum/base/file.hpp>
#include <thrum/sockets/buffered_stream.hpp>
#include <thrum/sockets/internal/socket_fixture.hpp>
#include <thrum/sockets/internal/tls_fixture.hpp>

#include <gtest/gtest.h>

#include <functional>
#include <string>

namespace thrum {
namespace {

using namespace std::string_literals;
using internal::authority;
using internal::expect_tls_failure;
using internal::good_certificate;
using internal::serving;
using internal::tcp_pair;
using internal::tls_pair;
using internal::trusting;

// A connection may talk in the clear first, and become TLS when both agree, as SMTP's STARTTLS has it.
TEST(PythonTLS, UpgradesAfterPlainText) {
    auto [here, there] = tcp_pair();
    const TLSContext context(serving());
    std::string secret;
    Thread server([&, &end = here] {
        EXPECT_EQ(end.recv(100), "STARTTLS\r\n");
        end.sendall("220 go ahead\r\n");
        TLSSocket secure = TLSSocket::accept(std::move(end), context);
        secret = secure.recv_all();
    });
    there.sendall("STARTTLS\r\n");
    EXPECT_EQ(there.recv(100), "220 go ahead\r\n");
    TLSSocket secure(std::move(there), "localhost", trusting());
    secure.sendall("in secret");
    secure.close();
    server.join();
    EXPECT_EQ(secret, "in secret");
}

// What came in the clear before a handshake is never handed out as the peer's words, and a peer that says
// something and goes fails the handshake.
TEST(PythonTLS, PreludesAreNoData) {
    for (const bool as_server : {true, false}) {
        auto [here, there] = tcp_pair();
        there.sendall("DELETE /important HTTP/1.0\r\n\r\n");
        there.close();
        const TLSContext context(serving());
        testing::expect_failure<OSError>(
            [&, &end = here] {
                TLSSocket secure = as_server ? TLSSocket::accept(std::move(end), context)
                                             : TLSSocket(std::move(end), "localhost", trusting());
                ADD_FAILURE() << "shook hands, and was told " << secure.recv(100);
            },
            {"127.0.0.1:"});
        EXPECT_FALSE(here.is_open());
    }
}

// A closed TLS stream refuses each call; a socket that is not connected, or already closed, shakes no hands.
TEST(PythonTLS, ClosedAndUnconnected) {
    auto [server, client] = tls_pair();
    client.close();
    client.close();
    EXPECT_EQ(client.fileno(), -1);
    for (const auto& act : {std::function<void()>([&, &end = client] { end.recv(1); }),
                            std::function<void()>([&, &end = client] { end.sendall("x"); })}) {
        const auto error = testing::expect_failure<OSError>(act, {"localhost", "Bad file descriptor"});
        EXPECT_TRUE(error && error->code() == EBADF);
    }
    EXPECT_THROW(TLSSocket(Socket(AF_INET, SOCK_STREAM), "localhost", trusting()), OSError);
    EXPECT_THROW(TLSSocket(Socket(), "localhost", trusting()), OSError);
    EXPECT_THROW(TLSSocket::accept(Socket(), TLSContext(serving())), OSError);
}

// Files that hold no certificate, no key, or half of one are refused by name when the context is made.
TEST(PythonTLS, FilesThatAreNone) {
    const testing::TemporaryDirectory folder;
    const std::string certificate = read_file(good_certificate().certificate);
    const std::string key = read_file(good_certificate().key);
    const std::pair<const char*, std::string> files[] = {
        {"empty.pem", ""},
        {"nonsense.pem", "neither PEM nor DER\n"},
        {"half.pem", certificate.substr(0, certificate.size() / 2)},
        {"bad-base64.pem", "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n"}};
    for (const auto& [name, content] : files) {
        write_file(folder / name, content);
        expect_tls_failure(TLSFailure::settings, {"cannot use the certificate ", name}, [&, &name = name] {
            TLSContext(TLSServerOptions{.certfile = folder / name, .keyfile = good_certificate().key});
        });
        expect_tls_failure(TLSFailure::settings, {"cannot use the key ", name}, [&, &name = name] {
            TLSContext(
                TLSServerOptions{.certfile = good_certificate().certificate, .keyfile = folder / name});
        });
        expect_tls_failure(TLSFailure::settings, {"trusted certificates ", name},
                           [&, &name = name] { TLSContext(TLSOptions{.cafile = folder / name}); });
    }
    write_file(folder / "both.pem", key + certificate);
    EXPECT_NO_THROW(TLSContext(TLSServerOptions{.certfile = folder / "both.pem"}))
        << "a key of the same file";
}

}  // namespace
}  // namespace thrum
