// thrum/requests/pool_test.cpp: floor 4, requests
// Connections are used again where that is right, replaced where they died, and never leaked.
#include <thrum/base/file.hpp>
#include <thrum/requests/requests.hpp>
#include <thrum/testing/failures.hpp>
#include <thrum/testing/peers.hpp>
#include <thrum/testing/raw_server.hpp>
#include <thrum/threads/event.hpp>
#include <thrum/threads/task_group.hpp>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace thrum::requests {
namespace {

constexpr const char* plain_answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

// One connection serves request after request, whatever the kind of body.
TEST(Pool, UsesAConnectionAgain) {
    for (const char* answer :
         {plain_answer,
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX: trailer\r\n\r\n",
          "HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
          "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"}) {
        const testing::RawServer server(answer);
        Session session;
        for (int i = 0; i < 5; ++i) session.get(server.url());
        EXPECT_EQ(server.connections(), 1) << answer;
        EXPECT_EQ(session.idle_connections(), 1U);
    }
}

// Where an answer does not end in a way that leaves the connection clean, the next request gets a new one.
TEST(Pool, DropsAConnectionThatIsNotClean) {
    for (const char* answer :
         {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
          "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
          // An informational answer has no body; one that says it has may be read otherwise by others.
          "HTTP/1.1 103 Early Hints\r\nContent-Length: 2\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: "
          "2\r\n\r\nok",
          // More than was asked for: what follows could pass for the answer to the next request.
          "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"}) {
        const testing::RawServer server(answer);
        Session session;
        for (int i = 0; i < 3; ++i) EXPECT_EQ(session.get(server.url()).content(), "ok");
        EXPECT_EQ(server.connections(), 3) << answer;
        EXPECT_EQ(session.idle_connections(), 0U);
    }
}

// A streamed body gives its connection back when it was read, and closes it when it was not; an empty one
// needs no reading.
TEST(Pool, GetsStreamedConnectionsBack) {
    const testing::RawServer server(plain_answer);
    Session session;
    {
        const Response response = session.get(server.url(), {.stream = true});
        EXPECT_EQ(session.idle_connections(), 0U);
        EXPECT_EQ(response.content(), "ok");
        EXPECT_EQ(session.idle_connections(), 1U);
    }
    session.get(server.url(), {.stream = true});
    EXPECT_EQ(session.idle_connections(), 0U);
    const testing::RawServer empty("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    session.get(empty.url(), {.stream = true});
    EXPECT_EQ(session.idle_connections(), 1U);
    session.close();
    EXPECT_EQ(session.idle_connections(), 0U);
}

// A streamed answer outlives its session.
TEST(Pool, IsHeldByStreamedAnswers) {
    const testing::RawServer server(plain_answer);
    std::optional<Response> response;
    {
        Session session;
        response.emplace(session.get(server.url(), {.stream = true}));
    }
    EXPECT_EQ(response->content(), "ok");
}

// A connection that the server closed while it idled is noticed before use, also for methods that may not be
// repeated.
TEST(Pool, NoticesAClosedConnection) {
    Event closed;
    const testing::RawServer server([&](testing::RawConnection& connection, int number) {
        while (!connection.read_request().empty()) {
            connection.send(plain_answer);
            if (number == 0) break;
        }
        if (number == 0) {
            shutdown(connection.fd(), SHUT_RDWR);
            closed.set();
        }
    });
    Session session;
    session.get(server.url());
    closed.wait();
    EXPECT_EQ(session.post(server.url(), {.body = "once"}).content(), "ok");
    EXPECT_EQ(server.connections(), 2);
}

// A connection that dies when it gets its second request is replaced unnoticed for a method that may be
// repeated, but not for POST, not after a byte of the answer, and not when it was new.
TEST(Pool, RetriesOnlyWhatMayBeRepeated) {
    const struct {
        const char* method;
        const char* dying_words;
        bool succeeds;
    } cases[] = {
        {"GET", "", true}, {"DELETE", "", true}, {"POST", "", false}, {"GET", "HTTP/1.1 200", false}};
    for (const auto& [method, dying_words, succeeds] : cases) {
        const testing::RawServer server(
            [words = dying_words](testing::RawConnection& connection, int number) {
                connection.read_request();
                connection.send(plain_answer);
                connection.read_request();
                connection.send(number == 0 ? words : plain_answer);
            });
        Session session;
        session.get(server.url());
        if (succeeds) {
            EXPECT_EQ(session.request(method, server.url()).content(), "ok") << method;
            EXPECT_EQ(server.connections(), 2);
        } else {
            EXPECT_THROW(session.request(method, server.url()), ConnectionError) << method << dying_words;
            EXPECT_EQ(server.connections(), 1);
        }
    }
    const testing::RawServer closes(
        [](testing::RawConnection& connection, int) { connection.read_request(); });
    EXPECT_THROW(get(closes.url()), ConnectionError);
    EXPECT_EQ(closes.connections(), 1);
}

// A server that answers before it has read the whole body, and closes, is heard.
TEST(Pool, HearsAnEarlyAnswer) {
    const testing::RawServer server([](testing::RawConnection& connection, int) {
        connection.send(
            "HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig");
        shutdown(connection.fd(), SHUT_WR);
        char some[1000];
        [[maybe_unused]] const ssize_t got = recv(connection.fd(), some, sizeof some, 0);
        // Closed with bytes unread: the client sees its sending fail.
    });
    const Response response = put(server.url(), {.body = std::string(8 * 1024 * 1024, 'x')});
    EXPECT_EQ(response.status_code(), 413);
    EXPECT_EQ(response.content(), "big");
}

// Origins differ by host and port: none gets the connection of another.
TEST(Pool, KeepsOriginsApart) {
    const testing::RawServer one(plain_answer);
    const testing::RawServer two("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ntwo");
    Session session;
    const std::string by_name = "http://localhost:" + std::to_string(one.port());
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(session.get(one.url()).content(), "ok");
        EXPECT_EQ(session.get(two.url()).content(), "two");
        EXPECT_EQ(session.get(by_name).content(), "ok");
    }
    EXPECT_EQ(one.connections(), 2);
    EXPECT_EQ(two.connections(), 1);
}

// Where no descriptor is left, idle connections make room: for a connection, and for what TLS reads beside
// it. Where none of them is left either, the shortage is what is told.
TEST(Pool, IdleConnectionsGiveWayToNewOnes) {
#if defined(__SANITIZE_ADDRESS__)
    GTEST_SKIP() << "the sanitizer opens pipes of its own to look at objects, and dies without them";
#endif
    testing::CertificateAuthority authority;
    const testing::Nginx nginx(
        {.certificate = authority.issue(), .server_lines = "location / { return 200 here; }\n"});
    const std::string by_name = "http://localhost:" + std::to_string(nginx.port());
    Session session;
    {
        std::vector<Response> held;  // two at once, so that two idle afterwards
        for (int i = 0; i < 2; ++i) held.push_back(session.get(nginx.url(), {.stream = true}));
        for (const Response& response : held) EXPECT_EQ(response.content(), "here");
    }
    ASSERT_EQ(session.idle_connections(), 2U);
    {
        const testing::NoDescriptorsLeft until_here;
        EXPECT_EQ(session.get(nginx.tls_url(), {.ca = authority.certificate()}).content(), "here");
        EXPECT_EQ(session.idle_connections(), 1U);
        EXPECT_EQ(session.get(by_name).content(), "here");
    }
    session.close();
    UniqueFd last_one(::dup(0));
    const testing::NoDescriptorsLeft until_here;
    const auto shortage = [&](const std::string& url, const char* what) {
        Session other;
        testing::expect_failure<ConnectionError>(
            [&] { other.get(url, {.ca = authority.certificate()}); },
            {what, "Too many open files; raise the limit of open files (ulimit -n), or do less at once"});
    };
    shortage(nginx.url(), "cannot connect to");
    last_one.reset();
    shortage(nginx.tls_url(), "cannot use the file of trusted certificates");
}

// Threads of both kinds share one session; every answer goes to who asked, and no descriptor is left.
TEST(Pool, ServesManyThreadsAtOnce) {
    const testing::Nginx nginx({.server_lines = "location /echo/ { return 200 $uri; }\n"});
    std::atomic<int> right = 0;
    constexpr int threads = 20;
    constexpr int requests = 50;
    const std::size_t before = testing::open_descriptors();
    {
        Session session;
        const auto ask = [&](int who) {
            for (int i = 0; i < requests; ++i) {
                const std::string path = "/echo/" + std::to_string(who) + "/" + std::to_string(i);
                right += session.get(nginx.url() + path).content() == path;
            }
        };
        std::vector<std::thread> plain;
        for (int i = 0; i < 4; ++i) plain.emplace_back(ask, threads + i);
        TaskGroup group;
        for (int i = 0; i < threads; ++i) group.start(ask, i);
        group.wait();
        for (std::thread& thread : plain) thread.join();
        EXPECT_LE(session.idle_connections(), static_cast<std::size_t>(threads + 4));
    }
    EXPECT_EQ(right, (threads + 4) * requests);
    // The runtime's own descriptors came with the first thread; the sessions' are gone.
    const auto sockets_left = static_cast<long>(testing::open_descriptors()) - static_cast<long>(before);
    EXPECT_LT(sockets_left, threads);
}

}  // namespace
}  // namespace thrum::requests
