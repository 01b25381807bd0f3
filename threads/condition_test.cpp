// thrum/threads/condition_test.cpp: floor 1, threads
// Condition and Event: Python's table of promises, and that no wake-up is lost under cancels and timeouts.
#include <thrum/base/errors.hpp>
#include <thrum/threads.hpp>
#include <thrum/threads/internal/crowd_fixture.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <mutex>

namespace thrum {
namespace {

using namespace std::chrono_literals;

// To wait without holding the lock is an error that says so.
TEST(Condition, WaitWithoutTheLock) {
    Lock lock;
    Condition condition;
    std::unique_lock<Lock> without(lock, std::defer_lock);
    EXPECT_THROW(condition.wait(without), Error);
    std::unique_lock<Lock> of_none;
    EXPECT_THROW(condition.wait_for(of_none, 1ms), Error);
    std::unique_lock<RLock> of_no_rlock;
    EXPECT_THROW(condition.wait(of_no_rlock), Error);
    EXPECT_FALSE(lock.locked());
}

// Nobody need wait for a notify; one that came before a wait does not count for it.
TEST(Condition, NotifyIsNotKept) {
    Lock lock;
    Condition condition;
    condition.notify_one();
    condition.notify(100);
    condition.notify(0);
    condition.notify_all();
    std::unique_lock<Lock> guard(lock);
    EXPECT_FALSE(condition.wait_for(guard, 1ms));
    EXPECT_TRUE(guard.owns_lock());
}

// Waiters are woken in the order of their coming, as many as asked for; with the lock held by the notifier,
// they go on after it lets go.
TEST(Condition, InOrderOfComing) {
    Lock lock;
    Condition condition;
    std::vector<int> order;
    std::vector<Thread> threads;
    int waiting = 0;
    for (int i = 0; i < 6; ++i) {
        threads.emplace_back([&, i] {
            std::unique_lock<Lock> guard(lock);
            ++waiting;
            condition.wait(guard);
            order.push_back(i);
        });
        until([&] {
            const std::scoped_lock guard(lock);
            return waiting == i + 1;
        });
    }
    for (const std::size_t count : {1U, 2U, 3U}) {
        std::unique_lock<Lock> guard(lock);
        const std::size_t before = order.size();
        condition.notify(count);
        give_others_time();
        EXPECT_EQ(order.size(), before);
        guard.unlock();
        until([&] {
            const std::scoped_lock inner(lock);
            return order.size() >= before + count;
        });
        give_others_time();
        guard.lock();
        EXPECT_EQ(order.size(), before + count);
    }
    for (Thread& thread : threads) thread.join();
    std::sort(order.begin() + 1, order.begin() + 3);
    std::sort(order.begin() + 3, order.end());
    EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4, 5}));
}

// wait_for says whether it was notified; with a predicate, what that says; and it comes no earlier than
// asked.
TEST(Condition, Timeouts) {
    for (const auto run : {on_a_fiber, on_a_plain_thread}) {
        run([] {
            Lock lock;
            Condition condition;
            std::unique_lock<Lock> guard(lock);
            const auto begin = std::chrono::steady_clock::now();
            EXPECT_FALSE(condition.wait_for(guard, 2ms));
            EXPECT_GE(std::chrono::steady_clock::now() - begin, 2ms);
            EXPECT_FALSE(condition.wait_for(guard, -1s));
            EXPECT_FALSE(condition.wait_until(guard, Deadline::min()));
            EXPECT_FALSE(condition.wait_for(guard, 1ms, [] { return false; }));
            EXPECT_TRUE(condition.wait_for(guard, -1s, [] { return true; }));
            int asked = 0;
            EXPECT_TRUE(condition.wait_for(guard, 1ms, [&] { return ++asked == 2; }));  // asked once more
            bool ready = false;
            Thread other([&] {
                const std::scoped_lock inner(lock);
                ready = true;
                condition.notify_one();
            });
            EXPECT_TRUE(condition.wait_for(guard, 1h, [&] { return ready; }));
            EXPECT_TRUE(guard.owns_lock());
            guard.unlock();
            other.join();
        });
    }
}

// A cancelled waiter has the lock again when Cancelled reaches it, also while others contend for it.
TEST(Condition, HoldsTheLockWhenCancelled) {
    Lock lock;
    Condition condition;
    bool waiting = false;
    bool unwound = false;
    Thread thread([&] {
        std::unique_lock<Lock> guard(lock);
        waiting = true;
        try {
            condition.wait(guard);
        } catch (const Cancelled&) {
            EXPECT_TRUE(guard.owns_lock());
            unwound = true;
            throw;
        }
    });
    until([&] {
        const std::scoped_lock guard(lock);
        return waiting;
    });
    {
        const std::scoped_lock guard(lock);
        thread.cancel();
        give_others_time();
        EXPECT_FALSE(unwound);
    }
    thread.join();
    EXPECT_TRUE(unwound);
    EXPECT_TRUE(lock.try_lock());
}

// A notify never ends with a waiter that gave up: items are put one by one, with one notify each. The patient
// wait for as long as it takes; the impatient, who time out, take an item only where they were notified. All
// are cancelled at random. An item left lying would leave the test hanging.
TEST(Condition, EveryNotifyIsAccountedFor) {
    for (const unsigned seed : {1U, 2U, 3U}) {
        Lock lock;
        Condition condition;
        int items = 0;
        std::atomic<int> taken = 0;
        constexpr int total = 2000;
        Thread producer([&] {
            for (int i = 0; i < total; ++i) {
                {
                    const std::scoped_lock guard(lock);
                    ++items;
                    condition.notify_one();
                }
                if (i % 3 == 0) yield();
            }
        });
        harried_crowd(
            8, 3, seed, [&] { return taken.load() < total; },
            [&](int number) {
                std::mt19937 random(seed * 100 + static_cast<unsigned>(number));
                while (taken.load() < total) {
                    try {
                        std::unique_lock<Lock> guard(lock);
                        if (number % 2 == 0) {
                            if (!condition.wait_for(guard, std::chrono::microseconds(random() % 300)))
                                continue;
                        } else {
                            condition.wait(guard, [&] { return items > 0 || taken.load() == total; });
                        }
                        if (items == 0) continue;
                        --items;
                        if (++taken == total) condition.notify_all();
                    } catch (const Cancelled&) {
                        // asked to stop, and goes on all the same
                    }
                }
            });
        producer.join();
        EXPECT_EQ(taken, total);
        EXPECT_EQ(items, 0);
    }
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

// It may be destroyed as soon as the last wait has returned.
TEST(Condition, MayBeDestroyedRightAfterTheWait) {
    for (int round = 0; round < 2000; ++round) {
        Lock lock;
        auto condition = std::make_unique<Condition>();
        bool ready = false;
        Thread notifier([&, raw = condition.get()] {
            const std::scoped_lock guard(lock);
            ready = true;
            raw->notify_all();
        });
        std::unique_lock<Lock> guard(lock);
        condition->wait(guard, [&] { return ready; });
        guard.unlock();
        condition.reset();
        notifier.join();
    }
}

// Up or down for all to see; a wait while it is up does not wait, whatever its time.
TEST(Event, IsSet) {
    Event event;
    EXPECT_FALSE(event.is_set());
    event.set();
    event.set();
    for (const auto run : {on_a_fiber, on_a_plain_thread}) {
        run([&] {
            EXPECT_TRUE(event.is_set());
            event.wait();
            EXPECT_TRUE(event.wait_for(-1s));
            EXPECT_TRUE(event.wait_until(Deadline::min()));
        });
    }
    event.clear();
    event.clear();
    EXPECT_FALSE(event.is_set());
}

// A wait that ends early says how; the others still get what comes.
TEST(Event, Timeouts) {
    for (const auto run : {on_a_fiber, on_a_plain_thread}) {
        Event event;
        run([&] {
            const auto begin = std::chrono::steady_clock::now();
            EXPECT_FALSE(event.wait_for(2ms));
            EXPECT_GE(std::chrono::steady_clock::now() - begin, 2ms);
            EXPECT_FALSE(event.wait_for(0ns));
            const Timeout scope(1ms);
            EXPECT_THROW(event.wait(), TimeoutError);
        });
        Thread waiter([&] { event.wait(); });
        event.set();
        waiter.join();
    }
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

// Who waits when it is set goes on, though it be cleared at once.
TEST(Event, SetAndClearAtOnce) {
    for (int round = 0; round < 50; ++round) {
        Event event;
        std::atomic<int> coming = 0;
        std::atomic<int> woken = 0;
        std::vector<std::thread> plain;
        TaskGroup group;
        const auto body = [&] {
            ++coming;
            event.wait();
            ++woken;
        };
        for (int i = 0; i < 5; ++i) group.start(body);
        plain.emplace_back(body);
        until([&] { return coming.load() == 6; });
        // Whoever had not begun to wait is met by the next round of it.
        while (woken.load() < 6) {
            event.set();
            event.clear();
            yield();
        }
        group.wait();
        for (std::thread& thread : plain) thread.join();
    }
}

}  // namespace
}  // namespace thrum
