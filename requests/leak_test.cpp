// thrum/requests/leak_test.cpp: floor 4, requests
// No failure, of whatever kind, leaves a descriptor or a thread behind.
#include <thrum/requests/requests.hpp>
#include <thrum/testing/network.hpp>
#include <thrum/testing/peers.hpp>
#include <thrum/testing/process.hpp>
#include <thrum/testing/raw_server.hpp>
#include <thrum/threads/thread.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <functional>

namespace thrum::requests {
namespace {

using namespace std::chrono_literals;

constexpr int repetitions = 20;
// Threads that look-ups and files may have added, which end by themselves after a while; a leak adds one each
// time and for ever.
constexpr std::size_t spare_threads = 16;

// Whether `done` comes true within a time that only a leak exceeds.
bool settles(const std::function<bool()>& done) {
    const auto give_up = std::chrono::steady_clock::now() + 30s;
    while (!done()) {
        if (std::chrono::steady_clock::now() > give_up) return false;
        thrum::sleep(1ms);
    }
    return true;
}

// `fail` makes its own server, so that at the end both sides of every connection ought to be gone.
void expect_no_leak(const std::string& what, const std::function<void()>& fail) {
    fail();  // what is made once for the process is made now
    const std::size_t descriptors = testing::open_descriptors();
    const std::size_t threads = testing::os_threads();
    for (int i = 0; i < repetitions; ++i) fail();
    EXPECT_TRUE(settles([&] { return testing::open_descriptors() <= descriptors; }))
        << what << ": " << testing::open_descriptors() << " descriptors, before " << descriptors;
    EXPECT_TRUE(settles([&] { return testing::os_threads() <= threads + spare_threads; }))
        << what << ": " << testing::os_threads() << " threads, before " << threads;
}

// Asks for `url` in each way there is to fail: read at once, streamed, and given up before it was read.
template <class Exception>
void fail_each_way(const std::string& url, const Options& options = {}) {
    Session session;
    EXPECT_THROW(session.get(url, options).raise_for_status(), Exception) << url;
    Options streamed = options;
    streamed.stream = true;
    const auto read_all = [&] {
        const Response response = session.get(url, streamed);
        response.raise_for_status();
        response.content();
    };
    EXPECT_THROW(read_all(), Exception) << url;
    try {
        session.get(url, streamed);
    } catch (const RequestException&) {
        // Those that fail before the body fail here as well.
    }
}

TEST(Leaks, BadAnswersLeaveNothing) {
    std::string many_fields = "HTTP/1.1 200 OK\r\n";
    for (int i = 0; i < 1000; ++i) many_fields += "X" + std::to_string(i) + ": y\r\n";
    const struct {
        const char* what;
        std::string answer;
    } cases[] = {
        {"short body", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n1234"},
        {"no answer", ""},
        {"garbage", "SSH-2.0-OpenSSH_9.2\r\n\r\n"},
        {"many fields", many_fields},
        {"endless field", "HTTP/1.1 200 OK\r\nX: " + std::string(200'000, 'x')},
        {"bad chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"},
        {"bad coding", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n1234"},
        {"404", "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone"},
        {"redirect to nowhere", "HTTP/1.1 302 Found\r\nLocation: ftp://x/\r\nContent-Length: 0\r\n\r\n"},
        {"circle", "HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n"},
    };
    for (const auto& [what, answer] : cases) {
        expect_no_leak(what, [&answer = answer] {
            const testing::RawServer server(answer, /*close_after_answer=*/true);
            fail_each_way<RequestException>(server.url());
        });
    }
}

TEST(Leaks, BrokenConnectionsLeaveNothing) {
    expect_no_leak("reset", [] {
        const testing::RawServer server([](testing::RawConnection& connection, int) {
            connection.read_request();
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + std::string(1000, 'x'));
            connection.reset_at_end();
        });
        fail_each_way<RequestException>(server.url());
    });
    expect_no_leak("silence", [] {
        const testing::RawServer server(
            [](testing::RawConnection& connection, int) { connection.wait_for_close(); });
        fail_each_way<Timeout>(server.url(), {.timeout = {10s, 2ms}});
    });
    expect_no_leak("cancelled", [] {
        const testing::RawServer server(
            [](testing::RawConnection& connection, int) { connection.wait_for_close(); });
        Thread thread([&] { get(server.url()); });
        while (server.connections() == 0) std::this_thread::yield();
        thread.cancel();
        thread.join();
    });
}

TEST(Leaks, NobodyThereLeavesNothing) {
    expect_no_leak("refused", [] {
        fail_each_way<ConnectionError>("http://127.0.0.1:" + std::to_string(testing::free_port()) + "/");
    });
    // A label longer than names may have (RFC 1035 §2.3.4): refused without asking a name server, which may
    // be slow to say no.
    const std::string unknown = "http://" + std::string(64, 'x') + ".invalid/";
    expect_no_leak("unknown host", [&] { fail_each_way<ConnectionError>(unknown); });
}

TEST(Leaks, RefusedCertificatesLeaveNothing) {
    testing::CertificateAuthority authority;
    const testing::CertificateAuthority other("another CA");
    const testing::Nginx nginx({.certificate = authority.issue()});
    expect_no_leak("unknown authority", [&] { fail_each_way<SSLError>(nginx.tls_url() + "/"); });
    expect_no_leak("another authority",
                   [&] { fail_each_way<SSLError>(nginx.tls_url() + "/", {.ca = other.certificate()}); });
    expect_no_leak("no such file",
                   [&] { fail_each_way<SSLError>(nginx.tls_url() + "/", {.ca = "/no/such/file.pem"}); });
    expect_no_leak("no TLS", [] {
        const testing::RawServer server([](testing::RawConnection& connection, int) {
            connection.send("HTTP/1.1 400 Bad Request\r\n\r\n");
            connection.wait_for_close();
        });
        fail_each_way<ConnectionError>("https" + server.url().substr(4) + "/");
    });
}

}  // namespace
}  // namespace thrum::requests
