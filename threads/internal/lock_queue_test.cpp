// thrum/threads/internal/lock_queue_test.cpp: floor 1, threads
#include <thrum/threads/internal/lock_queue.hpp>
#include <thrum/threads/internal/task.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <list>
#include <random>
#include <vector>

namespace thrum::internal {
namespace {

// What is in it, from first to last; the links are checked in both directions.
std::vector<LockWaiter*> contents(const LockQueue& queue) {
    std::vector<LockWaiter*> all;
    LockWaiter* before = nullptr;
    for (LockWaiter* each = queue.first(); each != nullptr; each = each->next) {
        EXPECT_TRUE(each->linked);
        EXPECT_EQ(each->previous, before);
        all.push_back(before = each);
    }
    if (!all.empty()) {
        EXPECT_EQ(queue.first()->last, all.back());
    }
    return all;
}

// Against a vector, over a seeded run: waiters come at the end, come back to the front, and leave from
// anywhere.
TEST(LockQueue, AgreesWithAVector) {
    Task& task = current_task();
    std::mt19937 random(3);
    LockQueue queue(nullptr);
    std::list<LockWaiter> nodes;
    std::vector<LockWaiter*> expected;
    for (int step = 0; step < 2000; ++step) {
        if (expected.empty() || random() % 2 == 0) {
            LockWaiter& node = nodes.emplace_back(task);
            const bool front = random() % 3 == 0;
            front ? queue.push_front(node) : queue.push_back(node);
            expected.insert(front ? expected.begin() : expected.end(), &node);
        } else {
            const auto leaves = expected.begin() + static_cast<std::ptrdiff_t>(random() % expected.size());
            queue.remove(**leaves);
            EXPECT_FALSE((*leaves)->linked);
            expected.erase(leaves);
        }
        ASSERT_EQ(contents(queue), expected);
    }
}

// To leave from the midst takes as many steps in a long queue as in a short one: nodes that are no neighbours
// are not looked at. Here they would be in vain: they lead nowhere.
TEST(LockQueue, LeavingDoesNotWalk) {
    Task& task = current_task();
    for (const std::size_t leaving : {3U, 9U}) {
        LockQueue queue(nullptr);
        std::list<LockWaiter> nodes;
        std::vector<LockWaiter*> order;
        for (int i = 0; i < 10; ++i) {
            queue.push_back(nodes.emplace_back(task));
            order.push_back(&nodes.back());
        }
        auto* const nowhere = reinterpret_cast<LockWaiter*>(std::uintptr_t{16});
        for (std::size_t i = 0; i < order.size(); ++i) {
            if (i + 1 < leaving) order[i]->next = nowhere;
            if (i > leaving + 1) order[i]->previous = nowhere;
        }
        queue.remove(*order[leaving]);
        if (leaving == 9) {
            EXPECT_EQ(order[8]->next, nullptr);
            EXPECT_EQ(queue.first()->last, order[8]);
        } else {
            EXPECT_EQ(order[2]->next, order[4]);
            EXPECT_EQ(order[4]->previous, order[2]);
        }
    }
}

}  // namespace
}  // namespace thrum::internal
