// thrum/http/server_peers_test.cpp: floor 3, http
// curl and Python's http.client, which nobody here wrote, get from a Server what they asked for.
#include <thrum/http/internal/server_fixture.hpp>

#include <gtest/gtest.h>

#include <cstdio>
#include <memory>
#include <string>

namespace thrum::http {
namespace {

using internal::Serving;

// What the shell command prints; "" with a failure noted when it fails.
std::string output_of(const std::string& command) {
    std::FILE* pipe = popen(command.c_str(), "r");
    if (pipe == nullptr) return "cannot run " + command;
    std::string output;
    char buffer[4096];
    while (const std::size_t size = std::fread(buffer, 1, sizeof buffer, pipe)) output.append(buffer, size);
    EXPECT_EQ(pclose(pipe), 0) << command << '\n' << output;
    return output;
}

class ServerPeersTest : public testing::Test {
protected:
    void SetUp() override {
        serving_.server.route("GET", "/hello",
                              [](const Request&) { return Response::text("Hello, world!"); });
        serving_.server.route("POST", "/echo",
                              [](Request& request) { return Response::text(request.read_all()); });
        serving_.server.route("GET", "/stream", [](const Request&) {
            return Response::stream(
                [](BodyWriter& out) {
                    for (int i = 0; i < 100; ++i) out.write(std::string(1000, 'x'));
                },
                "text/plain");
        });
        serving_.start();
        port_ = std::to_string(serving_.server.address().port());
    }
    static bool has(const std::string& program) {
        return output_of("command -v " + program + " || true").find(program) != std::string::npos;
    }

    Serving serving_;
    std::string port_;
};

// Several requests of one curl travel over one connection, with bodies both ways.
TEST_F(ServerPeersTest, Curl) {
    if (!has("curl")) GTEST_SKIP() << "curl is not installed";
    const std::string base = "http://127.0.0.1:" + port_;
    const std::string curl = "curl -sS --max-time 20 ";
    EXPECT_EQ(output_of(curl + "-w ' %{num_connects}' " + base + "/hello " + base + "/hello"),
              "Hello, world! 1Hello, world! 0");
    EXPECT_EQ(output_of(curl + "--http1.0 -w ' %{http_code}' " + base + "/hello"), "Hello, world! 200");
    EXPECT_EQ(output_of(curl + "-d abc -H 'Transfer-Encoding: chunked' " + base + "/echo"), "abc");
    EXPECT_EQ(output_of("head -c 2000000 /dev/zero | " + curl +
                        "--data-binary @- -H 'Expect: 100-continue' " + base + "/echo | wc -c"),
              "2000000\n");
    EXPECT_EQ(output_of(curl + base + "/stream | wc -c"), "100000\n");
    EXPECT_EQ(output_of(curl + "--http1.0 " + base + "/stream | wc -c"), "100000\n");
    EXPECT_EQ(
        output_of(curl + "-I " + base + "/hello -o /dev/null -w '%{http_code} %header{content-length}'"),
        "200 13");
    EXPECT_EQ(output_of(curl + "-X PUT " + base + "/hello -o /dev/null -w '%{http_code} %header{allow}'"),
              "405 GET, HEAD");
}

// Python's strict client agrees about framing, keep-alive and errors.
TEST_F(ServerPeersTest, PythonHttpClient) {
    if (!has("python3")) GTEST_SKIP() << "python3 is not installed";
    const std::string script = R"(
import http.client
c = http.client.HTTPConnection("127.0.0.1", )" +
                               port_ + R"(, timeout=20)
def ask(*request, **options):
    c.request(*request, **options)
    r = c.getresponse()
    return r.status, r.read()
assert ask("GET", "/hello") == (200, b"Hello, world!")
first = c.sock
assert ask("POST", "/echo", b"x" * 100000) == (200, b"x" * 100000)
assert ask("POST", "/echo", iter([b"ab", b"c"]), encode_chunked=True, headers={"Transfer-Encoding": "chunked"}) == (200, b"abc")
assert ask("GET", "/stream") == (200, b"x" * 100000)
assert ask("HEAD", "/hello") == (200, b"")
assert ask("GET", "/nothing")[0] == 404
assert ask("GET", "/hello", b"a body nobody reads") == (200, b"Hello, world!")
assert c.sock is first, "the connection was not kept"
print("agreed")
)";
    EXPECT_EQ(output_of("python3 -c '" + script + "' 2>&1"), "agreed\n");
}

}  // namespace
}  // namespace thrum::http
