// thrum/http/server_hostile_test.cpp: floor 3, http
// A Server outlives clients that mean no good, clients that vanish, and its own end while all of them are
// there.
#include <thrum/base/file.hpp>
#include <thrum/http/internal/server_fixture.hpp>
#include <thrum/http/json.hpp>
#include <thrum/http/server.hpp>
#include <thrum/testing/network.hpp>
#include <thrum/testing/process.hpp>
#include <thrum/threads/event.hpp>
#include <thrum/threads/thread.hpp>

#include <gtest/gtest.h>
#include <malloc.h>

#include <atomic>
#include <string>
#include <vector>

namespace thrum::http {
namespace {

using namespace std::chrono_literals;
using internal::Answer;
using internal::eventually;
using internal::Serving;
using internal::take_answer;

std::string post(std::string_view target, const std::string& body) {
    return "POST " + std::string(target) +
           " HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

// Hundreds of idle clients leave at the same moment when the server ends, by shutdown() or by going away.
TEST(ServerHostileTest, EndsWithManyIdleClients) {
    constexpr std::size_t count = 500;
    for (int round = 0; round < 6; ++round) {
        std::vector<Socket> clients;
        {
            Serving serving;
            serving.server.route("GET", "/", [](const Request&) { return Response(204); });
            serving.start();
            for (std::size_t i = 0; i < count; ++i) {
                clients.push_back(serving.connect());
                clients.back().sendall("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            }
            for (Socket& client : clients) ASSERT_TRUE(client.recv(1000).starts_with("HTTP/1.1 204"));
            if (round % 2 == 0) serving.server.shutdown(0s);
        }
        for (Socket& client : clients) EXPECT_EQ(client.recv_all(), "");
    }
}

// JSON that is nested without measure is refused before anybody needs a stack for it.
TEST(ServerHostileTest, BoundsTheDepthOfJSON) {
    Serving serving;
    serving.server.route("POST", "/json", [](Request& request) { return Response::json(request.json()); });
    serving.start();
    const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
    std::string bytes = serving.talk(post("/json", nested(max_json_depth)));
    EXPECT_EQ(take_answer(bytes).body, nested(max_json_depth));
    for (const std::size_t depth : {max_json_depth + 1, 800, 1'000'000}) {
        bytes = serving.talk(post("/json", nested(depth)));
        const Answer answer = take_answer(bytes);
        EXPECT_EQ(answer.status, 400) << depth;
        EXPECT_NE(answer.body.find("deeper than 100"), std::string::npos) << answer.body;
    }
}

// Whatever clients do to their connection, they leave no descriptor, no line on standard error and no harm.
TEST(ServerHostileTest, LeavesNothingBehind) {
    Serving serving;
    serving.server.route("POST", "/echo",
                         [](Request& request) { return Response::text(request.read_all()); });
    serving.server.route("GET", "/much",
                         [](const Request&) { return Response::text(std::string(8 << 20, 'x')); });
    serving.start();
    const std::string half =
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 50000\r\n\r\n" + std::string(20'000, 'x');
    std::string many = "GET / HTTP/1.1\r\nHost: a\r\n";
    for (std::size_t i = 0; i < 2 * field_count_limit; ++i) many += "X: y\r\n";
    struct Row {
        const char* name;
        std::string bytes;
        bool is_answered;
    };
    const std::vector<Row> rows = {
        {"nothing", "", false},
        {"half a head", "GET / HTTP/1.1\r\nHo", false},
        {"half a body", half, false},
        {"half a chunk", "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nxx",
         false},
        {"expectation", "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n",
         true},
        {"an answer too large to wait", "GET /much HTTP/1.1\r\nHost: a\r\n\r\n", true},
        {"garbage", "\x16\x03\x01\x02\x00\x01\xfc\r\n\r\n", true},
        {"large field", "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(2 * head_limit, 'a'), true},
        {"many fields", many, true},
    };
    // The runtime may open a few of its own meanwhile; one for each client would show.
    constexpr std::size_t clients = 20;
    const std::size_t before = testing::open_descriptors();
    ::testing::internal::CaptureStderr();
    for (const Row& row : rows) {
        for (const bool is_reset : {false, true}) {
            for (std::size_t i = 0; i < clients; ++i) {
                Socket socket = serving.connect();
                socket.sendall(row.bytes);
                if (row.is_answered) {
                    EXPECT_TRUE(socket.recv(20).starts_with("HTTP/1.1 ")) << row.name;
                }
                if (is_reset) testing::reset_at_close(socket.fileno());
            }
            EXPECT_TRUE(eventually([&] { return testing::open_descriptors() < before + clients; }))
                << row.name;
        }
    }
    EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
    std::string bytes = serving.talk(post("/echo", "fine"));
    EXPECT_EQ(take_answer(bytes).body, "fine");
}

// A client that does not take its answer is given up, and the function that writes one hears of it.
TEST(ServerHostileTest, GivesUpClientsThatDoNotRead) {
    ServerOptions options;
    options.write_timeout = 100ms;
    Serving serving(options);
    Event has_timed_out;
    serving.server.route("GET", "/text",
                         [](const Request&) { return Response::text(std::string(64 << 20, 'x')); });
    serving.server.route("GET", "/stream", [&](const Request&) {
        return Response::stream(
            [&](BodyWriter& out) {
                try {
                    for (;;) out.write(std::string(100'000, 'x'));
                } catch (const TimeoutError&) {
                    has_timed_out.set();
                    throw;
                }
            },
            "text/plain");
    });
    serving.start();
    ::testing::internal::CaptureStderr();
    for (const char* path : {"/text", "/stream"}) {
        Socket socket = serving.connect();
        socket.sendall("GET /none HTTP/1.1\r\nHost: a\r\n\r\n");
        EXPECT_TRUE(socket.recv(1000).starts_with("HTTP/1.1 404")) << "it is accepted";
        const std::size_t before = testing::open_descriptors();
        socket.sendall("GET " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n\r\n");
        EXPECT_TRUE(eventually([&] { return testing::open_descriptors() < before; })) << path;
        std::size_t got = 0;
        try {
            while (const std::size_t size = socket.recv(1 << 20).size()) got += size;
        } catch (const ConnectionResetError&) {
            // As well.
        }
        EXPECT_LT(got, std::size_t{64} << 20) << path;
    }
    EXPECT_TRUE(has_timed_out.wait_for(internal::patience));
    EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

// The cancel that ends a server passes through handlers and writing functions: no answer, no report.
TEST(ServerHostileTest, CancelledPassesThroughHandlers) {
    for (const char* path : {"/handler", "/stream", "/body"}) {
        Event waiting;
        Event never_set;
        std::atomic<bool> was_cancelled = false;
        const auto wait = [&](const auto& act) {
            try {
                waiting.set();
                act();
            } catch (const Cancelled&) {
                was_cancelled = true;
                throw;
            }
        };
        Serving serving;
        serving.server.route("POST", "/handler", [&](const Request&) {
            wait([&] { never_set.wait(); });
            return Response::text("ended");
        });
        serving.server.route("POST", "/body", [&](Request& request) {
            wait([&] { request.read_all(); });
            return Response::text("ended");
        });
        serving.server.route("POST", "/stream", [&](const Request&) {
            return Response::stream([&](BodyWriter&) { wait([&] { never_set.wait(); }); }, "text/plain");
        });
        serving.start();
        ::testing::internal::CaptureStderr();
        Socket socket = serving.connect();
        const char* const length = path == std::string_view("/body") ? "1" : "0";
        socket.sendall("POST " + std::string(path) + " HTTP/1.1\r\nHost: a\r\nContent-Length: " + length +
                       "\r\n\r\n");
        waiting.wait();
        serving.server.shutdown(0s);
        EXPECT_TRUE(was_cancelled) << path;
        EXPECT_EQ(::testing::internal::GetCapturedStderr(), "") << path;
        try {
            EXPECT_EQ(socket.recv_all(), "") << path;
        } catch (const ConnectionResetError&) {
            // As well.
        }
    }
}

// A connection that idles keeps no buffers, however large the heads and files it carried.
TEST(ServerHostileTest, IdleConnectionsAreSmall) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "the sanitizer's own allocator tells nothing";
#endif
    constexpr std::size_t count = 100;
    constexpr std::size_t most_of_one = 16 * 1024;
    const testing::TemporaryDirectory folder;
    write_file(folder / "page", std::string(200'000, 'x'));
    Serving serving;
    serving.server.files("/", folder.path());
    serving.start();
    const std::string request =
        "GET /page HTTP/1.1\r\nHost: a\r\nX: " + std::string(head_limit - 100, 'y') + "\r\n\r\n";
    std::vector<Socket> clients;
    clients.reserve(count);
    const auto ask = [&] {
        clients.push_back(serving.connect());
        clients.back().sendall(request);
        std::size_t got = 0;
        while (got < 200'000) got += clients.back().recv(100'000).size();
    };
    ask();
    const std::size_t before = ::mallinfo2().uordblks;
    while (clients.size() < count) ask();
    EXPECT_TRUE(eventually([&] { return ::mallinfo2().uordblks < before + count * most_of_one; }))
        << (::mallinfo2().uordblks - before) / count << " bytes each";
}

}  // namespace
}  // namespace thrum::http
