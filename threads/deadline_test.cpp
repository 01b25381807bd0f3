// thrum/threads/deadline_test.cpp: floor 1, threads
#include <thrum/base/errors.hpp>
#include <thrum/threads.hpp>

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace thrum {
namespace {

using namespace std::chrono_literals;

struct Wait {
    std::string name;
    std::function<void()> call;
};

// Every wait there is, on something that never comes.
std::vector<Wait> all_waits() {
    static Event event;
    static Semaphore semaphore(0);
    static Queue<int> empty;
    static Queue<int> full(1);
    static Lock held;
    static Condition condition;
    static Lock condition_lock;
    [[maybe_unused]] static const bool once = [] {
        full.put(1);
        held.lock();
        return true;
    }();
    return {
        {"sleep", [] { sleep(1h); }},
        {"Event::wait", [] { event.wait(); }},
        {"Event::wait_for", [] { event.wait_for(1h); }},
        {"Semaphore::acquire", [] { semaphore.acquire(); }},
        {"Queue::get", [] { empty.get(); }},
        {"Queue::put", [] { full.put(2); }},
        {"Queue::join", [] { full.join(); }},
        {"Lock::lock", [] { held.lock(); }},
        {"Condition::wait",
         [] {
             std::unique_lock lock(condition_lock);
             condition.wait(lock);
         }},
        {"Thread::join",
         [] {
             Thread thread([] { sleep(1h); });
             thread.join();
         }},
        {"TaskGroup::wait",
         [] {
             TaskGroup group;
             group.start([] { sleep(1h); });
             group.wait();
         }},
        {"Future::result",
         [] {
             ThreadPoolExecutor executor(1);
             auto future = executor.submit([] { sleep(1h); });
             struct Cancel {
                 Future<void>& future;
                 ~Cancel() { future.cancel(); }
             } cancel{future};
             future.result();
         }},
    };
}

// A Timeout scope ends every kind of wait with TimeoutError, in fibers, in main and in a std::thread.
TEST(Timeout, EndsEveryWait) {
    for (const Wait& wait : all_waits()) {
        const auto expect_timeout = [&wait] {
            const Timeout scope(2ms);
            EXPECT_THROW(wait.call(), TimeoutError) << wait.name;
        };
        expect_timeout();
        std::thread(expect_timeout).join();
        Thread fiber(expect_timeout);
        fiber.join();
    }
}

// cancel() ends every kind of wait with Cancelled, whether it comes before the wait or during it.
TEST(Cancel, EndsEveryWait) {
    for (const Wait& wait : all_waits()) {
        for (const bool before : {true, false}) {
            bool cancelled = false;
            Event started;
            Event proceed;
            Thread fiber([&] {
                started.set();
                if (before) {
                    while (!proceed.is_set()) yield();
                }
                try {
                    wait.call();
                } catch (const Cancelled&) {
                    cancelled = true;
                }
            });
            started.wait();
            if (!before) sleep(1ms);
            fiber.cancel();
            proceed.set();
            fiber.join();
            EXPECT_TRUE(cancelled) << wait.name << (before ? " cancelled before" : " cancelled during");
        }
    }
}

// The earliest deadline of nested scopes holds, and the outer one comes back after the inner.
TEST(Timeout, ScopesNest) {
    const Timeout outer(1h);
    const Deadline outer_deadline = current_deadline();
    {
        const Timeout inner(1ms);
        EXPECT_LT(current_deadline(), outer_deadline);
        EXPECT_THROW(sleep(2h), TimeoutError);
        const Timeout longer(2h);
        EXPECT_LT(current_deadline(), outer_deadline);
    }
    EXPECT_EQ(current_deadline(), outer_deadline);
}

// A wait's own time limit is an answer, not an exception; only the scope's deadline throws.
TEST(Timeout, OwnLimitReturnsFalse) {
    const Timeout scope(1h);
    Event never_set;
    EXPECT_FALSE(never_set.wait_for(1ms));
    Semaphore none(0);
    EXPECT_FALSE(none.try_acquire_for(1ms));
    Lock lock;
    lock.lock();
    EXPECT_FALSE(lock.try_lock_for(1ms));
}

// Durations beyond the clock's range mean "never", negative ones have passed.
TEST(Timeout, ExtremeDurations) {
    EXPECT_EQ(deadline_after(std::chrono::nanoseconds::max()), never);
    {
        const Timeout scope(-1s);
        EXPECT_THROW(sleep(1h), TimeoutError);
        EXPECT_THROW(check_cancelled(), TimeoutError);
    }
    Event event;
    EXPECT_FALSE(event.wait_until(Deadline::min()));
}

// Sleeps end in the order of their lengths and never early.
TEST(Sleep, NeverEarly) {
    TaskGroup group;
    std::atomic<int> early = 0;
    for (int i = 0; i < 200; ++i) {
        group.start([i, &early] {
            const auto duration = std::chrono::microseconds(i * 37);
            const auto start = std::chrono::steady_clock::now();
            sleep(duration);
            if (std::chrono::steady_clock::now() - start < duration) ++early;
        });
    }
    group.wait();
    EXPECT_EQ(early, 0);
}

}  // namespace
}  // namespace thrum
