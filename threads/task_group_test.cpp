// thrum/threads/task_group_test.cpp: floor 1, threads
// TaskGroup: no member outlives it, and no error is lost.
#include <thrum/base/errors.hpp>
#include <thrum/threads.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace thrum {
namespace {

using namespace std::chrono_literals;

// The first error cancels the siblings, and wait() rethrows it once all have ended.
TEST(TaskGroup, FirstErrorCancelsTheRest) {
    std::atomic<int> ended = 0;
    TaskGroup group;
    for (int i = 0; i < 5; ++i) {
        group.start([&ended] {
            struct Count {
                std::atomic<int>& count;
                ~Count() { ++count; }
            } count{ended};
            sleep(1h);
        });
    }
    group.start([] { throw std::runtime_error("one failed"); });
    try {
        group.wait();
        FAIL() << "wait() did not rethrow";
    } catch (const std::runtime_error& error) {
        EXPECT_STREQ(error.what(), "one failed");
        EXPECT_EQ(ended, 5);
    }
    group.start([] {});
    group.wait();  // usable again
}

// No member outlives the group, and what the members hold is gone when wait() returns.
TEST(TaskGroup, MembersEndWithTheirBlock) {
    auto token = std::make_shared<int>(1);
    for (int round = 0; round < 200; ++round) {
        TaskGroup group;
        for (int i = 0; i < 10; ++i) group.start([token] { yield(); });
        group.wait();
        EXPECT_EQ(token.use_count(), 1);
    }
    {
        TaskGroup group;
        for (int i = 0; i < 10; ++i) group.start([token] { sleep(1h); });
    }
    EXPECT_EQ(token.use_count(), 1);
}

// Members may start members.
TEST(TaskGroup, MembersStartMembers) {
    std::atomic<int> count = 0;
    TaskGroup group;
    std::function<void(int)> grow = [&](int depth) {
        ++count;
        if (depth == 0) return;
        group.start(grow, depth - 1);
        group.start(grow, depth - 1);
    };
    group.start(grow, 9);
    group.wait();
    EXPECT_EQ(count, 1023);
}

}  // namespace
}  // namespace thrum
