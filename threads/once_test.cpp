// thrum/threads/once_test.cpp: floor 1, threads
// Once: one call returns, all others wait for it; one that throws leaves it to the next.
#include <thrum/base/errors.hpp>
#include <thrum/threads.hpp>
#include <thrum/threads/internal/crowd_fixture.hpp>

#include <gtest/gtest.h>

#include <stdexcept>

namespace thrum {
namespace {

using namespace std::chrono_literals;

// However many come, of whatever kind, the function runs once, and no call returns before it has.
TEST(Once, RunsOnce) {
    for (int round = 0; round < 50; ++round) {
        Once once;
        EXPECT_FALSE(once.done());
        int runs = 0;
        crowd(6, 2, [&](int) {
            once.call(
                [&](int amount) {
                    yield();
                    runs += amount;
                },
                1);
            EXPECT_EQ(runs, 1);
            EXPECT_TRUE(once.done());
        });
        once.call([&] { ++runs; });
        EXPECT_EQ(runs, 1);
    }
}

// What the function throws passes to its own caller; another's function then runs, until one returns.
TEST(Once, ThrowingLeavesItOpen) {
    for (int round = 0; round < 50; ++round) {
        Once once;
        std::atomic<int> runs = 0;
        std::atomic<int> thrown = 0;
        std::atomic<int> returned = 0;
        crowd(6, 2, [&](int) {
            try {
                once.call([&] {
                    yield();
                    if (++runs < 4) throw std::runtime_error("not yet");
                });
                ++returned;
            } catch (const std::runtime_error&) {
                ++thrown;
            }
        });
        EXPECT_EQ(runs, 4);
        EXPECT_EQ(thrown, 3);
        EXPECT_EQ(returned, 5);
    }
}

// Those who wait are cancelled and time out alone: the call they wait for goes on. One whose own function is
// cancelled leaves it open.
TEST(Once, WaitersMayLeave) {
    Once once;
    Event running;
    Event go_on;
    std::atomic<int> left = 0;
    Thread runner([&] {
        once.call([&] {
            running.set();
            go_on.wait();
        });
    });
    running.wait();
    Thread cancelled([&] {
        try {
            once.call([] {});
        } catch (const Cancelled&) {
            ++left;
        }
    });
    cancelled.cancel();
    cancelled.join();
    std::thread([&] {
        const Timeout scope(1ms);
        EXPECT_THROW(once.call([] {}), TimeoutError);
        ++left;
    }).join();
    EXPECT_EQ(left, 2);
    EXPECT_FALSE(once.done());
    runner.cancel();
    runner.join();
    EXPECT_FALSE(once.done());
    once.call([] {});
    EXPECT_TRUE(once.done());
}

// Many callers cancelled at random: the function returns once, and nobody waits for ever.
TEST(Once, UnderCancels) {
    for (unsigned seed = 1; seed <= 100; ++seed) {
        Once once;
        std::atomic<int> returned = 0;
        std::atomic<int> ended = 0;
        harried_crowd(
            6, 1, seed, [&] { return ended.load() < 6; },
            [&](int) {
                while (!once.done()) {
                    try {
                        once.call([&] {
                            for (int i = 0; i < 3; ++i) sleep(10us);
                            ++returned;
                        });
                    } catch (const Cancelled&) {
                        // asked to stop, and goes on all the same
                    }
                }
                ++ended;
            });
        ASSERT_EQ(returned, 1);
    }
}

// A call from within its own function says what is wrong rather than wait for itself; it stays usable.
TEST(Once, CalledFromWithin) {
    Once once;
    EXPECT_THROW(once.call([&] { once.call([] {}); }), Error);
    EXPECT_FALSE(once.done());
    once.call([] {});
    EXPECT_TRUE(once.done());
}

}  // namespace
}  // namespace thrum
