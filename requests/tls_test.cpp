// thrum/requests/tls_test.cpp: floor 4, requests
// https is verified, says why it refuses, and a connection made without looking never serves who looks.
#include <thrum/base/file.hpp>
#include <thrum/requests/requests.hpp>
#include <thrum/testing/peers.hpp>
#include <thrum/threads/task_group.hpp>

#include <gtest/gtest.h>

#include <atomic>

namespace thrum::requests {
namespace {

struct Peers {
    testing::CertificateAuthority authority;
    testing::Nginx nginx = testing::Nginx({.certificate = authority.issue()});

    Peers() { write_file(nginx.root() / "file.txt", "over tls"); }
    std::string url() const { return nginx.tls_url() + "/file.txt"; }
};

Peers& peers() {
    static Peers both;
    return both;
}

void expect_refused(const std::string& url, const Options& options, const std::string& says) {
    try {
        get(url, options);
        ADD_FAILURE() << "not refused";
    } catch (const SSLError& error) {
        EXPECT_NE(std::string(error.what()).find(says), std::string::npos) << error.what();
        EXPECT_NE(std::string(error.what()).find(url), std::string::npos) << error.what();
    }
}

// With the authority that signed it, a certificate is trusted, by name and by address; requests share the
// connection.
TEST(Tls, TrustsTheGivenAuthority) {
    Session session;
    session.set_ca(peers().authority.certificate());
    for (int i = 0; i < 3; ++i) EXPECT_EQ(session.get(peers().url()).text(), "over tls");
    EXPECT_EQ(session.idle_connections(), 1U);
    const std::string by_address =
        "https://127.0.0.1:" + std::to_string(peers().nginx.tls_port()) + "/file.txt";
    EXPECT_EQ(get(by_address, {.ca = peers().authority.certificate()}).text(), "over tls");
}

// Unknown, wrong and expired certificates are refused, each in its own words.
TEST(Tls, RefusesWhatItCannotTrust) {
    const testing::CertificateAuthority other("another CA");
    expect_refused(peers().url(), {}, ".ca");
    expect_refused(peers().url(), {.ca = other.certificate()}, ".ca");
    const auto ca = peers().authority.certificate();
    const testing::Nginx wrong({.certificate = peers().authority.issue({.names = {"DNS:other.example"}})});
    expect_refused(wrong.tls_url() + "/", {.ca = ca}, "localhost");
    const testing::Nginx expired({.certificate = peers().authority.issue({.expired = true})});
    expect_refused(expired.tls_url() + "/", {.ca = ca}, "expired");
    EXPECT_EQ(get(expired.tls_url() + "/none", {.verify = false}).status_code(), 404);
    // Plain HTTP where TLS is expected, and the other way round.
    expect_refused("https://127.0.0.1:" + std::to_string(peers().nginx.port()) + "/", {.ca = ca}, "TLS");
    EXPECT_EQ(get("http://127.0.0.1:" + std::to_string(peers().nginx.tls_port()) + "/").status_code(), 400);
    expect_refused(peers().url(), {.ca = "/no/such/file.pem"}, "/no/such/file.pem");
}

// Trust is part of what connections are shared by.
TEST(Tls, DoesNotShareAConnectionBetweenTrusts) {
    Session session;
    EXPECT_EQ(session.get(peers().url(), {.verify = false}).text(), "over tls");
    EXPECT_EQ(session.idle_connections(), 1U);
    EXPECT_THROW(session.get(peers().url()), SSLError);
    EXPECT_EQ(session.get(peers().url(), {.ca = peers().authority.certificate()}).text(), "over tls");
    EXPECT_EQ(session.idle_connections(), 2U);
}

// A body over TLS arrives whole, in pieces larger than a record.
TEST(Tls, StreamsLargeBodies) {
    const std::string body(3'000'000, 'x');
    write_file(peers().nginx.root() / "large.txt", body);
    const testing::TemporaryDirectory folder;
    get(peers().nginx.tls_url() + "/large.txt", {.ca = peers().authority.certificate(), .stream = true})
        .save(folder / "large.txt");
    EXPECT_EQ(read_file(folder / "large.txt"), body);
}

// Fibers, with their small stacks, share a session over TLS.
TEST(Tls, ServesManyFibersAtOnce) {
    Session session;
    session.set_ca(peers().authority.certificate());
    std::atomic<int> right = 0;
    {
        TaskGroup group;
        for (int i = 0; i < 30; ++i) {
            group.start([&] {
                for (int n = 0; n < 5; ++n) right += session.get(peers().url()).text() == "over tls";
            });
        }
        group.wait();
    }
    EXPECT_EQ(right, 150);
}

}  // namespace
}  // namespace thrum::requests
