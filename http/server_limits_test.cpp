// thrum/http/server_limits_test.cpp: floor 3, http
// No address takes more of a Server's places than it may have.
#include <thrum/http/internal/server_fixture.hpp>
#include <thrum/http/server.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <vector>

namespace thrum::http {
namespace {

using internal::Answer;
using internal::eventually;
using internal::Serving;
using internal::take_answer;

constexpr std::string_view request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

// One connection too many of one address is told 503 and closed; those it has go on, other addresses are
// served, and a place that comes free can be had again.
TEST(ServerLimitsTest, OneAddressDoesNotTakeAllPlaces) {
    ServerOptions options;
    options.max_clients_per_peer = 2;
    std::atomic<int> refused = 0;
    options.access_log = [&refused](const AccessRecord& record) { refused += record.status == 503; };
    Serving serving(options);
    serving.server.route("GET", "/", [](const Request&) { return Response(204); });
    serving.start();
    std::vector<Socket> clients;
    const auto is_served = [](Socket& client) {
        client.sendall(request);
        return client.recv(1000).starts_with("HTTP/1.1 204");
    };
    for (int i = 0; i < 2; ++i) {
        clients.push_back(serving.connect());
        EXPECT_TRUE(is_served(clients.back()));
    }
    // Whether or not it has said something.
    for (const std::string_view said : {request, std::string_view()}) {
        std::string bytes = serving.talk(said, /*ends=*/false);
        const Answer answer = take_answer(bytes);
        EXPECT_EQ(answer.status, 503);
        EXPECT_FALSE(answer.keep_alive);
        EXPECT_NE(answer.body.find("too many connections"), std::string::npos) << answer.body;
        EXPECT_EQ(bytes, "");
    }
    EXPECT_TRUE(eventually([&] { return refused == 2; }));
    Socket neighbour = create_connection(serving.server.address(), {.source = Address("127.0.0.2", 0)});
    EXPECT_TRUE(is_served(neighbour));
    for (Socket& client : clients) EXPECT_TRUE(is_served(client));
    clients.pop_back();
    EXPECT_TRUE(eventually([&] { return serving.talk(request).starts_with("HTTP/1.1 204"); }));
}

// Unless it is told otherwise, a Server has room for the clients of a proxy, and with 0 for everybody.
TEST(ServerLimitsTest, HasRoomByDefault) {
    EXPECT_EQ(ServerOptions().max_clients_per_peer, default_max_clients_per_peer);
    ServerOptions options;
    options.max_clients_per_peer = 0;
    Serving serving(options);
    serving.server.route("GET", "/", [](const Request&) { return Response(204); });
    serving.start();
    std::vector<Socket> clients;
    for (int i = 0; i < 50; ++i) clients.push_back(serving.connect());
    for (Socket& client : clients) {
        client.sendall(request);
        EXPECT_TRUE(client.recv(1000).starts_with("HTTP/1.1 204"));
    }
}

}  // namespace
}  // namespace thrum::http
