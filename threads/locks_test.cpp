// thrum/threads/locks_test.cpp: floor 1, threads
// Lock, Condition, Event and Semaphore between fibers and plain threads, under cancels and timeouts.
#include <thrum/base/errors.hpp>
#include <thrum/threads.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

namespace thrum {
namespace {

using namespace std::chrono_literals;

// Runs `body(i)` in as many fibers and plain threads as asked, all at once.
void crowd(int fibers, int plain, const std::function<void(int)>& body) {
    std::vector<std::thread> threads;
    std::vector<Thread> group;
    for (int i = 0; i < plain; ++i) threads.emplace_back(body, i);
    for (int i = 0; i < fibers; ++i) group.emplace_back(body, plain + i);
    for (auto& thread : group) thread.join();
    for (auto& thread : threads) thread.join();
}

// Only one holder at a time, whoever asks; no update is lost.
TEST(Lock, MutualExclusionAcrossKinds) {
    Lock lock;
    long counter = 0;
    crowd(8, 3, [&](int) {
        for (int i = 0; i < 2000; ++i) {
            std::scoped_lock guard(lock);
            ++counter;
            if (i % 64 == 0) yield();  // wait with the lock held, so that others queue
        }
    });
    EXPECT_EQ(counter, 11 * 2000);
    EXPECT_FALSE(lock.locked());
}

// Under cancels and timeouts in flight the lock is never lost and never held twice.
TEST(Lock, SurvivesCancelsAndTimeouts) {
    Lock lock;
    std::atomic<int> inside = 0;
    std::atomic<bool> stop = false;
    std::atomic<long> entered = 0;
    std::vector<Thread> threads;
    const auto body = [&](unsigned seed) {
        std::mt19937 random(seed);
        while (!stop.load()) {
            try {
                if (!lock.try_lock_for(std::chrono::microseconds(random() % 300))) continue;
            } catch (const Cancelled&) {
                continue;
            }
            EXPECT_EQ(inside.fetch_add(1), 0);
            ++entered;
            if (random() % 4 == 0) yield();
            inside.fetch_sub(1);
            lock.unlock();
        }
    };
    for (unsigned i = 0; i < 12; ++i) threads.emplace_back(body, i + 1);
    std::thread plain(body, 99);
    std::mt19937 random(7);
    while (entered.load() < 20'000) {
        threads[random() % threads.size()].cancel();
        yield();
    }
    stop = true;
    for (auto& thread : threads) thread.join();
    plain.join();
    EXPECT_TRUE(lock.try_lock());
}

// The lock may be freed by the next holder as soon as it has it: unlock() no longer touches it.
TEST(Lock, MayBeFreedRightAfterUnlock) {
    for (int round = 0; round < 3000; ++round) {
        auto* lock = new Lock;
        lock->lock();
        Event waiting;
        Thread other([&] {
            waiting.set();
            lock->lock();
            lock->unlock();
            delete lock;
        });
        waiting.wait();
        if (round % 2 == 0) yield();
        lock->unlock();
        other.join();
    }
}

// A waiter passed over once is handed the lock, however greedy its holder is.
TEST(Lock, NobodyStarves) {
    Lock lock;
    std::atomic<bool> got = false;
    Event holding;
    Thread greedy([&] {
        while (!got.load()) {
            std::scoped_lock guard(lock);
            holding.set();
            yield();
        }
    });
    holding.wait();
    Thread meek([&] {
        std::scoped_lock guard(lock);
        got = true;
    });
    meek.join();
    greedy.join();
    EXPECT_TRUE(got);
}

// The standard's guards and condition_variable_any work with Lock.
TEST(Lock, MeetsTheStandardsRequirements) {
    Lock a;
    Lock b;
    {
        std::scoped_lock both(a, b);
        EXPECT_FALSE(a.try_lock());
    }
    std::unique_lock<Lock> timed(a, 1ms);
    EXPECT_TRUE(timed.owns_lock());
}

// Every item put under the lock is taken exactly once, with waits, notifies and cancels mixed.
TEST(Condition, NoWakeUpIsLost) {
    Lock lock;
    Condition available;
    int items = 0;
    bool closed = false;
    std::atomic<int> taken = 0;
    std::atomic<bool> cancelling = true;
    const auto consumer = [&] {
        for (;;) {
            try {
                std::unique_lock guard(lock);
                available.wait(guard, [&] { return items > 0 || closed; });
                if (items == 0) return;
                --items;
                ++taken;
            } catch (const Cancelled&) {
                // asked to stop, and goes on all the same: its wake-up must have gone to another
            }
        }
    };
    std::vector<Thread> consumers;
    for (int i = 0; i < 8; ++i) consumers.emplace_back(consumer);
    std::thread plain(consumer);
    Thread canceller([&] {
        std::mt19937 random(3);
        while (cancelling.load()) {
            consumers[random() % consumers.size()].cancel();
            yield();
        }
    });
    constexpr int total = 20'000;
    for (int i = 0; i < total; ++i) {
        {
            std::scoped_lock guard(lock);
            ++items;
        }
        available.notify_one();
    }
    for (;;) {
        std::unique_lock guard(lock);
        if (items == 0) break;
        guard.unlock();
        sleep(100us);
    }
    cancelling = false;
    canceller.join();
    {
        std::scoped_lock guard(lock);
        closed = true;
    }
    available.notify_all();
    for (auto& thread : consumers) thread.join();
    plain.join();
    EXPECT_EQ(taken, total);
}

// A wait ends with the lock held even when it throws.
TEST(Condition, HoldsTheLockWhenItThrows) {
    Lock lock;
    Condition condition;
    std::unique_lock guard(lock);
    const Timeout scope(1ms);
    EXPECT_THROW(condition.wait(guard), TimeoutError);
    EXPECT_TRUE(guard.owns_lock());
    EXPECT_TRUE(lock.locked());
}

// notify(n) wakes n waiters, no more.
TEST(Condition, NotifyCounts) {
    Lock lock;
    Condition condition;
    int waiting = 0;
    std::atomic<int> woken = 0;
    TaskGroup group;
    for (int i = 0; i < 5; ++i) {
        group.start([&] {
            std::unique_lock guard(lock);
            ++waiting;
            condition.wait(guard);
            ++woken;
        });
    }
    for (;;) {
        std::unique_lock guard(lock);
        if (waiting == 5) break;
        guard.unlock();
        yield();
    }
    condition.notify(2);
    while (woken.load() < 2) yield();
    for (int i = 0; i < 100; ++i) yield();
    EXPECT_EQ(woken, 2);
    condition.notify_all();
    group.wait();
    EXPECT_EQ(woken, 5);
}

// An event may be destroyed as soon as the wait that its set() ended has returned.
TEST(Event, MayBeDestroyedRightAfterWait) {
    for (int round = 0; round < 5000; ++round) {
        auto event = std::make_unique<Event>();
        Thread setter([raw = event.get()] { raw->set(); });
        event->wait();
        event.reset();
        setter.join();
    }
}

// set() wakes all, clear() makes later waits wait.
TEST(Event, SetAndClear) {
    Event event;
    std::atomic<int> woken = 0;
    TaskGroup group;
    for (int i = 0; i < 10; ++i) group.start([&] { event.wait(), ++woken; });
    event.set();
    group.wait();
    EXPECT_EQ(woken, 10);
    event.clear();
    EXPECT_FALSE(event.wait_for(1ms));
    EXPECT_FALSE(event.is_set());
}

// Never more holders than permits; all permits are there again at the end, cancels notwithstanding.
TEST(Semaphore, PermitsAreKept) {
    Semaphore semaphore(3);
    std::atomic<int> inside = 0;
    std::atomic<int> most = 0;
    std::vector<Thread> threads;
    std::atomic<long> entered = 0;
    std::atomic<long> cancelled = 0;
    std::atomic<bool> stop = false;
    for (int i = 0; i < 12; ++i) {
        threads.emplace_back([&] {
            while (!stop.load()) {
                try {
                    semaphore.acquire();
                } catch (const Cancelled&) {
                    ++cancelled;
                    continue;
                }
                const int now = ++inside;
                int seen = most.load();
                while (now > seen && !most.compare_exchange_weak(seen, now)) {
                }
                ++entered;
                yield();
                --inside;
                semaphore.release();
            }
        });
    }
    // Not faster than they are caught: threads that only ever catch cancels enter nothing.
    std::mt19937 random(5);
    for (long sent = 0; entered.load() < 20'000; yield()) {
        if (sent - cancelled.load() >= 100) continue;
        threads[random() % threads.size()].cancel();
        ++sent;
    }
    stop = true;
    for (auto& thread : threads) thread.join();
    EXPECT_LE(most, 3);
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(semaphore.try_acquire());
    EXPECT_FALSE(semaphore.try_acquire());
}

}  // namespace
}  // namespace thrum
