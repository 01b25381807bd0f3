// thrum/threads/barrier_test.cpp: floor 1, threads
// Barrier: all come through together, round after round, or all learn that one did not come.
#include <thrum/base/errors.hpp>
#include <thrum/threads.hpp>
#include <thrum/threads/internal/crowd_fixture.hpp>

#include <gtest/gtest.h>

#include <optional>
#include <set>
#include <stdexcept>

namespace thrum {
namespace {

using namespace std::chrono_literals;

constexpr int parties = 5;

// What came of a wait.
enum class End { passed, broken, timed_out, cancelled };

End end_of(Barrier& barrier, std::optional<std::chrono::nanoseconds> timeout = {}) {
    try {
        timeout ? barrier.wait_for(*timeout) : barrier.wait();
        return End::passed;
    } catch (const BrokenBarrierError&) {
        return End::broken;
    } catch (const TimeoutError&) {
        return End::timed_out;
    } catch (const Cancelled&) {
        return End::cancelled;
    }
}

// Fewer than one party, and more than there are for, are told so.
TEST(Barrier, BadInput) {
    EXPECT_THROW(Barrier(0), Error);
    EXPECT_THROW(Barrier(-1), Error);
    Barrier lone(1);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(lone.wait(), 0);
    EXPECT_EQ(lone.parties(), 1);
    EXPECT_EQ(lone.n_waiting(), 0);
}

// No one starts round n + 1 before all have ended round n; both kinds of thread take part.
TEST(Barrier, Lockstep) {
    Barrier barrier(parties);
    std::atomic<int> before = 0;
    std::atomic<int> after = 0;
    constexpr int rounds = 200;
    crowd(3, 2, [&](int) {
        for (int round = 0; round < rounds; ++round) {
            ++before;
            EXPECT_EQ(after.load(), round * parties);
            barrier.wait();
            ++after;
            EXPECT_EQ(before.load(), (round + 1) * parties);
            barrier.wait();
        }
    });
    EXPECT_EQ(barrier.n_waiting(), 0);
    EXPECT_FALSE(barrier.broken());
}

// Each of a round has a place of its own, the first that came has 0, and the last runs the action, once,
// before any goes on.
TEST(Barrier, PlacesAndAction) {
    int actions = 0;
    Barrier barrier(parties, {.action = [&] {
                        ++actions;
                        yield();  // an action may wait
                    }});
    Lock lock;
    std::multiset<std::size_t> places;
    crowd(4, 1, [&](int) {
        for (int round = 1; round <= 20; ++round) {
            const std::size_t place = barrier.wait();
            EXPECT_EQ(actions, round);
            {
                const std::scoped_lock guard(lock);
                places.insert(place);
            }
            Barrier& all = barrier;
            all.wait();
            EXPECT_EQ(actions, ++round);
        }
    });
    for (std::size_t place = 0; place < parties; ++place) EXPECT_EQ(places.count(place), 10);
}

// abort() ends the waits of all, and later ones, until reset().
TEST(Barrier, Abort) {
    Barrier barrier(parties);
    std::atomic<int> broken = 0;
    TaskGroup group;
    for (int i = 0; i < parties - 1; ++i) {
        group.start([&] { broken += end_of(barrier) == End::broken ? 1 : 0; });
    }
    until([&] { return barrier.n_waiting() == parties - 1; });
    barrier.abort();
    EXPECT_TRUE(barrier.broken());
    group.wait();
    EXPECT_EQ(broken, parties - 1);
    EXPECT_EQ(end_of(barrier), End::broken);
    EXPECT_EQ(end_of(barrier, 0ns), End::broken);
    barrier.reset();
    EXPECT_FALSE(barrier.broken());
    crowd(3, 2, [&](int) { EXPECT_EQ(end_of(barrier), End::passed); });
}

// reset() ends the waits of all, and leaves a barrier that works.
TEST(Barrier, Reset) {
    Barrier barrier(parties);
    std::atomic<int> broken = 0;
    crowd(3, 2, [&](int) {
        if (barrier.wait() == parties / 2) {
            until([&] { return barrier.n_waiting() == parties - 1; });
            barrier.reset();
        } else {
            broken += end_of(barrier) == End::broken ? 1 : 0;
        }
        barrier.wait();
    });
    EXPECT_EQ(broken, parties - 1);
    EXPECT_FALSE(barrier.broken());
}

// One that gives up, in whichever way, breaks the barrier for all: a timeout of its own, the barrier's, the
// deadline in force, a cancel.
TEST(Barrier, WhoGivesUpBreaksIt) {
    struct Case {
        const char* how;
        End end;
    };
    for (const Case& way : {Case{"wait_for", End::broken}, Case{"options", End::broken},
                            Case{"scope", End::timed_out}, Case{"cancel", End::cancelled}}) {
        SCOPED_TRACE(way.how);
        const std::string how = way.how;
        Barrier barrier(parties, {.timeout = how == "options" ? 5ms : std::chrono::nanoseconds::max()});
        std::atomic<int> broken = 0;
        TaskGroup others;
        for (int i = 0; i < parties - 2; ++i) {
            others.start([&] { broken += end_of(barrier, 1h) == End::broken ? 1 : 0; });
        }
        until([&] { return barrier.n_waiting() == parties - 2; });
        std::atomic<bool> checked = false;
        Thread quitter([&] {
            std::optional<Timeout> scope;
            if (how == "scope") scope.emplace(5ms);
            EXPECT_EQ(how == "wait_for" ? end_of(barrier, 5ms) : end_of(barrier), way.end);
            checked = true;
        });
        if (how == "cancel") {
            until([&] { return barrier.n_waiting() == parties - 1; });
            quitter.cancel();
        }
        quitter.join();
        others.wait();
        EXPECT_TRUE(checked);
        EXPECT_EQ(broken, parties - 2);
        EXPECT_TRUE(barrier.broken());
    }
}

// An action that throws breaks it; its exception goes to the one that ran it.
TEST(Barrier, ActionThatThrows) {
    Barrier barrier(3, {.action = [] { throw std::runtime_error("no further"); }});
    std::atomic<int> broken = 0;
    std::atomic<int> thrown = 0;
    crowd(2, 1, [&](int) {
        try {
            broken += end_of(barrier) == End::broken ? 1 : 0;
        } catch (const std::runtime_error&) {
            ++thrown;
        }
    });
    EXPECT_EQ(broken, 2);
    EXPECT_EQ(thrown, 1);
    EXPECT_TRUE(barrier.broken());
}

// While the action runs: a comer of the next round waits for it, and abort() breaks the round, also for the
// thread that runs it.
TEST(Barrier, WhileTheActionRuns) {
    for (const bool abort : {false, true}) {
        Event acting;
        Event go_on;
        Barrier barrier(2, {.action = [&] {
                            acting.set();
                            go_on.wait();
                        }});
        std::atomic<int> passed = 0;
        std::atomic<int> broken = 0;
        TaskGroup group;
        for (int i = 0; i < 2; ++i) {
            group.start([&] { ++(end_of(barrier) == End::passed ? passed : broken); });
        }
        acting.wait();
        for (int i = 0; i < 2; ++i) {
            group.start([&] { ++(end_of(barrier) == End::passed ? passed : broken); });
        }
        give_others_time();
        EXPECT_EQ(passed, 0);
        if (abort) barrier.abort();
        go_on.set();
        group.wait();
        EXPECT_EQ(passed, abort ? 0 : 4);
        EXPECT_EQ(broken, abort ? 4 : 0);
    }
}

// All of a round have come when its action runs: a comer of the next that gives up meanwhile, in whichever
// way, breaks neither round.
TEST(Barrier, WhoGivesUpDuringTheActionBreaksNothing) {
    struct Case {
        const char* how;
        End end;
    };
    for (const Case& way :
         {Case{"wait_for", End::broken}, Case{"scope", End::timed_out}, Case{"cancel", End::cancelled}}) {
        SCOPED_TRACE(way.how);
        const std::string how = way.how;
        Event acting;
        Event go_on;
        Barrier barrier(2, {.action = [&] {
                            acting.set();
                            go_on.wait();
                        }});
        std::atomic<int> passed = 0;
        TaskGroup group;
        const auto party = [&] { passed += end_of(barrier) == End::passed ? 1 : 0; };
        for (int i = 0; i < 2; ++i) group.start(party);
        acting.wait();
        std::atomic<bool> checked = false;
        Thread quitter([&] {
            std::optional<Timeout> scope;
            if (how == "scope") scope.emplace(2ms);
            EXPECT_EQ(how == "wait_for" ? end_of(barrier, 2ms) : end_of(barrier), way.end);
            checked = true;
        });
        if (how == "cancel") quitter.cancel();
        quitter.join();
        EXPECT_TRUE(checked);
        EXPECT_FALSE(barrier.broken());
        for (int i = 0; i < 2; ++i) group.start(party);
        go_on.set();
        group.wait();
        EXPECT_EQ(passed, 4);
    }
}

// Rounds with quitters at random: in each, all pass or none does, but for those cancelled at that very
// moment.
TEST(Barrier, AllOrNone) {
    std::mt19937 random(5);
    for (int round = 0; round < 400; ++round) {
        Barrier barrier(4);
        std::atomic<int> passed = 0;
        std::atomic<int> broken = 0;
        std::atomic<int> left = 0;
        std::vector<Thread> threads;
        for (int i = 0; i < 4; ++i) {
            const auto patience =
                std::chrono::microseconds(random() % 2 == 0 ? 1'000'000'000 : random() % 300);
            threads.emplace_back([&, patience] {
                switch (end_of(barrier, patience)) {
                    case End::passed: ++passed; break;
                    case End::broken: ++broken; break;
                    default: ++left;
                }
            });
        }
        const std::size_t victim = random() % 8;
        if (victim < threads.size()) threads[victim].cancel();
        for (Thread& thread : threads) thread.join();
        ASSERT_EQ(passed + broken + left, 4);
        ASSERT_TRUE(passed == 0 || broken == 0) << passed << " passed, " << broken << " found it broken";
        ASSERT_EQ(barrier.broken(), broken > 0 || left == 4 || (passed == 0 && left > 0));
    }
}

// The last wait to return may destroy it.
TEST(Barrier, MayBeDestroyedAfterTheWaits) {
    for (int round = 0; round < 1000; ++round) {
        auto* const barrier = new Barrier(3);
        std::atomic<int> left = 3;
        TaskGroup group;
        for (int i = 0; i < 3; ++i) {
            group.start([&, barrier] {
                barrier->wait();
                if (--left == 0) delete barrier;
            });
        }
        group.wait();
    }
}

}  // namespace
}  // namespace thrum
