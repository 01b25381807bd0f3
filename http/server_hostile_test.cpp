// thrum/http/server_hostile_test.cpp: floor 3, http
// A Server outlives clients that mean no good, clients that vanish, and its own end while all of them are
// there.
#include <thrum/http/internal/server_fixture.hpp>
#include <thrum/http/json.hpp>
#include <thrum/http/server.hpp>
#include <thrum/threads/event.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace thrum::http {
namespace {

using namespace std::chrono_literals;
using internal::Answer;
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

}  // namespace
}  // namespace thrum::http
