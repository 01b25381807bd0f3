// thrum/threads/rlock_test.cpp: floor 1, threads
// RLock: its owner locks it again and again, nobody else may unlock it, and a Condition lets go of all of it.
#include <thrum/base/errors.hpp>
#include <thrum/threads.hpp>
#include <thrum/threads/internal/crowd_fixture.hpp>

#include <gtest/gtest.h>

#include <mutex>

namespace thrum {
namespace {

using namespace std::chrono_literals;

// As many unlock() as lock() of whatever form; until the last of them others are kept out.
TEST(RLock, OwnerLocksAgain) {
    for (const auto run : {on_a_fiber, on_a_plain_thread}) {
        RLock lock;
        run([&] {
            lock.lock();
            EXPECT_TRUE(lock.try_lock());
            EXPECT_TRUE(lock.try_lock_for(0ns));
            EXPECT_TRUE(lock.try_lock_until(Deadline::min()));
            lock.lock_shielded();
            {
                const Timeout scope(-1s);
                lock.lock();  // does not wait, so no deadline and no cancel can end it
            }
            for (int held = 6; held > 0; --held) {
                EXPECT_TRUE(lock.owned());
                on_a_plain_thread([&] { EXPECT_FALSE(lock.try_lock()); });
                on_a_fiber([&] { EXPECT_FALSE(lock.try_lock()); });
                lock.unlock();
            }
            EXPECT_FALSE(lock.owned());
            EXPECT_FALSE(lock.locked());
        });
        EXPECT_TRUE(lock.try_lock());
        lock.unlock();
    }
}

// owned() is of the calling thread, locked() of any.
TEST(RLock, Owned) {
    RLock lock;
    EXPECT_FALSE(lock.owned());
    lock.lock();
    for (const auto run : {on_a_fiber, on_a_plain_thread}) {
        run([&] {
            EXPECT_FALSE(lock.owned());
            EXPECT_TRUE(lock.locked());
        });
    }
    EXPECT_TRUE(lock.owned());
    lock.unlock();
}

// Ownership is a thread's own however its fiber and others take turns on one worker.
TEST(RLock, DepthsOfManyThreads) {
    RLock lock;
    long counter = 0;
    crowd(8, 3, [&](int number) {
        for (int i = 0; i < 200; ++i) {
            const int depth = 1 + (number + i) % 4;
            for (int held = 0; held < depth; ++held) lock.lock();
            ++counter;
            if (i % 16 == 0) yield();
            ASSERT_TRUE(lock.owned());
            for (int held = 0; held < depth; ++held) lock.unlock();
            ASSERT_FALSE(lock.owned());
        }
    });
    EXPECT_EQ(counter, 11 * 200);
}

// A Condition lets go of every level while it waits, and restores them, also where the wait throws.
TEST(RLock, ConditionReleasesAllLevels) {
    RLock lock;
    Condition changed;
    bool ready = false;
    std::unique_lock<RLock> guard(lock);
    lock.lock();
    lock.lock();
    std::thread other([&] {
        const std::scoped_lock inner(lock);
        ready = true;
        changed.notify_one();
    });
    changed.wait(guard, [&] { return ready; });
    other.join();
    EXPECT_FALSE(changed.wait_for(guard, 1ms));
    {
        const Timeout scope(1ms);
        EXPECT_THROW(changed.wait(guard), TimeoutError);
    }
    EXPECT_TRUE(guard.owns_lock());
    for (int held = 3; held > 0; --held) {
        EXPECT_TRUE(lock.owned());
        on_a_fiber([&] { EXPECT_FALSE(lock.try_lock()); });
        if (held > 1) lock.unlock();
    }
    guard.unlock();
    EXPECT_FALSE(lock.locked());
}

// Producers and consumers over one RLock, at various depths, of both kinds, cancelled at random: every item
// is taken once.
TEST(RLock, ConditionUnderCancels) {
    RLock lock;
    Condition changed;
    int items = 0;
    int taken = 0;
    constexpr int total = 3000;
    std::atomic<bool> done = false;
    Thread producer([&] {
        for (int i = 0; i < total; ++i) {
            const std::scoped_lock guard(lock);
            ++items;
            changed.notify_one();
        }
    });
    harried_crowd(
        6, 2, 11, [&] { return !done.load(); },
        [&](int number) {
            for (;;) {
                try {
                    std::unique_lock<RLock> guard(lock);
                    const std::unique_lock<RLock> again(number % 2 == 0 ? std::unique_lock<RLock>(lock)
                                                                        : std::unique_lock<RLock>());
                    changed.wait(guard, [&] { return items > 0 || taken == total; });
                    if (taken == total) return;
                    --items;
                    if (++taken == total) {
                        done = true;
                        changed.notify_all();
                    }
                } catch (const Cancelled&) {
                    // asked to stop, and goes on all the same
                }
            }
        });
    producer.join();
    EXPECT_EQ(taken, total);
    EXPECT_EQ(items, 0);
}

// Unlocking another's RLock, or one that nobody holds, ends the process; the message names both threads.
TEST(RLockDeathTest, UnlockByANonOwner) {
    testing::FLAGS_gtest_death_test_style = "threadsafe";
    EXPECT_DEATH(RLock().unlock(), "unlocks an RLock that nobody holds");
    EXPECT_DEATH(
        {
            RLock lock;
            lock.lock();
            Thread(ThreadOptions{.name = "thief"}, [&] { lock.unlock(); }).join();
        },
        "thread thief .id [0-9]+. unlocks an RLock that thread (main|OS-thread-[0-9]+) .id [0-9]+. holds");
    EXPECT_DEATH(
        {
            RLock lock;
            Condition condition;
            std::unique_lock<RLock> guard(lock);
            Thread([&] { condition.wait(guard); }).join();
        },
        "waits on a Condition with an RLock that thread (main|OS-thread-[0-9]+) .id [0-9]+. holds");
}

}  // namespace
}  // namespace thrum
