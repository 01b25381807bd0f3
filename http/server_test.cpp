// thrum/http/server_test.cpp: floor 3, http
// A Server answers each request in order and by the rules, and what is no request gets its status and no
// more.
#include <thrum/http/internal/server_fixture.hpp>
#include <thrum/http/server.hpp>
#include <thrum/testing/network.hpp>
#include <thrum/threads/event.hpp>
#include <thrum/threads/queue.hpp>

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

namespace thrum::http {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using internal::Answer;
using internal::Serving;
using internal::take_answer;

void add_routes(Server& server) {
    server.route("GET", "/hello", [](const Request&) { return Response::text("Hello, world!"); });
    server.route("GET", "/users/{name}", [](const Request& request) {
        return Response::json({{"name", request.path_params().at("name")}});
    });
    server.route("GET", "/users/me", [](const Request&) { return Response::text("you"); });
    server.route("DELETE", "/users/{name}", [](const Request&) { return Response(204); });
    server.route("GET", "/rest/{path...}",
                 [](const Request& request) { return Response::text(request.path_params().at("path")); });
    server.route("POST", "/echo", [](Request& request) { return Response::text(request.read_all()); });
    server.route("POST", "/json", [](Request& request) { return Response::json(request.json()); });
    server.route("POST", "/ignore", [](const Request&) { return Response::text("ignored"); });
    server.route("POST", "/small", [](Request& request) { return Response::text(request.read_all(4)); });
    server.route("GET", "/throw", [](const Request&) -> Response { throw std::runtime_error("oops"); });
    server.route("GET", "/query", [](const Request& request) {
        return Response::text(std::string(request.param("q").value_or("none")));
    });
    server.route("GET", "/stream", [](const Request&) {
        return Response::stream(
            [](BodyWriter& out) {
                for (int i = 0; i < 3; ++i) out.write("piece " + std::to_string(i) + "\n");
            },
            "text/plain");
    });
    server.route("GET", "/break", [](const Request&) {
        return Response::stream(
            [](BodyWriter& out) {
                out.write("begun");
                throw std::runtime_error("broken");
            },
            "text/plain");
    });
    server.route("BREW", "/pot", [](const Request&) { return Response(418); });
}

class ServerTest : public ::testing::Test {
protected:
    void SetUp() override {
        add_routes(serving_.server);
        serving_.start();
    }
    Answer ask(std::string_view method, std::string_view target, std::string_view rest = "\r\n") {
        std::string bytes = serving_.talk(std::string(method) + " " + std::string(target) +
                                          " HTTP/1.1\r\nHost: a\r\n" + std::string(rest));
        Answer answer = take_answer(bytes, method);
        EXPECT_EQ(bytes, "") << target;
        return answer;
    }

    Serving serving_;
};

// Each path goes to its handler, with its parameters decoded, and to nobody where there is none.
TEST_F(ServerTest, Routes) {
    struct Row {
        std::string_view method;
        std::string_view target;
        int status;
        std::string_view body;
    };
    const std::vector<Row> rows = {
        {"GET", "/hello", 200, "Hello, world!"},
        {"GET", "/hell%6f", 200, "Hello, world!"},
        {"GET", "http://other/hello", 200, "Hello, world!"},
        {"GET", "/hello?x", 200, "Hello, world!"},
        {"HEAD", "/hello", 200, ""},
        {"GET", "/users/J%C3%B6rg", 200, "{\"name\":\"J\xc3\xb6rg\"}"},
        {"GET", "/users/a%2Fb", 200, "{\"name\":\"a/b\"}"},
        {"GET", "/users/%ff", 200, "{\"name\":\"\xef\xbf\xbd\"}"},
        {"GET", "/users/me", 200, "you"},
        {"DELETE", "/users/me", 204, ""},
        {"GET", "/rest/a/b%20c/", 200, "a/b c/"},
        {"GET", "/rest/", 200, ""},
        {"GET", "/query?a=b&q=x+y%26z", 200, "x y&z"},
        {"GET", "/query", 200, "none"},
        {"GET", "/stream", 200, "piece 0\npiece 1\npiece 2\n"},
        {"BREW", "/pot", 418, ""},
        {"GET", "/", 404, "404 Not Found\n"},
        {"GET", "/hello/", 404, "404 Not Found\n"},
        {"GET", "/Hello", 404, "404 Not Found\n"},
        {"GET", "/users/", 404, "404 Not Found\n"},
        {"GET", "/users/a/b", 404, "404 Not Found\n"},
        {"GET", "/rest", 404, "404 Not Found\n"},
        {"GET", "/throw", 500, "500 Internal Server Error\n"},
        {"STEAM", "/hello", 501, "501 Not Implemented\n"},
        {"CONNECT", "a:80", 501, "501 Not Implemented\n"},
    };
    for (const Row& row : rows) {
        const Answer answer = ask(row.method, row.target);
        EXPECT_EQ(answer.status, row.status) << row.method << ' ' << row.target;
        EXPECT_EQ(answer.body, row.body) << row.method << ' ' << row.target;
    }
    EXPECT_EQ(ask("HEAD", "/hello").headers.get("Content-Length"), "13");
    EXPECT_EQ(ask("DELETE", "/users/a").headers.get("Content-Length"), std::nullopt);
}

// A wrong method is told which ones are right (RFC 9110 §15.5.6).
TEST_F(ServerTest, TellsAllowedMethods) {
    EXPECT_EQ(ask("PUT", "/users/a").status, 405);
    EXPECT_EQ(ask("PUT", "/users/a").headers.get("Allow"), "GET, HEAD, DELETE");
    EXPECT_EQ(ask("HEAD", "/echo").headers.get("Allow"), "POST");
    EXPECT_EQ(ask("OPTIONS", "/echo").status, 204);
    EXPECT_EQ(ask("OPTIONS", "/echo").headers.get("Allow"), "POST");
    EXPECT_EQ(ask("OPTIONS", "*").status, 204);
}

// Bodies come whole in every framing, and one that was not read does not disturb the next request.
TEST_F(ServerTest, ReadsBodies) {
    const std::string large(3'000'000, 'x');
    EXPECT_EQ(ask("POST", "/echo", "Content-Length: 3000000\r\n\r\n" + large).body, large);
    EXPECT_EQ(
        ask("POST", "/echo", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\nT: 1\r\n\r\n")
            .body,
        "abcde");
    EXPECT_EQ(ask("POST", "/echo").body, "");
    EXPECT_EQ(ask("POST", "/small", "Content-Length: 4\r\n\r\nabcd").body, "abcd");
    EXPECT_EQ(ask("POST", "/small", "Content-Length: 5\r\n\r\nabcde").status, 413);
    EXPECT_EQ(ask("POST", "/echo", "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd").status, 400);
    EXPECT_EQ(ask("POST", "/echo", "Content-Length: 5\r\n\r\nabc").status, 400)
        << "the client ended too early";
    EXPECT_EQ(ask("POST", "/echo", "Content-Length: 99999999999\r\n\r\n").status, 413);
    EXPECT_EQ(ask("POST", "/ignore", "Content-Length: 4\r\nExpect: magic\r\n\r\nabcd").status, 417);
    std::string bytes = serving_.talk(
        "POST /ignore HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
        "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_EQ(take_answer(bytes).body, "ignored");
    EXPECT_EQ(take_answer(bytes).body, "Hello, world!");
}

// A body that nobody reads and that is too large to read away costs the connection, but not the answer.
TEST_F(ServerTest, ClosesInsteadOfDrainingWithoutEnd) {
    std::string bytes = serving_.talk("POST /ignore HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n" +
                                      std::string(100'000, 'x') + "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
    const Answer answer = take_answer(bytes);
    EXPECT_EQ(answer.body, "ignored");
    EXPECT_FALSE(answer.keep_alive);
    EXPECT_EQ(bytes, "") << "the body must never be read as a request";
}

// "100 Continue" is sent when the handler wants the body, and only then.
TEST_F(ServerTest, AsksForExpectedBodies) {
    Socket socket = serving_.connect();
    socket.sendall("POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    std::string bytes = socket.recv(1000);
    EXPECT_EQ(bytes, "HTTP/1.1 100 Continue\r\n\r\n");
    socket.sendall("hi");
    socket.shutdown(SHUT_WR);
    bytes = socket.recv_all();
    EXPECT_EQ(take_answer(bytes).body, "hi");

    bytes = serving_.talk(
        "POST /ignore HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    const Answer answer = take_answer(bytes);
    EXPECT_EQ(answer.status, 200);
    EXPECT_FALSE(answer.keep_alive) << "nobody knows whether the body will come";
}

// Requests sent at once are answered in their order; the connection ends when one side says so.
TEST_F(ServerTest, KeepsAliveAndPipelines) {
    const std::string hello = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n";
    const std::string user = "GET /users/x HTTP/1.1\r\nHost: a\r\n\r\n";
    const std::string last = "GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    std::string bytes = serving_.talk("\r\n" + hello + user + "\r\n" + hello + last + user, false);
    const Answer first = take_answer(bytes);
    EXPECT_EQ(first.body, "Hello, world!");
    EXPECT_TRUE(first.keep_alive);
    EXPECT_TRUE(first.headers.get("Date").value_or("").ends_with(" GMT"));
    EXPECT_EQ(take_answer(bytes).body, "{\"name\":\"x\"}");
    EXPECT_EQ(take_answer(bytes).body, "Hello, world!");
    EXPECT_FALSE(take_answer(bytes).keep_alive);
    EXPECT_EQ(bytes, "") << "nothing is answered after close";

    bytes = serving_.talk("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /stream HTTP/1.0\r\n\r\n",
                          false);
    const Answer old = take_answer(bytes);
    EXPECT_TRUE(old.keep_alive) << "HTTP/1.1 answer to a kept HTTP/1.0 connection";
    EXPECT_EQ(old.headers.get("Connection"), "keep-alive");
    const Answer streamed = take_answer(bytes);
    EXPECT_EQ(streamed.headers.get("Transfer-Encoding"), std::nullopt) << "HTTP/1.0 knows no chunks";
    EXPECT_EQ(streamed.body, "piece 0\npiece 1\npiece 2\n");
}

// A streamed answer that breaks off is seen to be broken.
TEST_F(ServerTest, ShowsThatAStreamBroke) {
    const std::string bytes = serving_.talk("GET /break HTTP/1.1\r\nHost: a\r\n\r\n", false);
    EXPECT_TRUE(bytes.ends_with("5\r\nbegun\r\n")) << bytes;
}

// What is no request gets one answer and the end of the connection.
TEST_F(ServerTest, RefusesWhatIsNoRequest) {
    struct Row {
        std::string bytes;
        int status;
    };
    const std::vector<Row> rows = {
        {"\x16\x03\x01\x02", 400},
        {"GET /hello\r\n\r\n", 400},
        {"GET /hello HTTP/1.1\r\n\r\n", 400},
        {"GET /hello HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
        {"GET /hello HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n", 400},
        {"GET /hello HTTP/1.1\nHost: a\n\n", 400},
        {"GET /hello HTTP/2.0\r\nHost: a\r\n\r\n", 505},
        {"GET /" + std::string(start_line_limit, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n", 414},
        {"GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(head_limit, 'a') + "\r\n\r\n", 431},
        {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501},
        {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
         400},
    };
    for (const Row& row : rows) {
        std::string bytes = serving_.talk(row.bytes + "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
        const Answer answer = take_answer(bytes);
        EXPECT_EQ(answer.status, row.status) << row.bytes.substr(0, 100);
        EXPECT_FALSE(answer.keep_alive);
        EXPECT_EQ(bytes, "") << "nothing more is read from such a client";
    }
    EXPECT_EQ(serving_.talk(""), "");
    EXPECT_EQ(serving_.talk("GET / HT"), "") << "nobody to answer";
}

// Clients that keep a place without using it lose it: while a head, a body or a next request is waited for.
TEST(ServerDeadlinesTest, EndSlowClients) {
    ServerOptions options;
    options.header_timeout = 200ms;
    options.idle_timeout = 200ms;
    options.body_timeout = 200ms;
    Serving serving(options);
    add_routes(serving.server);
    serving.listen();
    // All is said before anybody looks at the clock.
    Socket silent = serving.connect();
    Socket slow_head = serving.connect();
    slow_head.sendall("GET / HTTP/1.1\r\nHo");
    Socket slow_body = serving.connect();
    slow_body.sendall("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe");
    Socket idle = serving.connect();
    idle.sendall("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
    serving.start();
    EXPECT_EQ(silent.recv_all(), "");
    std::string bytes = slow_head.recv_all();
    EXPECT_EQ(take_answer(bytes).status, 408);
    bytes = slow_body.recv_all();
    EXPECT_EQ(take_answer(bytes).status, 408);
    bytes = idle.recv_all();
    EXPECT_EQ(take_answer(bytes).status, 200);
    EXPECT_EQ(bytes, "");
}

// A body that trickles for ever ends when its time is used up, though each byte comes in time.
TEST(ServerDeadlinesTest, EndTrickles) {
    ServerOptions options;
    options.body_timeout = 100ms;
    Serving serving(options);
    add_routes(serving.server);
    serving.start();
    Socket socket = serving.connect();
    socket.sendall("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n");
    Thread trickle([&socket] {
        try {
            for (;;) {
                socket.sendall("x");
                sleep(5ms);
            }
        } catch (const ConnectionError&) {
        }
    });
    std::string bytes;
    while (bytes.find("\r\n\r\n") == bytes.npos) bytes += socket.recv(1000);
    EXPECT_TRUE(bytes.starts_with("HTTP/1.1 408 ")) << bytes;
}

// shutdown() lets an answer end that is being made, and does not wait for clients that idle.
TEST(ServerShutdownTest, FinishesAnswersAndLeavesIdleClients) {
    Event asked;
    Event go_on;
    Serving serving;
    add_routes(serving.server);
    serving.server.route("GET", "/slow", [&](const Request&) {
        asked.set();
        go_on.wait();
        return Response::text("done");
    });
    serving.listen({testing::own_address(), 0});  // nobody else shall get the port afterwards
    serving.start();
    Socket idle = serving.connect();
    idle.sendall("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_TRUE(idle.recv(1000).starts_with("HTTP/1.1 200"));
    Socket busy = serving.connect();
    busy.sendall("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
    asked.wait();
    while (serving.server.answering() != 1) yield();  // the idle one's answer may not be done with
    Thread stopping([&] { serving.server.shutdown(1h); });
    EXPECT_EQ(idle.recv_all(), "");
    go_on.set();
    std::string bytes = busy.recv_all();
    const Answer answer = take_answer(bytes);
    EXPECT_EQ(answer.body, "done");
    EXPECT_FALSE(answer.keep_alive);
    stopping.join();
    EXPECT_EQ(serving.server.answering(), 0U);
    EXPECT_THROW(serving.connect(), ConnectionRefusedError);
}

// The log tells of every answer, and the delay comes before it.
TEST(ServerOptionsTest, LogsAndDelays) {
    Queue<std::string> lines(10);
    ServerOptions options;
    options.delay = 30ms;
    options.access_log = [&lines](const AccessRecord& record) {
        EXPECT_EQ(record.peer.host(), "127.0.0.1");
        EXPECT_TRUE(record.status != 200 || record.took >= 30ms);
        lines.put(std::string(record.method) + " " + std::string(record.target) + " " +
                  std::to_string(record.status) + " " + std::to_string(record.body_bytes));
    };
    Serving serving(options);
    add_routes(serving.server);
    serving.start();
    serving.talk("GET /hello?a HTTP/1.1\r\nHost: a\r\n\r\n");
    serving.talk("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n");
    serving.talk("no request\r\n\r\n");
    EXPECT_EQ(lines.get(), "GET /hello?a 200 13");
    EXPECT_EQ(lines.get(), "GET /stream 200 24");
    EXPECT_TRUE(lines.get()->starts_with("  400 "));
}

// Routes that cannot be, and a server that does not listen, are told at once.
TEST(ServerTestWithoutClients, RefusesWrongUse) {
    Server server;
    const auto handler = [](const Request&) { return Response(); };
    for (const char* pattern : {"", "hello", "/{", "/{}", "/a{b}", "/{a}b", "/{a...}/b", "/{{a}}", "/}"}) {
        EXPECT_THROW(server.route("GET", pattern, handler), Error) << pattern;
    }
    EXPECT_THROW(server.route("GE T", "/", handler), Error);
    EXPECT_THROW(server.route("GET", "/", nullptr), Error);
    EXPECT_THROW(server.files("/", "/nowhere/at/all"), FileNotFoundError);
    EXPECT_THROW(server.serve_forever(), Error);
    EXPECT_THROW((void)server.address(), Error);
    EXPECT_THROW(Response(99), Error);
    EXPECT_THROW(Response::redirect("/a\r\nSet-Cookie: b"), HeaderError);
}

}  // namespace
}  // namespace thrum::http
