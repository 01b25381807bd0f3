// thrum/threads/internal/adaptive_spin_test.cpp: floor 1, threads
#include <thrum/threads/internal/adaptive_spin.hpp>

#include <gtest/gtest.h>
#include <sched.h>

#include <thread>

namespace thrum::internal {
namespace {

bool several_processors() {
    cpu_set_t set;
    return ::sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 1;
}

// The past belongs to the OS thread, so each test takes a new one.
template <class Test>
void on_a_new_thread(Test test) {
    std::thread(test).join();
}

// It ends with the first attempt that succeeds, and says so.
TEST(AdaptiveSpin, EndsWithTheFirstSuccess) {
    if (!several_processors()) GTEST_SKIP() << "on one processor nobody spins";
    on_a_new_thread([] {
        int attempts = 0;
        EXPECT_TRUE(AdaptiveSpin::wait([&] { return ++attempts == 3; }));
        EXPECT_EQ(attempts, 3);
    });
}

// Where it never pays, it is hardly ever tried; once it pays again, it is tried again.
TEST(AdaptiveSpin, LearnsFromFailures) {
    if (!several_processors()) GTEST_SKIP() << "on one processor nobody spins";
    on_a_new_thread([] {
        const auto tried = [](bool success) {
            bool called = false;
            AdaptiveSpin::wait([&] { return called = true, success; });
            return called;
        };
        for (int i = 0; i < 100; ++i) tried(false);
        int after_failures = 0;
        for (int i = 0; i < 320; ++i) after_failures += tried(false) ? 1 : 0;
        EXPECT_EQ(after_failures, 10);
        for (int i = 0; i < 320; ++i) tried(true);
        EXPECT_TRUE(tried(true));
        EXPECT_TRUE(tried(true));
    });
}

}  // namespace
}  // namespace thrum::internal
