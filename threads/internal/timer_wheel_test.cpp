// thrum/threads/internal/timer_wheel_test.cpp: floor 1, threads
#include <thrum/threads/internal/timer_wheel.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <list>
#include <map>
#include <random>

namespace thrum::internal {
namespace {

using std::chrono::nanoseconds;

Deadline at(std::int64_t nanos) { return Deadline(nanoseconds(nanos)); }

// Against a sorted map, over a seeded run of adds, removes and clock steps from nanoseconds to weeks: nothing
// fires early, nothing due is left after its tick, next() is never late.
TEST(TimerWheel, AgreesWithASortedMap) {
    constexpr std::int64_t tick = 65'536;
    for (unsigned seed = 1; seed <= 20; ++seed) {
        std::mt19937_64 random(seed);
        std::int64_t now = 1'000'000'000;
        TimerWheel wheel(at(now));
        std::list<TimerNode> nodes;
        std::map<TimerNode*, std::int64_t> pending;
        for (int step = 0; step < 3000; ++step) {
            const auto span = std::int64_t{1} << (random() % 50);
            switch (random() % 4) {
                case 0:
                case 1: {
                    TimerNode& node = nodes.emplace_back();
                    const std::int64_t due = now + static_cast<std::int64_t>(random() % span) - 1000;
                    wheel.add(node, at(due));
                    pending[&node] = due;
                    break;
                }
                case 2:
                    if (!pending.empty()) {
                        auto victim =
                            std::next(pending.begin(), static_cast<long>(random() % pending.size()));
                        wheel.remove(*victim->first);
                        EXPECT_FALSE(victim->first->linked());
                        pending.erase(victim);
                    }
                    break;
                default: {
                    now += static_cast<std::int64_t>(random() % span);
                    wheel.advance(at(now), [&](TimerNode& node) {
                        const auto found = pending.find(&node);
                        ASSERT_NE(found, pending.end());
                        EXPECT_LE(found->second, now) << "fired early";
                        pending.erase(found);
                    });
                    for (const auto& [node, due] : pending) ASSERT_GT(due + 2 * tick, now) << "left behind";
                }
            }
            if (pending.empty()) {
                EXPECT_EQ(wheel.next(), never);
            } else {
                std::int64_t soonest = INT64_MAX;
                for (const auto& [node, due] : pending) soonest = std::min(soonest, due);
                EXPECT_LE(wheel.next(), at(std::max(soonest, now) + 2 * tick))
                    << "would sleep through a deadline";
            }
        }
    }
}

// A callback may add and remove nodes, the one next in line too.
TEST(TimerWheel, CallbacksMayChangeTheWheel) {
    TimerWheel wheel(at(0));
    TimerNode first;
    TimerNode second;
    TimerNode later;
    wheel.add(first, at(1'000'000));
    wheel.add(second, at(5'000'000'000));
    int fired = 0;
    wheel.advance(at(2'000'000), [&](TimerNode& node) {
        ++fired;
        EXPECT_EQ(&node, &first);
        wheel.remove(second);
        wheel.add(later, at(3'000'000));
    });
    wheel.advance(at(10'000'000'000), [&](TimerNode& node) {
        ++fired;
        EXPECT_EQ(&node, &later);
    });
    EXPECT_EQ(fired, 2);
    EXPECT_EQ(wheel.next(), never);
}

}  // namespace
}  // namespace thrum::internal
