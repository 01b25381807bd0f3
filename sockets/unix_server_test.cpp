// thrum/sockets/unix_server_test.cpp: floor 2, sockets
// The file of a Unix server: there while it serves, gone afterwards, and nobody else's.
#include <thrum/base/file.hpp>
#include <thrum/sockets/connection.hpp>
#include <thrum/sockets/server.hpp>
#include <thrum/testing/failures.hpp>
#include <thrum/testing/process.hpp>
#include <thrum/threads/thread.hpp>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <optional>
#include <vector>

namespace thrum {
namespace {

using namespace std::chrono_literals;

void greet(Stream& client, const Address&) { client.sendall("hello"); }

struct UnixServerTest : ::testing::Test {
    std::string ask(const Address& address) const { return create_connection(address).recv_all(); }

    testing::TemporaryDirectory folder;
    std::filesystem::path path = folder / "s.sock";
    Address address = Address::unix_path(path);
};

// The file goes with shutdown(), and with the server where that did not come.
TEST_F(UnixServerTest, TheFileGoesWithTheServer) {
    for (const bool is_shut_down : {true, false}) {
        UnixServer server(path, greet);
        Thread serving([&] { server.serve_forever(); });
        EXPECT_EQ(ask(address), "hello");
        EXPECT_EQ(server.address(), address);
        if (is_shut_down) {
            server.shutdown(60s);
            EXPECT_FALSE(std::filesystem::exists(path));
        }
    }
    EXPECT_EQ(testing::files_in(folder.path()), std::set<std::string>());
}

// What a server that was killed left behind is replaced; what somebody answers on is not.
TEST_F(UnixServerTest, ReplacesOnlyWhatIsStale) {
    {
        Socket killed(AF_UNIX, SOCK_STREAM);
        killed.bind(address);
        killed.listen();
    }
    ASSERT_TRUE(std::filesystem::exists(path));
    UnixServer server(path, greet);
    Thread serving([&] { server.serve_forever(); });
    testing::expect_failure<OSError>([&] { UnixServer(path, greet); },
                                     {"cannot listen on unix:" + path.string(), "Address already in use"});
    EXPECT_EQ(ask(address), "hello") << "the first one's file is still there";
    EXPECT_EQ(testing::files_in(folder.path()), std::set<std::string>{"s.sock"});
}

// A server whose queue is full answers nobody now, and is no stale one.
TEST_F(UnixServerTest, AFullQueueIsNotStale) {
    Socket busy(AF_UNIX, SOCK_STREAM);
    busy.bind(address);
    busy.listen(0);
    Socket first = create_connection(address);
    EXPECT_THROW(UnixServer(path, greet), OSError);
    busy.accept().first.sendall("still here");
    EXPECT_EQ(first.recv_all(), "still here");
}

// Files that are no sockets are never removed.
TEST_F(UnixServerTest, KeepsOtherFiles) {
    write_file(path, "precious");
    EXPECT_THROW(UnixServer(path, greet), OSError);
    EXPECT_EQ(read_file(path), "precious");
    std::filesystem::remove(path);
    {
        UnixServer server(path, greet);
        std::filesystem::remove(path);
        write_file(path, "somebody else's by now");
    }
    EXPECT_EQ(read_file(path), "somebody else's by now");
}

// Of many servers that start at once over a stale file, exactly one comes to serve.
TEST_F(UnixServerTest, OneOfManyReplacesIt) {
    for (int round = 0; round < 20; ++round) {
        {
            Socket killed(AF_UNIX, SOCK_STREAM);
            killed.bind(address);
        }
        std::atomic<int> refused = 0;
        std::vector<std::optional<UnixServer>> servers(8);
        std::vector<Thread> starting;
        for (auto& server : servers) {
            starting.emplace_back([&] {
                try {
                    server.emplace(path, greet);
                } catch (const OSError&) {
                    ++refused;
                }
            });
        }
        for (Thread& thread : starting) thread.join();
        EXPECT_EQ(refused, 7);
        Socket reached = create_connection(address);
        servers.clear();
        EXPECT_EQ(testing::files_in(folder.path()), std::set<std::string>());
    }
}

// The permissions asked for are the file's before anybody can connect.
TEST_F(UnixServerTest, Permissions) {
    UnixServer server(path, greet, {.mode = 0600});
    struct stat found {};
    ASSERT_EQ(::stat(path.c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 07777, 0600u);
}

// An abstract name is served as well, and no file stands for it.
TEST_F(UnixServerTest, AbstractNames) {
    const Address name = Address::unix_abstract("thrum-" + path.string());
    UnixServer server(name, greet);
    Thread serving([&] { server.serve_forever(); });
    EXPECT_EQ(ask(name), "hello");
    EXPECT_EQ(testing::files_in(folder.path()), std::set<std::string>());
}

}  // namespace
}  // namespace thrum
