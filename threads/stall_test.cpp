// thrum/threads/stall_test.cpp: floor 1, threads
// What the look for stalls does to those it looks at, which is nothing: each case in a process of its own.
#include <thrum/threads.hpp>
#include <thrum/threads/child_fixture.hpp>

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/select.h>

#include <atomic>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

namespace thrum {
namespace {

// Ends a blocking call that was told to wait for standard input.
void take_a_byte() {
    char byte;
    static_cast<void>(!::read(STDIN_FILENO, &byte, 1));
}

// Calls that a signal ends, whatever its handler's SA_RESTART says: signal(7).
__attribute__((noinline)) int in_poll() {
    pollfd polled{STDIN_FILENO, POLLIN, 0};
    return ::poll(&polled, 1, -1);
}
__attribute__((noinline)) int in_select() {
    fd_set set;
    FD_ZERO(&set);
    FD_SET(STDIN_FILENO, &set);
    return ::select(STDIN_FILENO + 1, &set, nullptr, nullptr, nullptr);
}
__attribute__((noinline)) int in_epoll() {
    const int queue = ::epoll_create1(EPOLL_CLOEXEC);
    epoll_event event{EPOLLIN, {}};
    ::epoll_ctl(queue, EPOLL_CTL_ADD, STDIN_FILENO, &event);
    const int ready = ::epoll_wait(queue, &event, 1, -1);
    ::close(queue);
    return ready;
}

constexpr struct {
    const char* name;
    int (*call)();
} calls[] = {{"in_poll", &in_poll}, {"in_select", &in_select}, {"in_epoll", &in_epoll}};

TEST(StallProbe, DISABLED_Blocks) {
    for (const auto& [name, call] : calls) {
        Thread(ThreadOptions{.name = name}, [name = name, call = call] {
            std::printf("%s returned %d\n", name, call());
            std::fflush(stdout);
            take_a_byte();
        }).join();
    }
}

// A call that blocks is reported with its name and stack, and goes on as if nobody had looked.
TEST(Stall, ABlockingCallIsNotCutShort) {
    Child child("StallProbe.DISABLED_Blocks", {{"THRUM_STALL", "20"}});
    for (const auto& [name, call] : calls) {
        ASSERT_TRUE(child.says("thread \"" + std::string(name) + "\"")) << child.text();
        child.tell('x');
        ASSERT_TRUE(child.says(std::string(name) + " returned")) << child.text();
    }
    EXPECT_EQ(child.end(), 0) << child.text();
    for (const auto& [name, call] : calls) {
        EXPECT_EQ(times(child.text(), std::string(name) + " returned 1\n"), 1u) << child.text();
#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__)  // see call_frames.hpp; no names
        EXPECT_EQ(times(child.text(), "    " + std::string(name) + " at "), 1u) << child.text();
#endif
    }
    EXPECT_GE(times(child.text(), " in the system call "), 3u) << child.text();
}

// Computes until there is something to read on standard input.
void compute(std::atomic<int>& told, int until) {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, nullptr);
    while (told.load() < until) {
    }
}

TEST(StallProbe, DISABLED_Silent) {
    std::atomic<int> told = 0;
    std::thread reader([&] {
        for (; told < 2; ++told) take_a_byte();
    });
    Event started;
    std::atomic<bool> over = false;
    Thread waits([&] {
        started.set();
        while (!over.load()) yield();
    });
    started.wait();
    Thread(ThreadOptions{.name = "first"}, [&] { compute(told, 1); }).join();
    Thread(ThreadOptions{.name = "second"}, [&] { compute(told, 2); }).join();
    over = true;
    waits.join();
    reader.join();
}

// Threads of which no stack is known are no place that they share: each is reported, with the reason.
TEST(Stall, ThreadsThatDoNotAnswerAreReportedEach) {
    Child child("StallProbe.DISABLED_Silent", {{"THRUM_STALL", "20"}, {"THRUM_WORKERS", "1"}});
    for (const char* name : {"first", "second"}) {
        ASSERT_TRUE(child.says("thread \"" + std::string(name) + "\"")) << child.text();
        ASSERT_TRUE(child.says("(its stack is not known: the thread blocks SIGURG)")) << child.text();
        child.tell('x');
    }
    EXPECT_EQ(child.end(), 0) << child.text();
}

TEST(StallProbe, DISABLED_Looks) {
    constexpr int count = 10;
    Event over;
    Thread fiber([&] { over.wait(); });  // so that there are workers
    std::vector<std::thread> silent;
    for (int i = 0; i < count; ++i) {
        silent.emplace_back([&] {
            sigset_t all;
            ::sigfillset(&all);
            ::pthread_sigmask(SIG_SETMASK, &all, nullptr);
            over.wait();
        });
    }
    for (int waiting = 0; waiting < count;) {
        waiting = 0;
        for (const ThreadSnapshot& one : enumerate_threads()) {
            if (one.plain && one.state == ThreadState::waiting) ++waiting;
        }
    }
    enumerate_threads();
    over.set();
    for (std::thread& one : silent) one.join();
}

// A look at all threads is not reported as one that keeps the workers, whomever it asks.
TEST(Stall, ALookIsNoStall) {
    Child child("StallProbe.DISABLED_Looks", {{"THRUM_STALL", "20"}});
    EXPECT_EQ(child.end(), 0) << child.text();
    EXPECT_EQ(times(child.text(), "a look at all threads"), 0u) << child.text();
}

}  // namespace
}  // namespace thrum
