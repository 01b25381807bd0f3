// thrum/sockets/socket_file_test.cpp: floor 2, sockets
// Files go out and come in whole, without passing through this process.
#include <thrum/sockets/connection.hpp>
#include <thrum/sockets/socket.hpp>
#include <thrum/testing/failures.hpp>
#include <thrum/testing/process.hpp>
#include <thrum/threads/thread.hpp>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include <csignal>

namespace thrum {
namespace {

using namespace std::chrono_literals;
using testing::expect_failure;

std::string numbered(std::size_t size) {
    std::string text;
    text.reserve(size + 10);
    for (std::size_t i = 0; text.size() < size; ++i) text += std::to_string(i) + "\n";
    text.resize(size);
    return text;
}

UniqueFd open_file(const std::filesystem::path& path, int flags) {
    return UniqueFd(::open(path.c_str(), flags | O_CLOEXEC, 0600));
}

// Two ends of a TCP connection and of a Unix one.
std::vector<std::pair<Socket, Socket>> pairs() {
    std::vector<std::pair<Socket, Socket>> all;
    Socket server = create_server({"127.0.0.1", 0});
    Socket client = create_connection(server.getsockname());
    all.emplace_back(server.accept().first, std::move(client));
    all.push_back(Socket::pair());
    return all;
}

struct Part {
    std::uint64_t offset;
    std::optional<std::uint64_t> count;
    std::uint64_t expected;
};

constexpr std::size_t file_size = 5'000'000;

// Any part of a file is sent, up to its end at most, past what the socket holds at once, and into a file at
// any place.
TEST(SocketFile, PartsOfFilesArriveWhole) {
    const testing::TemporaryDirectory folder;
    const std::string content = numbered(file_size);
    write_file(folder / "in", content);
    const UniqueFd in = open_file(folder / "in", O_RDONLY);
    const Part table[] = {{0, {}, file_size},
                          {1000, {}, file_size - 1000},
                          {7, 100, 100},
                          {0, 0, 0},
                          {file_size - 10, 100, 10},
                          {file_size + 5, {}, 0},
                          {3, 4'000'000, 4'000'000}};
    for (const Part& part : table) {
        for (auto& [here, there] : pairs()) {
            const UniqueFd out = open_file(folder / "out", O_RDWR | O_CREAT | O_TRUNC);
            Thread sending([&, &here = here] {
                EXPECT_EQ(here.sendfile(in.get(), part.offset, part.count), part.expected);
                here.close();
            });
            EXPECT_EQ(there.receive_file(out.get(), 5), part.expected);
            sending.join();
            const std::string got = read_file(folder / "out");
            if (part.expected == 0) {
                EXPECT_EQ(got, "");
                continue;
            }
            ASSERT_EQ(got.size(), part.expected + 5);
            EXPECT_TRUE(std::string_view(got).substr(5) == content.substr(part.offset, part.expected));
        }
    }
    EXPECT_EQ(::lseek(in.get(), 0, SEEK_CUR), 0) << "the file's own position stays";
}

// Receiving stops at the count, and what follows is still in the stream.
TEST(SocketFile, CountLeavesTheRest) {
    const testing::TemporaryDirectory folder;
    const UniqueFd out = open_file(folder / "out", O_RDWR | O_CREAT);
    for (auto& [here, there] : pairs()) {
        here.sendall("headbodytail");
        EXPECT_EQ(there.recv(4), "head");
        EXPECT_EQ(there.receive_file(out.get(), 0, 4), 4u);
        EXPECT_EQ(there.recv(100), "tail");
        EXPECT_EQ(there.receive_file(out.get(), 0, 0), 0u);
    }
    EXPECT_EQ(read_file(folder / "out"), "body");
}

// A peer that is gone is an error and no signal, also where the signal would end the process.
TEST(SocketFile, NoSignalForABrokenPipe) {
    const testing::TemporaryDirectory folder;
    write_file(folder / "in", numbered(file_size));
    const UniqueFd in = open_file(folder / "in", O_RDONLY);
    struct sigaction fatal = {};
    fatal.sa_handler = SIG_DFL;
    struct sigaction before = {};
    ASSERT_EQ(::sigaction(SIGPIPE, &fatal, &before), 0);
    for (auto& [here, there] : pairs()) {
        there.close();
        const std::string peer = here.family() == AF_UNIX ? "unix:" : "127.0.0.1:";
        expect_failure<ConnectionError>(
            [&, &here = here] {
                for (;;) here.sendfile(in.get());
            },
            {"cannot send a file to " + peer});
    }
    sigset_t pending;
    ::sigpending(&pending);
    EXPECT_EQ(::sigismember(&pending, SIGPIPE), 0);
    ASSERT_EQ(::sigaction(SIGPIPE, &before, nullptr), 0);
}

// Waits end at the timeout, by cancel and by close.
TEST(SocketFile, WaitsEnd) {
    const testing::TemporaryDirectory folder;
    write_file(folder / "in", numbered(file_size));
    const UniqueFd file = open_file(folder / "in", O_RDWR);
    auto [here, there] = Socket::pair();
    here.settimeout(0ns);
    there.settimeout(0ns);
    expect_failure<TimeoutError>([&, &there = there] { there.receive_file(file.get()); },
                                 {"timed out trying to receive a file from unix:"});
    expect_failure<TimeoutError>([&, &here = here] { here.sendfile(file.get()); },
                                 {"timed out trying to send a file to unix:"});
    here.settimeout(std::nullopt);
    Thread cancelled([&, &here = here] { here.sendfile(file.get()); });
    yield();
    cancelled.cancel();
    cancelled.join();
    int code = 0;
    Thread closed_under([&, &here = here] {
        try {
            here.receive_file(file.get());
        } catch (const OSError& error) {
            code = error.code();
        }
    });
    yield();
    here.close();
    closed_under.join();
    EXPECT_EQ(code, EBADF);
}

// Where the file system has no sendfile or splice, as proc(5), the bytes go through memory, from and to the
// same places.
TEST(SocketFile, FileSystemsWithoutSplice) {
    const std::string environment = read_file("/proc/self/environ");
    const UniqueFd in = open_file("/proc/self/environ", O_RDONLY);
    auto [to, from] = Socket::pair();
    ASSERT_LT(::sendfile(to.fileno(), in.get(), nullptr, 1), 0) << "this kernel can, so this tests nothing";
    ASSERT_EQ(errno, EINVAL);
    for (auto& [here, there] : pairs()) {
        EXPECT_EQ(here.sendfile(in.get(), 3), environment.size() - 3);
        EXPECT_EQ(here.sendfile(in.get(), 1, 4), 4u);
        EXPECT_EQ(here.sendfile(in.get(), 1, 0), 0u);
        here.close();
        EXPECT_EQ(there.recv_all(), environment.substr(3) + environment.substr(1, 4));
        expect_failure<OSError>([&, &here = here] { here.sendfile(in.get()); }, {"Bad file descriptor"});
    }
    const std::string filter = "0x" + read_file("/proc/self/coredump_filter");
    const UniqueFd out = open_file("/proc/self/coredump_filter", O_RDWR);
    for (auto& [here, there] : pairs()) {
        here.sendall("0x31");
        here.close();
        EXPECT_EQ(there.receive_file(out.get()), 4u);
        EXPECT_EQ(read_file("/proc/self/coredump_filter"), "00000031\n");
        ASSERT_GT(::pwrite(out.get(), filter.data(), filter.size(), 0), 0);
    }
}

// A file that is cut while it goes ends there, whatever was asked for; what went is said.
TEST(SocketFile, FilesThatShrink) {
    constexpr std::uint64_t large = 64 << 20;
    const testing::TemporaryDirectory folder;
    for (auto& [here, there] : pairs()) {
        write_file(folder / "in", "begin");
        const UniqueFd in = open_file(folder / "in", O_RDWR);
        ASSERT_EQ(::ftruncate(in.get(), large), 0);
        std::uint64_t sent = 0;
        Thread sending([&, &here = here] {
            sent = here.sendfile(in.get(), 0, large);
            here.close();
        });
        // The first byte is there, and all of it cannot be: the kernel holds less.
        std::string got = there.recv(1);
        ASSERT_EQ(::ftruncate(in.get(), 1000), 0);
        got += there.recv_all();
        sending.join();
        EXPECT_EQ(sent, got.size());
        EXPECT_LT(sent, large);
        EXPECT_TRUE(got.starts_with("begin"));
    }
}

// Transfers one after the other use the same pipe; one that broke with bytes in it is used no more.
TEST(SocketFile, PipesAreUsedAgain) {
    const testing::TemporaryDirectory folder;
    const UniqueFd out = open_file(folder / "out", O_RDWR | O_CREAT);
    const UniqueFd reading = open_file(folder / "out", O_RDONLY);
    auto [here, there] = Socket::pair();
    const auto receive = [&, &here = here, &there = there](const std::string& text) {
        here.sendall(text);
        EXPECT_EQ(there.receive_file(out.get(), 0, text.size()), text.size());
        EXPECT_EQ(read_file(folder / "out").substr(0, text.size()), text);
    };
    receive("one");
    const std::size_t before = testing::open_descriptors();
    receive("two");
    EXPECT_EQ(testing::open_descriptors(), before);
    here.sendall("lost");
    expect_failure<OSError>([&, &there = there] { there.receive_file(reading.get(), 0, 4); },
                            {"cannot write to descriptor"});
    receive("six");
    EXPECT_EQ(testing::open_descriptors(), before);
}

// What is no file to send or to receive into says so, and nothing is left open.
TEST(SocketFile, WhatIsNoFile) {
    const testing::TemporaryDirectory folder;
    write_file(folder / "in", "x");
    const UniqueFd appending = open_file(folder / "in", O_WRONLY | O_APPEND);
    const UniqueFd reading = open_file(folder / "in", O_RDONLY);
    auto [here, there] = Socket::pair();
    const std::size_t before = testing::open_descriptors();
    expect_failure<OSError>([&, &here = here, &there = there] { here.sendfile(there.fileno()); },
                            {"cannot send descriptor ", "only regular files"});
    expect_failure<OSError>([&here = here] { here.sendfile(-1); }, {"Bad file descriptor"});
    expect_failure<OSError>([&, &here = here] { here.sendfile(reading.get(), ~std::uint64_t{0}); },
                            {"18446744073709551615 as the offset"});
    for (const int file : {appending.get(), reading.get()}) {
        here.sendall("x");
        expect_failure<OSError>([&, &there = there] { there.receive_file(file); },
                                {"cannot write to descriptor " + std::to_string(file)});
    }
    EXPECT_LE(testing::open_descriptors(), before) << "pipes that were idle are broken now, and closed";
    expect_failure<OSError>([] { Socket().sendfile(0); }, {"Bad file descriptor"});
    expect_failure<OSError>([] { Socket().receive_file(0); }, {"Bad file descriptor"});
}

}  // namespace
}  // namespace thrum
