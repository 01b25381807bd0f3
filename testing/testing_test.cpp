// thrum/testing/testing_test.cpp: yard, testing
// The peers that other tests lean on are themselves as promised.
#include <thrum/base/errors.hpp>
#include <thrum/base/file.hpp>
#include <thrum/testing/network.hpp>
#include <thrum/testing/peers.hpp>
#include <thrum/testing/raw_server.hpp>

#include <gtest/gtest.h>
#include <signal.h>

#include <fstream>

namespace thrum::testing {
namespace {

// A command's two outputs and its status are kept apart.
TEST(Process, RunKeepsOutputErrorAndStatus) {
    const CommandResult result =
        run({"sh", "-c", "echo out; echo \"$WORD\" >&2; exit 3"}, {.environment = {{"WORD", "err"}}});
    EXPECT_EQ(result.status, 3);
    EXPECT_EQ(result.output, "out\n");
    EXPECT_EQ(result.error_output, "err\n");
}

// A program that does not exist is an error of the start, not a child that exits with 127.
TEST(Process, UnknownProgramThrows) { EXPECT_THROW(Process({"thrum-no-such-program"}), FileNotFoundError); }

// Stopping is by process id, returns the signal, and leaves no child and no descriptor.
TEST(Process, StopEndsIt) {
    const std::size_t before = open_descriptors();
    pid_t pid = 0;
    {
        Process process({"sleep", "1000"});
        pid = process.pid();
        EXPECT_TRUE(process.running());
        EXPECT_EQ(process.stop(), -SIGTERM);
    }
    EXPECT_EQ(kill(pid, 0), -1);
    EXPECT_EQ(open_descriptors(), before);
}

// What a folder holds goes with it.
TEST(TemporaryDirectory, IsRemoved) {
    std::filesystem::path path;
    {
        const TemporaryDirectory folder;
        path = folder.path();
        write_file(folder / "file", "text");
    }
    EXPECT_FALSE(std::filesystem::exists(path));
}

// A certificate verifies against its authority and no other; an expired one does not verify.
TEST(CertificateAuthority, IssuesWhatOpensslVerifies) {
    CertificateAuthority authority;
    const CertificateAuthority other("another CA");
    const auto verify = [](const std::filesystem::path& ca, const Certificate& leaf) {
        return run({"openssl", "verify", "-CAfile", ca, leaf.certificate}).status == 0;
    };
    const Certificate good = authority.issue();
    EXPECT_TRUE(verify(authority.certificate(), good));
    EXPECT_FALSE(verify(other.certificate(), good));
    EXPECT_FALSE(verify(authority.certificate(), authority.issue({.expired = true})));
}

// nginx serves what lies in its root, plain and over TLS.
TEST(Nginx, ServesItsRoot) {
    CertificateAuthority authority;
    const Nginx nginx({.certificate = authority.issue()});
    write_file(nginx.root() / "hello.txt", "hello");
    EXPECT_EQ(run({"curl", "-s", nginx.url() + "/hello.txt"}).output, "hello");
    EXPECT_EQ(run({"curl", "-s", "--cacert", authority.certificate(), nginx.tls_url() + "/hello.txt"}).output,
              "hello");
    EXPECT_NE(nginx.access_log().find("/hello.txt"), std::string::npos);
}

// A wrong configuration is told in nginx's own words.
TEST(Nginx, SaysWhyItDoesNotStart) {
    try {
        const Nginx nginx({.server_lines = "nonsense on;\n"});
        FAIL() << "started";
    } catch (const Error& error) {
        EXPECT_NE(std::string(error.what()).find("nonsense"), std::string::npos) << error.what();
    }
}

// Once nginx is there it listens on every port it has.
TEST(Nginx, ListensOnAllItsPorts) {
    CertificateAuthority authority;
    const Certificate certificate = authority.issue();
    for (int i = 0; i < 5; ++i) {
        const Nginx nginx({.certificate = certificate});
        EXPECT_TRUE(listens(nginx.tls_port()));
        EXPECT_TRUE(listens(nginx.port()));
    }
}

// A free port is none of those that the kernel gives to whoever asks for any, and nobody listens there.
TEST(Network, FreePortsStayFree) {
    std::ifstream range("/proc/sys/net/ipv4/ip_local_port_range");
    unsigned first = 0;
    ASSERT_TRUE(range >> first);
    if (first <= 11'000) GTEST_SKIP() << "the kernel gives away nearly all ports";
    for (int i = 0; i < 20; ++i) {
        const std::uint16_t port = free_port();
        EXPECT_LT(port, first);
        EXPECT_FALSE(listens(port));
    }
}

// httpbin answers.
TEST(Httpbin, Answers) {
    const Httpbin httpbin;
    EXPECT_NE(run({"curl", "-s", httpbin.url() + "/get?q=1"}).output.find("\"q\":\"1\""), std::string::npos);
}

// The raw server sends the bytes it was given and counts connections.
TEST(RawServer, SendsBytes) {
    RawServer server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
    EXPECT_EQ(run({"curl", "-s", server.url(), server.url()}).output, "hihi");
    EXPECT_EQ(server.connections(), 1);
}

}  // namespace
}  // namespace thrum::testing
