// thrum/sockets/internal/tls_fixture.hpp: floor 2, sockets
// For the tests of TLS: an authority, certificates, OpenSSL's own server, and two ends of our own.
#pragma once

#include <thrum/sockets/connection.hpp>
#include <thrum/sockets/tls.hpp>
#include <thrum/testing/certificates.hpp>
#include <thrum/testing/failures.hpp>
#include <thrum/testing/network.hpp>
#include <thrum/testing/process.hpp>
#include <thrum/threads/thread.hpp>

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace thrum::internal {

// The authority all tests trust.
inline testing::CertificateAuthority& authority() {
    static testing::CertificateAuthority made("thrum sockets test CA");
    return made;
}

inline const testing::Certificate& good_certificate() {
    static const testing::Certificate made = authority().issue({.common_name = "good"});
    return made;
}

// A client's certificate.
inline const testing::Certificate& client_certificate() {
    static const testing::Certificate made =
        authority().issue({.names = {"email:ada@example.org"}, .usage = "clientAuth", .common_name = "ada"});
    return made;
}

inline const TLSContext& trusting() {
    static const TLSContext made(TLSOptions{.cafile = authority().certificate()});
    return made;
}

// The options of a server with the good certificate, for more to be set.
inline TLSServerOptions serving() {
    return {.certfile = good_certificate().certificate, .keyfile = good_certificate().key};
}

// OpenSSL's own server, on a free port, with more arguments.
class OpenSSLServer {
public:
    explicit OpenSSLServer(const testing::Certificate& certificate,
                           const std::vector<std::string>& more = {"-www"},
                           const testing::ProcessOptions& options = {})
        : port_(testing::free_port()), process_(arguments(certificate, more), options) {
        testing::wait_until_listens(port_, process_);
    }
    Address address() const { return {"127.0.0.1", port_}; }
    void stop() { process_.stop(); }

private:
    std::vector<std::string> arguments(const testing::Certificate& certificate,
                                       const std::vector<std::string>& more) {
        std::vector<std::string> all = {"openssl", "s_server",
                                        "-accept", "127.0.0.1:" + std::to_string(port_),
                                        "-cert",   certificate.certificate,
                                        "-key",    certificate.key};
        all.insert(all.end(), more.begin(), more.end());
        return all;
    }

    std::uint16_t port_;
    testing::Process process_;
};

// A page of `s_server -www` over TLS, read to its end.
inline std::string get(TLSSocket& stream) {
    stream.sendall("GET / HTTP/1.0\r\n\r\n");
    return stream.recv_all();
}

// Runs `act`, which must fail with TLSError for `failure` and say each of `parts`.
template <class Act>
void expect_tls_failure(TLSFailure failure, const std::vector<std::string>& parts, Act&& act) {
    const auto error = testing::expect_failure<TLSError>(act, parts);
    if (error) {
        EXPECT_EQ(error->failure(), failure) << error->what();
    }
}

// Both ends ours: the accepting one and the connecting one.
inline std::pair<TLSSocket, TLSSocket> tls_pair(const TLSContext& server,
                                                const TLSContext& client = trusting(),
                                                const std::string& host = "localhost") {
    auto [here, there] = Socket::pair();
    std::optional<TLSSocket> accepted;
    Thread accepting([&, &end = there] { accepted.emplace(TLSSocket::accept(std::move(end), server)); });
    TLSSocket connected(std::move(here), host, client);
    accepting.join();
    return {std::move(*accepted), std::move(connected)};
}
inline std::pair<TLSSocket, TLSSocket> tls_pair() {
    static const TLSContext server(serving());
    return tls_pair(server);
}

}  // namespace thrum::internal
