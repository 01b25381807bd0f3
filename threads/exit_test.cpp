// thrum/threads/exit_test.cpp: floor 1, threads
// Processes that fork or end while threads live: each in a child of its own.
#include <thrum/base/errors.hpp>
#include <thrum/threads.hpp>
#include <thrum/threads/child_fixture.hpp>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace thrum {
namespace {

using namespace std::chrono_literals;

// Threads that wait, sleep and compute for as long as the process lives.
void leave_threads_behind() {
    static Lock lock;
    static Queue<int> queue;
    for (int i = 0; i < 20; ++i) {
        Thread([] { queue.get(); }).detach();
        Thread([] { sleep(1h); }).detach();
        Thread([] {
            for (;;) {
                const std::scoped_lock guard(lock);
                yield();
            }
        }).detach();
    }
    // Until each has come as far as its wait or its loop.
    const auto are_on_their_way = [] {
        std::size_t getting = 0;
        std::size_t sleeping = 0;
        std::size_t looping = 0;
        for (const ThreadSnapshot& one : enumerate_threads()) {
            getting += one.waits_on.starts_with("Queue.get") ? 1 : 0;
            sleeping += one.waits_on == "sleep" ? 1 : 0;
            const bool runs = one.state == ThreadState::ready || one.state == ThreadState::running;
            looping += (runs && !one.plain) || one.waits_on.starts_with("Lock") ? 1 : 0;
        }
        return getting == 20 && sleeping == 20 && looping == 20;
    };
    while (!are_on_their_way()) yield();
}

// What the child of EndsWithLiveThreads runs.
TEST(ExitProbe, DISABLED_LeavesThreadsBehind) {
    leave_threads_behind();
    const std::string way = std::getenv("THRUM_TEST_WAY");
    if (way == "exit") std::exit(7);
    if (way == "exit from a fiber") Thread([] { std::exit(7); }).join();
    if (way == "quick_exit") std::quick_exit(7);
    // "return": out of this test and out of main().
}

// A process with live threads ends at once, with its own status, whichever way it goes.
TEST(Exit, EndsWithLiveThreads) {
    const struct {
        const char* way;
        int expected;
    } cases[] = {{"return", 0}, {"exit", 7}, {"exit from a fiber", 7}, {"quick_exit", 7}};
    for (const auto& each : cases) {
        Child child("ExitProbe.*", {{"THRUM_TEST_WAY", each.way}});
        EXPECT_EQ(child.end(), each.expected) << each.way << ": " << child.text();
    }
}

// fork() while threads run, as a server does that starts programs: the child may call exec and _exit, and
// nothing of the parent is disturbed. (Only the calling thread lives on in the child: pthread_atfork(3),
// fork(2).)
TEST(Exit, ForksWithLiveThreads) {
    std::atomic<bool> over = false;
    std::atomic<long> turns = 0;
    std::vector<Thread> busy;
    for (int i = 0; i < 8; ++i) {
        busy.emplace_back([&] {
            while (!over.load()) {
                ++turns;
                sleep(50us);
            }
        });
    }
    const auto fork_and_wait = [] {
        const pid_t child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            ::execl("/bin/true", "true", static_cast<char*>(nullptr));
            ::_exit(98);
        }
        int status = -1;
        to_thread([&] { EXPECT_EQ(::waitpid(child, &status, 0), child); });
        EXPECT_EQ(status, 0);
    };
    for (int i = 0; i < 10; ++i) {
        fork_and_wait();
        Thread(fork_and_wait).join();
    }
    const long before = turns.load();
    while (turns.load() == before) yield();
    over = true;
    for (Thread& thread : busy) thread.join();
}

}  // namespace
}  // namespace thrum
