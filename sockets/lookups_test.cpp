// thrum/sockets/lookups_test.cpp: floor 2, sockets
// One look-up per name at a time, its answer kept for as long as promised and no longer.
#include <thrum/sockets/internal/lookups.hpp>
#include <thrum/threads/simulated_clock.hpp>
#include <thrum/threads/thread.hpp>

#include <gtest/gtest.h>
#include <netdb.h>

#include <atomic>
#include <new>

namespace thrum::internal {
namespace {

using namespace std::chrono_literals;

LookupAnswer found(const char* host) { return {.addresses = {Address(host, 0)}}; }

// Counts how often it is asked for what.
struct Names {
    LookupFunction function() {
        return [this](const std::string& host, int) {
            ++asked;
            if (host == "nobody") return LookupAnswer{.status = EAI_NONAME};
            if (host == "later") return LookupAnswer{.status = EAI_AGAIN};
            if (host == "broken") return LookupAnswer{.status = EAI_SYSTEM, .os_error = EMFILE};
            if (host == "large") throw std::bad_alloc();
            return found("192.0.2.1");
        };
    }
    std::atomic<int> asked = 0;
};

// Answers when it is told to.
struct Slow {
    LookupFunction function() {
        return [this](const std::string&, int) {
            ++asked;
            gate.wait();
            return found("192.0.2.7");
        };
    }
    Event gate;
    std::atomic<int> asked = 0;
};

// Whether `condition` comes true; every other thread gets its turns meanwhile.
void wait_until(auto&& condition) {
    while (!condition()) sleep(1ms);
}

// What was found is kept, of each name and family by itself.
TEST(Lookups, AnswersAreKept) {
    Names names;
    Lookups lookups(names.function());
    for (int i = 0; i < 3; ++i) EXPECT_EQ(lookups.find("a", AF_UNSPEC).addresses.front().host(), "192.0.2.1");
    EXPECT_EQ(names.asked, 1);
    lookups.find("a", AF_INET);
    lookups.find("b", AF_UNSPEC);
    EXPECT_EQ(names.asked, 3);
    lookups.clear();
    lookups.find("a", AF_UNSPEC);
    EXPECT_EQ(names.asked, 4);
    const ResolverStatistics statistics = lookups.statistics();
    EXPECT_EQ(statistics.lookups, 4u);
    EXPECT_EQ(statistics.hits, 2u);
    EXPECT_EQ(statistics.entries, 1u);
}

struct Keeping {
    const char* host;
    int status;
    bool kept;
};

// That there is no such name is kept; what may be otherwise at the next attempt is not.
TEST(Lookups, OnlyLastingFailuresAreKept) {
    const Keeping table[] = {{"nobody", EAI_NONAME, true},
                             {"later", EAI_AGAIN, false},
                             {"broken", EAI_SYSTEM, false},
                             {"large", EAI_MEMORY, false}};
    for (const Keeping& row : table) {
        Names names;
        Lookups lookups(names.function(), {.keep_failures = 1h});
        EXPECT_EQ(lookups.find(row.host, AF_UNSPEC).status, row.status);
        EXPECT_EQ(lookups.find(row.host, AF_UNSPEC).status, row.status);
        EXPECT_EQ(names.asked, row.kept ? 1 : 2) << row.host;
        EXPECT_EQ(lookups.statistics().entries, row.kept ? 1u : 0u) << row.host;
    }
}

// Answers and failures are forgotten when their time is over.
TEST(Lookups, Expiry) {
    const SimulatedClock clock;
    Names names;
    Lookups lookups(names.function(), {.keep = 30s, .keep_failures = 2s});
    for (const auto& [host, kept] :
         {std::pair<const char*, std::chrono::seconds>{"a", 30s}, {"nobody", 2s}}) {
        names.asked = 0;
        lookups.find(host, AF_UNSPEC);
        sleep(kept - 1s);
        lookups.find(host, AF_UNSPEC);
        EXPECT_EQ(names.asked, 1) << host;
        sleep(1s);
        lookups.find(host, AF_UNSPEC);
        EXPECT_EQ(names.asked, 2) << host;
    }
    lookups.set_options({.keep = 0s});
    lookups.clear();
    names.asked = 0;
    lookups.find("a", AF_UNSPEC);
    lookups.find("a", AF_UNSPEC);
    EXPECT_EQ(names.asked, 2) << "0 keeps nothing";
}

// No more are kept than allowed; the one not used for longest goes first.
TEST(Lookups, Bound) {
    Names names;
    Lookups lookups(names.function(), {.max_entries = 2});
    for (const char* const host : {"a", "b", "a", "c"}) lookups.find(host, AF_UNSPEC);
    EXPECT_EQ(lookups.statistics().entries, 2u);
    names.asked = 0;
    lookups.find("a", AF_UNSPEC);
    EXPECT_EQ(names.asked, 0);
    lookups.find("b", AF_UNSPEC);
    EXPECT_EQ(names.asked, 1);
    lookups.set_options({.max_entries = 1});
    EXPECT_EQ(lookups.statistics().entries, 1u);
    lookups.set_options({.max_entries = 0});
    lookups.find("d", AF_UNSPEC);
    EXPECT_EQ(lookups.statistics().entries, 0u);
}

// Who asks for one name at the same time shares one look-up, whether its answer will be kept or not.
TEST(Lookups, OneLookupForAll) {
    for (const auto keep : {30s, 0s}) {
        Slow slow;
        Lookups lookups(slow.function(), {.keep = keep});
        std::atomic<int> answered = 0;
        std::vector<Thread> askers;
        for (int i = 0; i < 20; ++i) {
            askers.emplace_back([&] {
                EXPECT_EQ(lookups.find("a", AF_UNSPEC).addresses.front().host(), "192.0.2.7");
                ++answered;
            });
        }
        wait_until([&] { return lookups.statistics().shared == 19; });
        slow.gate.set();
        for (Thread& asker : askers) asker.join();
        EXPECT_EQ(answered, 20);
        EXPECT_EQ(slow.asked, 1);
    }
}

// Whoever leaves, the first asker or another, the others get the answer.
TEST(Lookups, LeavingLeavesTheOthers) {
    Slow slow;
    Lookups lookups(slow.function());
    const auto ask = [&] { EXPECT_FALSE(lookups.find("a", AF_UNSPEC).addresses.empty()); };
    Thread first(ask);
    wait_until([&] { return slow.asked == 1; });
    Thread second(ask);
    Thread third(ask);
    Thread late([&] {
        const Timeout passed(0ns);
        EXPECT_THROW(lookups.find("a", AF_UNSPEC), TimeoutError);
    });
    late.join();
    wait_until([&] { return lookups.statistics().shared == 3; });
    first.cancel();
    first.join();
    third.cancel();
    third.join();
    EXPECT_FALSE(second.join_for(0ns));
    slow.gate.set();
    second.join();
    EXPECT_EQ(slow.asked, 1);
}

// What is forgotten while it is looked up is answered to those who wait, and asked anew for the next.
TEST(Lookups, ClearedUnderWay) {
    Slow slow;
    Lookups lookups(slow.function());
    Thread asking([&] { lookups.find("a", AF_UNSPEC); });
    wait_until([&] { return slow.asked == 1; });
    lookups.clear();
    slow.gate.set();
    asking.join();
    EXPECT_EQ(lookups.statistics().entries, 0u);
    lookups.find("a", AF_UNSPEC);
    EXPECT_EQ(slow.asked, 2);
}

}  // namespace
}  // namespace thrum::internal
