// thrum/threads/internal/registry_test.cpp: floor 1, threads
#include <thrum/threads.hpp>
#include <thrum/threads/internal/registry.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace thrum::internal {
namespace {

using namespace std::chrono_literals;

// Ids and reasons of all fibers that wait.
std::map<std::uint64_t, std::string> waiting() {
    std::map<std::uint64_t, std::string> all;
    for_each_fiber([&](const FiberReference& fiber) {
        if (fiber->waiting()) all[fiber->id] = fiber->reason().kind;
    });
    return all;
}

// Every thread that waits is found, with what it waits on, whatever the size of its stack, and none is once
// it has ended.
TEST(Registry, KnowsEveryFiberAndWhatItWaitsOn) {
    Lock lock;
    Event event;
    Queue<int> queue;
    Queue<int> full(1);
    full.put(1);
    Semaphore semaphore(0);
    Condition condition;
    Lock condition_lock;
    lock.lock();
    Thread other([&] { event.wait(); });
    struct Case {
        const char* kind;
        std::function<void()> wait;
    };
    const std::vector<Case> cases = {
        {"Lock", [&] { lock.lock(), lock.unlock(); }},
        {"Event", [&] { event.wait(); }},
        {"Queue.get", [&] { queue.get(); }},
        {"Queue.put", [&] { full.put(2); }},
        {"Semaphore", [&] { semaphore.acquire(); }},
        {"sleep", [&] { sleep(1h); }},
        {"Thread.join", [&] { other.join(); }},
        {"Condition",
         [&] {
             std::unique_lock held(condition_lock);
             condition.wait_until(held, never);
         }},
    };
    std::vector<Thread> threads;
    for (const Case& one : cases) {
        threads.emplace_back(
            ThreadOptions{.stack_size = threads.size() % 2 == 0 ? default_stack_size : 200'000}, one.wait);
    }
    for (std::size_t i = 0; i < cases.size(); ++i) {
        while (waiting()[threads[i].id()] != cases[i].kind) yield();
    }
    std::set<std::uint64_t> ids;
    for (Thread& thread : threads) {
        ids.insert(thread.id());
        thread.cancel();
    }
    lock.unlock();
    for (Thread& thread : threads) thread.join();
    for (const auto& [id, kind] : waiting()) EXPECT_FALSE(ids.contains(id)) << kind;
    event.set();
}

// Walking the registry while threads of both kinds of stack start and end frees nothing twice and nothing
// early.
TEST(Registry, WalksWhileThreadsComeAndGo) {
    std::atomic<bool> stop = false;
    std::vector<std::thread> starters;
    for (int i = 0; i < 2; ++i) {
        starters.emplace_back([&stop, i] {
            for (int n = 0; !stop.load(); ++n) {
                Thread thread(ThreadOptions{.name = "a name that is too long to be kept inside of a string",
                                            .stack_size = (n + i) % 2 == 0 ? default_stack_size : 200'000},
                              [] { yield(); });
                thread.join();
            }
        });
    }
    std::size_t bytes = 0;
    for (int i = 0; i < 300; ++i) {
        for_each_fiber([&](const FiberReference& fiber) { bytes += fiber->name().size(); });
    }
    stop = true;
    for (auto& starter : starters) starter.join();
    EXPECT_GE(bytes, 0u);
}

// A plain thread that waits is found as well, and no longer when it has gone.
TEST(Registry, KnowsPlainThreadsThatWait) {
    Event event;
    std::uint64_t id = 0;
    std::thread plain([&] {
        id = current_thread_id();
        event.wait();
    });
    const auto found = [&] {
        bool waits = false;
        for_each_os_task([&](Task& task) {
            waits |= task.waiting() && task.reason().object == static_cast<void*>(&event);
        });
        return waits;
    };
    while (!found()) yield();
    event.set();
    plain.join();
    for_each_os_task([&](Task& task) { EXPECT_NE(task.id, id); });
}

}  // namespace
}  // namespace thrum::internal
