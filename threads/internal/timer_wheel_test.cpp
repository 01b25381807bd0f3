// thrum/threads/internal/timer_wheel_test.cpp: floor 1, threads
#include <thrum/threads/internal/clock.hpp>
#include <thrum/threads/internal/timer_wheel.hpp>

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <list>
#include <map>
#include <memory>
#include <random>
#include <vector>

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

// advance() stops at the bound it is given and goes on from there, in order; what is due but not yet handed
// out can still be removed.
TEST(TimerWheel, AdvancesByPortions) {
    TimerWheel wheel(at(0));
    std::array<TimerNode, 10> nodes;
    for (TimerNode& node : nodes) wheel.add(node, at(1'000'000));
    TimerNode far;
    wheel.add(far, at(1'000'000'000'000));
    std::vector<TimerNode*> fired;
    const auto fire = [&fired](TimerNode& node) { fired.push_back(&node); };
    EXPECT_FALSE(wheel.advance(at(2'000'000), fire, 4));
    EXPECT_EQ(fired.size(), 4U);
    wheel.remove(nodes[4]);
    TimerNode added;
    wheel.add(added, at(500'000));
    EXPECT_FALSE(wheel.advance(at(2'000'000), fire, 4));
    EXPECT_TRUE(wheel.advance(at(2'000'000), fire, 4));
    std::vector<TimerNode*> expected;
    for (TimerNode& node : nodes) {
        if (&node != &nodes[4]) expected.push_back(&node);
    }
    expected.push_back(&added);
    EXPECT_EQ(fired, expected);
    EXPECT_TRUE(far.linked());
    EXPECT_GT(wheel.next(), at(2'000'000));
    wheel.remove(far);
}

// When the clock is changed, back or ahead, what is added next is reckoned by the new one, whether the wheel
// is empty or not.
TEST(TimerWheel, FollowsAnotherClock) {
    const auto restore = [](int* /*unused*/) { set_clock(nullptr); };
    int token = 0;
    const std::unique_ptr<int, decltype(restore)> at_end(&token, restore);
    for (const bool empty : {true, false}) {
        set_clock([]() noexcept { return at(0); });
        TimerWheel wheel(at(0));
        TimerNode first;
        TimerNode left_over;
        wheel.add(first, at(1'000'000));
        if (!empty) wheel.add(left_over, at(90'000'000'000'000));
        std::vector<TimerNode*> fired;
        const auto fire = [&fired](TimerNode& node) { fired.push_back(&node); };
        wheel.advance(at(50'000'000'000'000), fire);
        ASSERT_EQ(fired, std::vector{&first});
        set_clock([]() noexcept { return at(7'000'000); });
        TimerNode far;
        TimerNode near;
        wheel.add(far, at(60'000'000'000'000));
        wheel.add(near, at(8'000'000));
        EXPECT_LE(wheel.next(), at(8'100'000));
        wheel.advance(at(8'100'000), fire);
        EXPECT_EQ(fired, (std::vector{&first, &near}));
        set_clock([]() noexcept { return at(80'000'000'000'000); });
        TimerNode next;
        wheel.add(next, at(80'000'001'000'000));
        wheel.advance(at(80'000'001'100'000), fire);
        EXPECT_EQ(fired.size(), 4U) << "the one that had passed meanwhile, and the new one";
        if (!empty) {
            EXPECT_TRUE(left_over.linked());
            wheel.remove(left_over);
        }
    }
}

}  // namespace
}  // namespace thrum::internal
