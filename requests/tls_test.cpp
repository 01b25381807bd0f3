// thrum/requests/tls_test.cpp: floor 4, requests
// https is verified, says why it refuses, and a connection made without looking never serves who looks.
#include <thrum/base/file.hpp>
#include <thrum/requests/requests.hpp>
#include <thrum/testing/failures.hpp>
#include <thrum/testing/network.hpp>
#include <thrum/testing/peers.hpp>
#include <thrum/threads/deadline.hpp>
#include <thrum/threads/task_group.hpp>
#include <thrum/threads/thread.hpp>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

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
    const auto error = testing::expect_failure<SSLError>([&] { get(url, options); }, {says, url});
    if (!error) return;
    // The floor below calls its options otherwise.
    EXPECT_EQ(std::string(error->what()).find("cafile"), std::string::npos) << error->what();
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

// A file of certificates that is slow to come (a pipe nobody has written to yet) holds up who asked for it,
// and neither the other requests of its session nor the threads that share its worker.
TEST(Tls, ASlowFileHoldsUpNobodyElse) {
    const testing::TemporaryDirectory folder;
    const std::filesystem::path pipe = folder / "ca.pem";
    ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
    Session session;
    std::string slow;
    Thread waiting([&] { slow = session.get(peers().url(), {.ca = pipe}).text(); });
    // Opened for writing when it has been opened for reading (fifo(7)).
    UniqueFd writer;
    while (!writer) {
        yield();
        writer = UniqueFd(::open(pipe.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
    }
    {
        const thrum::Timeout patience(std::chrono::seconds(20));
        EXPECT_EQ(session.get(peers().nginx.url() + "/file.txt").text(), "over tls");
        EXPECT_EQ(session.get(peers().url(), {.ca = peers().authority.certificate()}).text(), "over tls");
    }
    const std::string certificates = read_file(peers().authority.certificate());
    EXPECT_EQ(::write(writer.get(), certificates.data(), certificates.size()),
              static_cast<ssize_t>(certificates.size()));
    writer.reset();
    waiting.join();
    EXPECT_EQ(slow, "over tls");
}

// Connections that a server has closed are made anew without a full handshake: OpenSSL's own server, which
// closes after each answer and says in it what it resumed, sees one of them. Another trust resumes nothing.
TEST(Tls, ResumesSessions) {
    const std::uint16_t port = testing::free_port();
    const testing::Certificate certificate = peers().authority.issue();
    testing::Process server({"openssl", "s_server", "-accept", "127.0.0.1:" + std::to_string(port), "-www",
                             "-cert", certificate.certificate, "-key", certificate.key});
    testing::wait_until_listens(port, server);
    const std::string url = "https://localhost:" + std::to_string(port) + "/";
    Session session;
    session.set_ca(peers().authority.certificate());
    int resumed = 0;
    for (int i = 0; i < 6; ++i) {
        const std::string page = session.get(url).text();
        resumed += page.find("\nReused, ") != page.npos ? 1 : 0;
    }
    EXPECT_EQ(resumed, 5);
    EXPECT_EQ(session.get(url, {.verify = false}).text().find("\nReused, "), std::string::npos);
    EXPECT_THROW(session.get(url, {.ca = testing::CertificateAuthority("another").certificate()}), SSLError);
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
