// thrum/threads/task_group_test.cpp: floor 1, threads
// TaskGroup: no member outlives it, and no error is lost.
#include <thrum/base/errors.hpp>
#include <thrum/threads.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <set>
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

// Errors of several threads come together, in the order in which they happened, and each can be had as
// itself.
TEST(TaskGroup, SeveralErrorsComeTogether) {
    TaskGroup group;
    std::atomic<int> met = 0;
    const auto fail_together = [&met](int number) {
        ++met;
        while (met < 12) yield();  // no cancel is noticed here
        if (number == 3) throw TimeoutError("three is late");
        throw std::out_of_range("number " + std::to_string(number));
    };
    for (int i = 0; i < 12; ++i) group.start(fail_together, i);
    group.start([] { sleep(1h); });  // is cancelled, which is no error
    try {
        group.wait();
        ADD_FAILURE() << "wait() did not throw";
    } catch (const ExceptionGroup& errors) {
        EXPECT_EQ(errors.errors().size(), 12U);
        const std::string what = errors.what();
        EXPECT_EQ(what.rfind("12 errors: ", 0), 0U) << what;
        EXPECT_NE(what.find("; and 2 more"), std::string::npos) << what;
        std::set<std::string> words;
        const auto handled = errors.handle<std::out_of_range>(
            [&words](const std::out_of_range& error) { words.insert(error.what()); });
        EXPECT_EQ(handled, 11U);
        EXPECT_EQ(words.size(), 11U);
        EXPECT_TRUE(errors.contains<OSError>());
        EXPECT_FALSE(errors.contains<std::domain_error>());
    }
    group.start([] { throw std::domain_error("alone"); });
    EXPECT_THROW(group.wait(), std::domain_error);
    group.wait();
}

// A group inside a group: what is looked for is found at every depth. Of nothing there is no group.
TEST(ExceptionGroup, InGroups) {
    const auto error = [](const char* what) { return std::make_exception_ptr(std::range_error(what)); };
    const ExceptionGroup inner({error("b"), std::make_exception_ptr(1)});
    EXPECT_STREQ(inner.what(), "2 errors: b; not a std::exception");
    const ExceptionGroup outer({error("a"), std::make_exception_ptr(inner), error("c")});
    std::string order;
    outer.handle<std::range_error>([&order](const std::range_error& found) { order += found.what(); });
    EXPECT_EQ(order, "abc");
    EXPECT_STREQ(outer.what(), "3 errors: a; 2 errors: b; not a std::exception; c");
    EXPECT_THROW(ExceptionGroup({}), Error);
}

}  // namespace
}  // namespace thrum
