// thrum/requests/failure_test.cpp: floor 4, requests
// Every way a server can fail becomes an error of its own class, which names the URL and the cause, and leaks
// nothing.
#include <thrum/requests/internal/decoder.hpp>
#include <thrum/requests/requests.hpp>
#include <thrum/testing/deflate.hpp>
#include <thrum/testing/failures.hpp>
#include <thrum/testing/network.hpp>
#include <thrum/testing/process.hpp>
#include <thrum/testing/raw_server.hpp>
#include <thrum/threads/deadline.hpp>
#include <thrum/threads/event.hpp>
#include <thrum/threads/thread.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <thread>

namespace thrum::requests {
namespace {

using namespace std::chrono_literals;

std::string with_length(const std::string& headers, const std::string& body) {
    return "HTTP/1.1 200 OK\r\n" + headers + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
           body;
}

// Runs `action`, which must throw Exception with `says` and `url` in its message.
template <class Exception>
void expect_failure(const std::function<void()>& action, const std::string& url, const std::string& says) {
    const auto error = testing::expect_failure<Exception>(action, {says, url});
    if (error) {
        EXPECT_EQ(error->url(), url);
    }
}

// Bytes that are no good answer, whether the body is streamed or not.
template <class Exception>
void expect_bad_answer(const std::string& answer, const std::string& says) {
    testing::RawServer server(answer, /*close_after_answer=*/true);
    const std::string url = server.url() + "/";
    expect_failure<Exception>([&] { get(url); }, url, says);
    expect_failure<Exception>(
        [&] {
            const Response response = get(url, {.stream = true});
            for ([[maybe_unused]] const std::string_view piece : response.iter_content()) {
            }
        },
        url, says);
}

// Nobody there: refused, and unknown.
TEST(Failure, NobodyThere) {
    const std::string refused = "http://127.0.0.1:" + std::to_string(testing::free_port()) + "/";
    expect_failure<ConnectionError>([&] { get(refused); }, refused, "onnection refused");
    const std::string unknown = "http://no-such-host.invalid/";
    expect_failure<ConnectionError>([&] { get(unknown); }, unknown, "no-such-host.invalid");
}

// The cause stays within the exception for those who look.
TEST(Failure, NestsItsCause) {
    try {
        get("http://127.0.0.1:" + std::to_string(testing::free_port()) + "/");
        FAIL();
    } catch (const ConnectionError& error) {
        EXPECT_THROW(std::rethrow_if_nested(error), thrum::ConnectionRefusedError);
    }
}

// Answers that are not HTTP, or not within its rules or our bounds.
TEST(Failure, BadHeads) {
    std::string many_fields = "HTTP/1.1 200 OK\r\n";
    for (int i = 0; i < 101; ++i) many_fields += "X" + std::to_string(i) + ": y\r\n";
    const std::string endless = "HTTP/1.1 200 OK\r\nX: " + std::string(70000, 'x');
    std::string informational;
    for (int i = 0; i < 100; ++i) informational += "HTTP/1.1 103 Early Hints\r\n\r\n";
    for (const std::string& answer :
         {std::string("SSH-2.0-OpenSSH_9.2\r\n\r\n"), std::string("\x16\x03\x01\x02\r\n\r\n"),
          many_fields + "\r\n", endless,
          std::string("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
          std::string("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"),
          std::string("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
          std::string("HTTP/1.1 200 OK\r\nbad name: x\r\n\r\n"), informational}) {
        expect_bad_answer<InvalidResponse>(answer, "not HTTP as it should be");
    }
    expect_bad_answer<ConnectionError>("", "without an answer");
    expect_bad_answer<ConnectionError>("HTTP/1.1 200 OK\r\nContent-Le", "within its answer's headers");
}

// Bodies that end before they should.
TEST(Failure, ShortBodies) {
    expect_bad_answer<IncompleteRead>("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n1234",
                                      "got 4 of 10 bytes");
    expect_bad_answer<IncompleteRead>("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n1234\r\n",
                                      "got 4 bytes");
    expect_bad_answer<ChunkedEncodingError>("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
                                            "chunks");
    try {
        testing::RawServer server("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n1234", true);
        get(server.url());
        FAIL();
    } catch (const IncompleteRead& error) {
        EXPECT_EQ(error.received(), 4U);
        EXPECT_EQ(error.expected(), 10U);
    }
}

// A connection that is reset in the middle of a body.
TEST(Failure, ResetMidBody) {
    const testing::RawServer server([](testing::RawConnection& connection, int) {
        connection.read_request();
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + std::string(1000, 'x'));
        connection.reset_at_end();
    });
    const std::string url = server.url() + "/";
    expect_failure<IncompleteRead>([&] { get(url); }, url, "of 100000 bytes");
}

// Coded bodies that are broken, cut, or bombs.
TEST(Failure, BadCodings) {
    const std::string coded = testing::deflate_all(std::string(100000, 'a') + "end");
    expect_bad_answer<ContentDecodingError>(with_length("Content-Encoding: gzip\r\n", "this is not gzip"),
                                            "gzip");
    expect_bad_answer<ContentDecodingError>(
        with_length("Content-Encoding: gzip\r\n", coded.substr(0, coded.size() / 2)), "too early");
    expect_bad_answer<ContentDecodingError>(
        with_length("Content-Encoding: gzip\r\n", testing::deflate_all(std::string(64 * 1024 * 1024, 'a'))),
        "times its size");
    expect_bad_answer<ContentDecodingError>(
        with_length("Content-Encoding: gzip\r\n", testing::deflate_all("text") + std::string(100'000, '\0')),
        "hold nothing");
    for (const char* twice : {"Content-Encoding: gzip, gzip\r\n", "Content-Encoding: gzip, br\r\n",
                              "Content-Encoding: gzip\r\nContent-Encoding: deflate\r\n"}) {
        expect_bad_answer<ContentDecodingError>(
            with_length(twice, testing::deflate_all(testing::deflate_all("text"))), "2 times over");
    }
    const testing::RawServer plain(
        with_length("Content-Encoding: identity, gzip\r\n", testing::deflate_all("text")), true);
    EXPECT_EQ(get(plain.url()).content(), "text");
}

// Coded bytes count against max_content too: a body of little text and much packing is not kept.
TEST(Failure, CountsCodedBytes) {
    std::string coded;
    for (int i = 0; i < 100; ++i)
        coded += testing::deflate_all("") + testing::deflate_all("") + testing::deflate_all("x");
    const std::string large_name =
        std::string("\x1f\x8b\x08\x08\0\0\0\0\0\x03", 10) + std::string(50'000, 'n');
    const std::string member = large_name + '\0' + testing::deflate_all("x").substr(10);
    const testing::RawServer honest(with_length("Content-Encoding: gzip\r\n", coded), true);
    EXPECT_EQ(get(honest.url(), {.max_content = 100}).content(), std::string(100, 'x'));
    std::string padded;
    for (int i = 0; i < 10; ++i) padded += member;
    const testing::RawServer server(with_length("Content-Encoding: gzip\r\n", padded), true);
    EXPECT_THROW(get(server.url(), {.max_content = 100'000}), ContentTooLarge);
    EXPECT_EQ(get(server.url(), {.max_content = 1'000'000}).content(), std::string(10, 'x'));
}

// What was to be kept in memory is bounded; streamed, it is not.
TEST(Failure, TooLarge) {
    const std::string body(10000, 'x');
    for (const std::string& answer :
         {with_length("", body), "HTTP/1.1 200 OK\r\n\r\n" + body,
          with_length("Content-Encoding: gzip\r\n", testing::deflate_all(body))}) {
        const testing::RawServer server(answer, true);
        const std::string url = server.url() + "/";
        expect_failure<ContentTooLarge>([&] { get(url, {.max_content = 9999}); }, url, ".stream = true");
        EXPECT_EQ(get(url, {.max_content = 10000}).content(), body);
        std::size_t size = 0;
        const Response response = get(url, {.stream = true, .max_content = 9999});
        for (const std::string_view piece : response.iter_content()) size += piece.size();
        EXPECT_EQ(size, body.size());
    }
}

// A server that is slow in one way or another runs into the timeout for it.
TEST(Failure, Timeouts) {
    const testing::RawServer silent(
        [](testing::RawConnection& connection, int) { connection.wait_for_close(); });
    const std::string url = silent.url() + "/";
    // Connecting has ten seconds each time: a machine under load needs more than 20 ms for it.
    expect_failure<ReadTimeout>([&] { get(url, {.timeout = {10s, 20ms}}); }, url, "read timeout");
    expect_failure<Timeout>([&] { get(url, {.timeout = {10s, 10s, 20ms}}); }, url, "total timeout");
    const testing::RawServer stalls([](testing::RawConnection& connection, int) {
        connection.read_request();
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n1234");
        connection.wait_for_close();
    });
    const std::string stalling = stalls.url() + "/";
    expect_failure<ReadTimeout>([&] { get(stalling, {.timeout = {10s, 20ms}}); }, stalling, "read timeout");
    const Response streamed = get(stalling, {.timeout = {10s, 1s}, .stream = true});
    expect_failure<ReadTimeout>([&] { streamed.content(); }, stalling, "read timeout");
    // Who connects and then hears nothing of TLS learns that, and not of firewalls.
    const std::string mute = "https://127.0.0.1:" + std::to_string(silent.port()) + "/";
    expect_failure<ConnectTimeout>(
        [&] {
            get(mute, {.timeout = {1s, 10s}});
        },
        mute,
        "connected, but the TLS handshake was not done within 1 s, the connect "
        "timeout; does the port speak TLS?");
    // A byte now and then keeps the read timeout away, but not the total one.
    const testing::RawServer drips([](testing::RawConnection& connection, int) {
        connection.read_request();
        connection.send("HTTP/1.1 200 OK\r\n\r\n");
        while (connection.send("x")) thrum::sleep(1ms);
    });
    const std::string dripping = drips.url() + "/";
    expect_failure<Timeout>([&] { get(dripping, {.timeout = {10s, 10s, 50ms}}); }, dripping, "total timeout");
}

// Headers that drip forever run into a timeout of their own, also where the body is streamed and no total
// timeout stands behind it.
TEST(Failure, ADrippingHeadEnds) {
    std::vector<std::thread> both;
    for (const char* start : {"HTTP/1.1 200 OK\r\nX: ", "HTTP/1.1 103 Early Hints\r\nX: "}) {
        both.emplace_back([start] {
            const testing::RawServer drips([start](testing::RawConnection& connection, int) {
                connection.read_request();
                connection.send(start);
                while (connection.send("x")) thrum::sleep(1ms);
            });
            const std::string url = drips.url() + "/";
            expect_failure<ReadTimeout>(
                [&] {
                    get(url, {.timeout = {500ms, 1s}, .stream = true});
                },
                url, "headers were not all there");
        });
    }
    for (std::thread& thread : both) thread.join();
}

// The caller's own Timeout scope ends a request with a TimeoutError that names the request, cancelling with
// Cancelled.
TEST(Failure, OuterDeadlinesAndCancellationPass) {
    const testing::RawServer silent(
        [](testing::RawConnection& connection, int) { connection.wait_for_close(); });
    {
        const thrum::Timeout scope(20ms);
        try {
            get(silent.url() + "/file");
            ADD_FAILURE() << "not ended";
        } catch (const thrum::TimeoutError& error) {
            EXPECT_TRUE(std::string(error.what()).starts_with("GET " + silent.url() + "/file: "))
                << error.what();
        }
    }
    bool cancelled = false;
    Thread thread([&] {
        try {
            get(silent.url());
        } catch (const Cancelled&) {
            cancelled = true;
            throw;
        }
    });
    while (silent.connections() < 2) yield();
    thread.cancel();
    thread.join();
    EXPECT_TRUE(cancelled);
}

// A peer that always has more ready gives no chance to wait; a deadline that has passed and a cancellation
// are noticed all the same.
TEST(Failure, NoticesDeadlinesWithoutWaiting) {
    Event sent;
    const testing::RawServer server([&](testing::RawConnection& connection, int) {
        connection.read_request();
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + std::string(100'000, 'x'));
        sent.set();
        connection.wait_for_close();
    });
    const Response late = get(server.url(), {.stream = true});
    sent.wait();
    sent.clear();
    {
        const thrum::Timeout scope(0ns);
        try {
            late.content();
            ADD_FAILURE() << "not ended";
        } catch (const thrum::TimeoutError& error) {
            EXPECT_TRUE(std::string(error.what()).starts_with("GET " + server.url())) << error.what();
        }
    }
    bool cancelled = false;
    std::atomic<bool> was_asked = false;
    Event got_head;
    Thread thread([&] {
        const Response response = get(server.url(), {.stream = true});
        got_head.set();
        while (!was_asked) std::this_thread::yield();
        try {
            response.content();
        } catch (const Cancelled&) {
            cancelled = true;
            throw;
        }
    });
    got_head.wait();
    sent.wait();
    thread.cancel();
    was_asked = true;
    thread.join();
    EXPECT_TRUE(cancelled);
}

}  // namespace
}  // namespace thrum::requests
