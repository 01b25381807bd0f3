// thrum/threads/stack_test.cpp: floor 1, threads
// Stacks that end: overflow, no memory, no guards; each in a process of its own.
#include <thrum/base/errors.hpp>
#include <thrum/threads.hpp>
#include <thrum/threads/child_fixture.hpp>

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

namespace thrum {
namespace {

int deeper(int depth) {
    volatile char frame[1024];
    frame[0] = static_cast<char>(depth);
    return depth == 0 ? frame[0] : deeper(depth - 1) + frame[0];
}

// One frame that reaches beyond the guard page.
int wide() {
    volatile char frame[100'000];
    frame[0] = 1;
    return frame[0];
}

void park_threads(int count, Event& event) {
    std::atomic<int> parked = 0;
    for (int i = 0; i < count; ++i) {
        Thread([&] {
            ++parked;
            event.wait();
        }).detach();
    }
    while (parked.load() < count) yield();
}

TEST(StackProbe, DISABLED_Overflows) {
    static Event event;
    park_threads(std::atoi(std::getenv("THRUM_TEST_THREADS")), event);
    const std::string handler = std::getenv("THRUM_TEST_HANDLER");
    if (handler == "raise") ::raise(SIGSEGV);
    Thread(ThreadOptions{.name = handler == "unnamed" ? "" : "deep"}, [&handler] {
        std::printf("%d\n", handler == "wide" ? wide() : deeper(100'000));
    }).join();
}

// A thread that needs more than its stack is named, with its size and what to do, and the process dies of
// SIGSEGV; among a hundred thousand as well, where a thread has no name of its own, and where a single array
// is larger than its stack.
TEST(Stack, OverflowIsReported) {
    struct Case {
        const char* threads;
        const char* handler;
        const char* words;
    };
    for (const Case& one :
         {Case{"0", "", "thrum: stack overflow in thread deep: it needs more than the 64 KB"},
          Case{"0", "unnamed", "thrum: stack overflow in thread Thread-"},
          Case{"0", "wide", "thrum: stack overflow in thread deep"},
          Case{"100000", "", "thrum: stack overflow in thread deep"}}) {
        Child child("StackProbe.DISABLED_Overflows",
                    {{"THRUM_TEST_THREADS", one.threads}, {"THRUM_TEST_HANDLER", one.handler}});
        EXPECT_EQ(child.end(), -SIGSEGV) << child.text();
        EXPECT_NE(child.text().find(one.words), std::string::npos) << child.text();
        EXPECT_NE(child.text().find("ThreadOptions::stack_size"), std::string::npos) << child.text();
    }
}

// A fault that is no overflow is not called one, and still ends the process.
TEST(Stack, OtherFaultsAreAsEver) {
    Child child("StackProbe.DISABLED_Overflows",
                {{"THRUM_TEST_THREADS", "1"}, {"THRUM_TEST_HANDLER", "raise"}});
    EXPECT_EQ(child.end(), -SIGSEGV) << child.text();
    EXPECT_EQ(child.text().find("overflow in"), std::string::npos) << child.text();
}

TEST(StackProbe, DISABLED_ChainsToTheProgramsHandler) {
    ::signal(SIGSEGV, [](int) { ::_exit(42); });
    static Event event;
    park_threads(1, event);
    volatile std::uintptr_t nowhere = 8;  // volatile: the compiler must not see what it is
    *reinterpret_cast<volatile int*>(nowhere) = 1;
}

// A handler that the program had before the first thread is still asked.
TEST(Stack, ChainsToTheProgramsHandler) {
    Child child("StackProbe.DISABLED_ChainsToTheProgramsHandler");
    EXPECT_EQ(child.end(), 42) << child.text();
}

TEST(StackProbe, DISABLED_RunsOutOfMemory) {
    Thread([] {}).join();
    const rlimit limit{std::size_t{400} << 20, std::size_t{400} << 20};
    ASSERT_EQ(::setrlimit(RLIMIT_AS, &limit), 0);
    Event event;
    std::vector<Thread> threads;
    try {
        for (;;) threads.emplace_back(ThreadOptions{.stack_size = 4 << 20}, [&] { event.wait(); });
    } catch (const OSError& error) {
        std::printf("after %d: %s\n", threads.size() > 10, error.what());
    }
    event.set();
    for (Thread& thread : threads) thread.join();
}

// Without memory for a stack the constructor throws an OSError that says what to do; the others go on.
TEST(Stack, NoMemoryIsAnError) {
    Child child("StackProbe.DISABLED_RunsOutOfMemory");
    EXPECT_EQ(child.end(), 0) << child.text();
    EXPECT_NE(child.text().find("after 1: cannot map "), std::string::npos) << child.text();
    EXPECT_NE(child.text().find("ThreadOptions::stack_size"), std::string::npos) << child.text();
}

TEST(StackProbe, DISABLED_CountsGuards) {
    static Event event;
    park_threads(500, event);
    const RuntimeStatistics statistics = runtime_statistics();
    std::printf("guarded %d of at least 500: %d\n", static_cast<int>(statistics.guarded_stacks),
                statistics.stacks >= 500);
}

// Kernels without MADV_GUARD_INSTALL: guards as far as vm.max_map_count goes, then it is said, once, and
// counted.
TEST(Stack, MissingGuardsAreSaid) {
    Child child("StackProbe.DISABLED_CountsGuards", {{"THRUM_GUARDS", "mprotect:100"}});
    EXPECT_EQ(child.end(), 0) << child.text();
    EXPECT_EQ(times(child.text(), "thrum: 100 thread stacks have guard pages, further ones have none"), 1u)
        << child.text();
    EXPECT_NE(child.text().find("guarded 100 of at least 500: 1"), std::string::npos) << child.text();
}

}  // namespace
}  // namespace thrum

#endif
