// thrum/sockets/resolver_test.cpp: floor 2, sockets
#include <thrum/base/file.hpp>
#include <thrum/sockets/connection.hpp>
#include <thrum/sockets/resolver.hpp>
#include <thrum/testing/process.hpp>
#include <thrum/threads/thread.hpp>

#include <gtest/gtest.h>
#include <netdb.h>

#include <cstdlib>

namespace thrum {
namespace {

using namespace std::chrono_literals;

struct Question {
    const char* host;
    int family;
    std::vector<std::string> answers;
};

// What needs no asking is answered at once, in each family asked for.
TEST(Resolver, AnswersAtOnce) {
    const Question table[] = {
        {"127.0.0.1", AF_UNSPEC, {"127.0.0.1:7"}},
        {"::1", AF_UNSPEC, {"[::1]:7"}},
        {"::1", AF_INET6, {"[::1]:7"}},
        {"localhost", AF_UNSPEC, {"127.0.0.1:7", "[::1]:7"}},
        {"LOCALHOST.", AF_INET, {"127.0.0.1:7"}},
        {"localhost", AF_INET6, {"[::1]:7"}},
        {"", AF_UNSPEC, {"0.0.0.0:7", "[::]:7"}},
        {"", AF_INET6, {"[::]:7"}},
    };
    resolve("127.0.0.1", 0);
    const std::size_t threads = testing::os_threads();
    for (const Question& row : table) {
        std::vector<std::string> found;
        for (const Address& address : resolve(row.host, 7, row.family)) found.push_back(address.to_string());
        EXPECT_EQ(found, row.answers) << row.host;
    }
    EXPECT_EQ(testing::os_threads(), threads);
}

// A numeric address of another family than asked for is an error, not an empty answer.
TEST(Resolver, OtherFamilyIsRefused) {
    EXPECT_THROW(resolve("127.0.0.1", 1, AF_INET6), AddressError);
    EXPECT_THROW(resolve("::1", 1, AF_INET), AddressError);
    EXPECT_THROW(resolve("localhost", 65536), AddressError);
    EXPECT_THROW(resolve("not a host", 1), AddressError);
}

// The operating system's own sources count: the machine's name from /etc/hosts or elsewhere is what the C
// library says it is.
TEST(Resolver, AsksTheSystem) {
    char name[256] = "";
    ASSERT_EQ(::gethostname(name, sizeof name - 1), 0);
    addrinfo hints = {};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* list = nullptr;
    const int status = ::getaddrinfo(name, nullptr, &hints, &list);
    if (status == 0) {
        ::freeaddrinfo(list);
        Thread([&] { EXPECT_FALSE(resolve(name, 80).empty()); }).join();
        EXPECT_EQ(resolve(name, 80).front().port(), 80);
    } else {
        EXPECT_THROW(resolve(name, 80), AddressError);
    }
}

// /etc/hosts holds: in a mount namespace of its own this program is started again, with a file of ours there.
TEST(Resolver, HostsFileHolds) {
    if (std::getenv("THRUM_TEST_HOSTS") != nullptr) {
        const std::uint64_t before = resolver_statistics().lookups;
        EXPECT_EQ(resolve("Warp.Loom.Test", 7).front(), Address("192.0.2.77", 7));
        EXPECT_EQ(resolve("warp.loom.test", 8, AF_INET6).front(), Address("2001:db8::77", 8));
        EXPECT_EQ(resolve("warp.loom.test", 9).front(), Address("192.0.2.77", 9));
        EXPECT_EQ(resolver_statistics().lookups, before + 2);
        return;
    }
    const testing::TemporaryDirectory folder;
    write_file(folder / "hosts", "192.0.2.77 warp.loom.test\n2001:db8::77 warp.loom.test\n");
    if (testing::run({"unshare", "-rm", "mount", "--bind", folder / "hosts", "/etc/hosts"}).status != 0)
        GTEST_SKIP() << "no namespaces here";
    const auto result = testing::run(
        {"unshare", "-rm", "sh", "-c", "mount --bind \"$1\" /etc/hosts && exec \"$0\" --gtest_filter=$2",
         std::filesystem::read_symlink("/proc/self/exe"), folder / "hosts", "Resolver.HostsFileHolds"},
        {.environment = {{"THRUM_TEST_HOSTS", "1"}}});
    EXPECT_EQ(result.status, 0) << result.output << result.error_output;
}

// A name that nobody has is refused with the name and what to do (RFC 6761 §6.4: .invalid never resolves).
TEST(Resolver, UnknownNameSaysSo) {
    const auto ask = [](auto&& act) {
        try {
            act();
            ADD_FAILURE() << "an invalid name was found";
        } catch (const AddressError& error) {
            EXPECT_NE(std::string(error.what()).find("cannot resolve no-such-host.invalid: "),
                      std::string::npos)
                << error.what();
            EXPECT_NE(std::string(error.what()).find("check the "), std::string::npos) << error.what();
            EXPECT_TRUE(error.code() == EAI_NONAME || error.code() == EAI_AGAIN) << error.code();
        }
    };
    ask([] { resolve("no-such-host.invalid", 80); });
    ask([] { create_connection({"no-such-host.invalid", 80}); });
    ask([] { Socket(AF_INET, SOCK_STREAM).connect({"no-such-host.invalid", 80}); });
    ask([] { create_server({"no-such-host.invalid", 80}); });
}

// A caller whose deadline has passed does not wait for the name server.
TEST(Resolver, CanBeLeft) {
    const Timeout passed(0ns);
    try {
        resolve("no-such-host.invalid", 80);
        ADD_FAILURE() << "an invalid name was found";
    } catch (const TimeoutError& error) {
        EXPECT_STREQ(error.what(), "timed out looking up no-such-host.invalid");
    } catch (const AddressError&) {
        // The C library was faster than the wait began.
    }
}

}  // namespace
}  // namespace thrum
