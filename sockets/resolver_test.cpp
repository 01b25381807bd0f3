// thrum/sockets/resolver_test.cpp: floor 2, sockets
#include <thrum/sockets/connection.hpp>
#include <thrum/sockets/resolver.hpp>
#include <thrum/testing/process.hpp>
#include <thrum/threads/thread.hpp>

#include <gtest/gtest.h>
#include <netdb.h>

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
