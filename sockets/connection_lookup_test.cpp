// thrum/sockets/connection_lookup_test.cpp: floor 2, sockets
// A family whose look-up is slow holds up the other by the resolution delay at most (RFC 8305 §3).
#include <thrum/sockets/internal/connection_lookup.hpp>
#include <thrum/testing/failures.hpp>
#include <thrum/threads/event.hpp>

#include <gtest/gtest.h>
#include <netdb.h>

#include <atomic>
#include <map>
#include <string>

namespace thrum::internal {
namespace {

using namespace std::chrono_literals;

const Address target("both.example", 80);

// A resolver whose answers come when the test says so: of each family addresses, or a failure.
class Answers {
public:
    struct Answer {
        std::vector<Address> addresses = {};
        Event come;
    };
    // All are there from the beginning, for look-ups and the test are in threads of their own.
    Answers() {
        for (const int family : {AF_UNSPEC, AF_INET, AF_INET6}) answers_[family];
    }
    Answer& of(int family) { return answers_.at(family); }
    void come(int family, std::vector<Address> addresses) {
        of(family).addresses = std::move(addresses);
        of(family).come.set();
    }
    LookUp look_up() {
        return [this](int family) {
            ++asked;
            try {
                of(family).come.wait();
            } catch (const TimeoutError&) {
                throw TimeoutError("timed out looking up both.example");
            }
            if (of(family).addresses.empty())
                throw AddressError(EAI_NONAME, "cannot resolve both.example: no such name");
            return of(family).addresses;
        };
    }
    std::atomic<int> asked = 0;

private:
    std::map<int, Answer> answers_;
};

void expect_nobody(Socket& server) {
    server.settimeout(0ns);
    EXPECT_THROW(server.accept(), TimeoutError);
}

struct Servers {
    Socket four = create_server({"127.0.0.1", 0});
    Socket six = create_server({"::1", 0});
};

// A name that answers in time is asked for once, for both families.
TEST(ConnectionLookup, OneQuestionIsEnough) {
    Servers servers;
    Answers answers;
    answers.come(AF_UNSPEC, {servers.six.getsockname(), servers.four.getsockname()});
    EXPECT_EQ(connect_by_name(target, {}, answers.look_up()).getpeername(), servers.six.getsockname());
    EXPECT_EQ(answers.asked, 1);
    expect_nobody(servers.four);
}

// While IPv6 is unknown, IPv4 waits for the delay and goes without it then.
TEST(ConnectionLookup, SilentIPv6IsNotWaitedFor) {
    Servers servers;
    Answers answers;
    answers.come(AF_INET, {servers.four.getsockname()});
    for (const auto delay : {0ms, 50ms}) {
        EXPECT_EQ(connect_by_name(target, {.resolution_delay = delay}, answers.look_up()).getpeername(),
                  servers.four.getsockname());
    }
}

// Within the delay an IPv6 answer comes first; and no delay at all is left once it is known.
TEST(ConnectionLookup, IPv6WithinTheDelayIsFirst) {
    Servers servers;
    Answers answers;
    answers.come(AF_INET, {servers.four.getsockname()});
    Address peer;
    Thread connecting([&] {
        peer = connect_by_name(target, {.attempt_delay = 1h, .resolution_delay = 1h}, answers.look_up())
                   .getpeername();
    });
    while (answers.asked < 4) yield();
    EXPECT_FALSE(connecting.join_for(30ms));
    answers.come(AF_INET6, {servers.six.getsockname()});
    connecting.join();
    EXPECT_EQ(peer, servers.six.getsockname());
    expect_nobody(servers.four);

    Answers only_four;
    only_four.come(AF_INET, {servers.four.getsockname()});
    only_four.come(AF_INET6, {});
    EXPECT_EQ(connect_by_name(target, {.resolution_delay = 1h}, only_four.look_up()).getpeername(),
              servers.four.getsockname());
    Answers only_six;
    only_six.come(AF_INET6, {servers.six.getsockname()});
    EXPECT_EQ(connect_by_name(target, {.resolution_delay = 1h}, only_six.look_up()).getpeername(),
              servers.six.getsockname());
}

// What becomes known while a race goes on joins it: here an address that answers beside one that refuses.
TEST(ConnectionLookup, LateAnswersJoin) {
    Servers servers;
    const Address nobody("127.0.0.1", 1);
    Answers answers;
    answers.come(AF_INET, {nobody});
    Address peer;
    Thread connecting(
        [&] { peer = connect_by_name(target, {.resolution_delay = 0ms}, answers.look_up()).getpeername(); });
    EXPECT_FALSE(connecting.join_for(200ms)) << "IPv4 has failed, and IPv6 is not known";
    answers.come(AF_UNSPEC, {servers.six.getsockname(), nobody});
    connecting.join();
    EXPECT_EQ(peer, servers.six.getsockname());
}

// When nothing is found, or nobody answers, the error is that of the look-up, or of the race; the deadline
// in force and cancel end all that was begun.
TEST(ConnectionLookup, Failures) {
    Answers nothing;
    for (const int family : {AF_UNSPEC, AF_INET, AF_INET6}) nothing.come(family, {});
    testing::expect_failure<AddressError>([&] { connect_by_name(target, {}, nothing.look_up()); },
                                          {"cannot resolve both.example"});
    Answers refused;
    refused.come(AF_INET, {Address("127.0.0.1", 1)});
    refused.come(AF_INET6, {});
    Thread later([&] {
        while (refused.asked < 4) yield();
        refused.come(AF_UNSPEC, {});
    });
    testing::expect_failure<ConnectionRefusedError>([&] { connect_by_name(target, {}, refused.look_up()); },
                                                    {"cannot connect to both.example:80, tried 127.0.0.1:1"});
    later.join();
    Answers silent;
    {
        const Timeout limit(100ms);
        testing::expect_failure<TimeoutError>([&] { connect_by_name(target, {}, silent.look_up()); },
                                              {"timed out ", "both.example"});
    }
    Thread cancelled([&] { connect_by_name(target, {}, silent.look_up()); });
    EXPECT_FALSE(cancelled.join_for(100ms));
    cancelled.cancel();
    cancelled.join();
}

}  // namespace
}  // namespace thrum::internal
