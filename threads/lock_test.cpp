// thrum/threads/lock_test.cpp: floor 1, threads
// What Lock, RLock and SharedLock have in common: Python's table of promises, C++'s named requirements, and
// that no lock is ever lost or held twice.
#include <thrum/base/errors.hpp>
#include <thrum/threads.hpp>
#include <thrum/threads/internal/crowd_fixture.hpp>

#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <type_traits>

namespace thrum {
namespace {

using namespace std::chrono_literals;

template <class L>
class AnyLock : public testing::Test {};
using Locks = testing::Types<Lock, RLock, SharedLock>;
TYPED_TEST_SUITE(AnyLock, Locks);

// Each is a handle on nothing, but a place: it neither copies nor moves, and says whether it is held.
TYPED_TEST(AnyLock, LockAndUnlock) {
    static_assert(!std::is_copy_constructible_v<TypeParam> && !std::is_move_constructible_v<TypeParam>);
    TypeParam lock;
    for (int i = 0; i < 3; ++i) {
        EXPECT_FALSE(lock.locked());
        lock.lock();
        EXPECT_TRUE(lock.locked());
        lock.unlock();
        EXPECT_TRUE(lock.try_lock());
        lock.unlock();
    }
    EXPECT_FALSE(lock.locked());
}

// While one thread holds it no other gets it, of whichever kind, and it is free for all afterwards.
TYPED_TEST(AnyLock, HeldByOneThread) {
    TypeParam lock;
    lock.lock();
    for (const auto run : {on_a_fiber, on_a_plain_thread}) {
        run([&] {
            EXPECT_FALSE(lock.try_lock());
            EXPECT_FALSE(lock.try_lock_for(0ns));
            EXPECT_FALSE(lock.try_lock_for(-1s));
            EXPECT_FALSE(lock.try_lock_until(Deadline::min()));
        });
    }
    lock.unlock();
    for (const auto run : {on_a_fiber, on_a_plain_thread}) {
        run([&] {
            EXPECT_TRUE(lock.try_lock_for(-1s));
            lock.unlock();
        });
    }
}

// A wait that times out does so no earlier than asked for, leaves the state as it was, and costs nobody the
// lock.
TYPED_TEST(AnyLock, StateAfterTimeout) {
    for (const auto run : {on_a_fiber, on_a_plain_thread}) {
        TypeParam lock;
        lock.lock();
        run([&] {
            const auto begin = std::chrono::steady_clock::now();
            EXPECT_FALSE(lock.try_lock_for(2ms));
            EXPECT_GE(std::chrono::steady_clock::now() - begin, 2ms);
            const Timeout scope(1ms);
            EXPECT_THROW(lock.lock(), TimeoutError);
            EXPECT_THROW(lock.try_lock_for(1h), TimeoutError);
        });
        EXPECT_TRUE(lock.locked());
        lock.unlock();
        EXPECT_FALSE(lock.locked());
        EXPECT_TRUE(lock.try_lock());
        lock.unlock();
    }
}

// A cancelled waiter throws, and the lock goes to the next in line.
TYPED_TEST(AnyLock, CancelledWaiter) {
    TypeParam lock;
    lock.lock();
    std::atomic<bool> cancelled = false;
    std::atomic<bool> got = false;
    Thread first([&] {
        try {
            lock.lock();
        } catch (const Cancelled&) {
            cancelled = true;
            throw;
        }
    });
    give_others_time();
    Thread second([&] {
        const std::scoped_lock guard(lock);
        got = true;
    });
    give_others_time();
    first.cancel();
    first.join();
    EXPECT_TRUE(cancelled);
    EXPECT_FALSE(got);
    lock.unlock();
    second.join();
    EXPECT_TRUE(got);
}

// The guards of the standard hold it for their scope, whatever ends that.
TYPED_TEST(AnyLock, Guards) {
    TypeParam lock;
    EXPECT_THROW(
        {
            const std::lock_guard<TypeParam> guard(lock);
            EXPECT_TRUE(lock.locked());
            throw std::runtime_error("out of the scope");
        },
        std::runtime_error);
    EXPECT_FALSE(lock.locked());
    std::unique_lock<TypeParam> guard(lock, std::defer_lock);
    EXPECT_FALSE(guard.owns_lock());
    EXPECT_TRUE(guard.try_lock());
    guard.unlock();
    EXPECT_TRUE(guard.try_lock_for(1ms));
    guard.unlock();
    EXPECT_TRUE(guard.try_lock_until(deadline_after(1ms)));
    on_a_plain_thread([&] {
        EXPECT_FALSE(std::unique_lock<TypeParam>(lock, std::try_to_lock).owns_lock());
        EXPECT_FALSE(std::unique_lock<TypeParam>(lock, 1ms).owns_lock());
    });
    std::unique_lock<TypeParam> adopted(*guard.release(), std::adopt_lock);
    EXPECT_TRUE(adopted.owns_lock());
}

// Two locks at once, taken in both orders by many, never deadlock: std::lock and std::scoped_lock back off.
TYPED_TEST(AnyLock, TwoAtOnce) {
    TypeParam a;
    TypeParam b;
    long counter = 0;
    crowd(6, 2, [&](int number) {
        for (int i = 0; i < 300; ++i) {
            if (number % 3 == 0) {
                const std::scoped_lock both(a, b);
                ++counter;
                if (i % 32 == 0) yield();
            } else if (number % 3 == 1) {
                const std::scoped_lock both(b, a);
                ++counter;
            } else {
                std::unique_lock<TypeParam> second(b, std::defer_lock);
                std::unique_lock<TypeParam> first(a, std::defer_lock);
                std::lock(second, first);
                ++counter;
            }
        }
    });
    EXPECT_EQ(counter, 8 * 300);
    EXPECT_EQ(std::try_lock(a, b), -1);
    a.unlock();
    b.unlock();
}

// std::condition_variable_any waits with it, though it stops the whole worker where a fiber calls it: so here
// plain threads wait, and fibers notify.
TYPED_TEST(AnyLock, ConditionVariableAny) {
    TypeParam lock;
    std::condition_variable_any changed;
    int items = 0;
    std::atomic<int> taken = 0;
    constexpr int each = 500;
    std::vector<std::thread> consumers;
    for (int i = 0; i < 2; ++i) {
        consumers.emplace_back([&] {
            for (int mine = 0; mine < each; ++mine) {
                std::unique_lock<TypeParam> guard(lock);
                changed.wait(guard, [&] { return items > 0; });
                --items;
                ++taken;
            }
        });
    }
    crowd(4, 0, [&](int) {
        for (int i = 0; i < each / 2; ++i) {
            {
                const std::scoped_lock guard(lock);
                ++items;
            }
            changed.notify_one();
        }
    });
    for (std::thread& thread : consumers) thread.join();
    EXPECT_EQ(taken, 2 * each);
    EXPECT_EQ(items, 0);
}

// Under cancels and timeouts in flight no lock is lost, and none held twice.
TYPED_TEST(AnyLock, SurvivesCancelsAndTimeouts) {
    for (const unsigned seed : {1U, 2U, 3U}) {
        TypeParam lock;
        std::atomic<int> inside = 0;
        std::atomic<long> entered = 0;
        const auto goes_on = [&] { return entered.load() < 5000; };
        harried_crowd(10, 2, seed, goes_on, [&](int number) {
            std::mt19937 random(seed * 100 + static_cast<unsigned>(number));
            while (goes_on()) {
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
        });
        ASSERT_TRUE(lock.try_lock());
        lock.unlock();
    }
}

// The next holder may free the lock as soon as it has it: unlock() no longer touches it.
TYPED_TEST(AnyLock, MayBeFreedRightAfterUnlock) {
    for (int round = 0; round < 1000; ++round) {
        auto* const lock = new TypeParam;
        lock->lock();
        Event waiting;
        const auto take_and_free = [&] {
            waiting.set();
            lock->lock();
            lock->unlock();
            delete lock;
        };
        if (round % 8 == 0) {
            std::thread other(take_and_free);
            waiting.wait();
            lock->unlock();
            other.join();
        } else {
            Thread other(take_and_free);
            waiting.wait();
            if (round % 2 == 0) yield();
            lock->unlock();
            other.join();
        }
    }
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

// A lock is no thread's property but an RLock: another one may unlock it, also one of the other kind.
TEST(Lock, UnlockedByAnotherThread) {
    for (const auto run : {on_a_fiber, on_a_plain_thread}) {
        Lock lock;
        lock.lock();
        run([&] { lock.unlock(); });
        EXPECT_TRUE(lock.try_lock());
        run([&] { lock.unlock(); });
        EXPECT_FALSE(lock.locked());
    }
}

// A second lock() by the holder waits, as Python's does: here until the deadline in force.
TEST(Lock, IsNotRecursive) {
    Lock lock;
    lock.lock();
    EXPECT_FALSE(lock.try_lock());
    const Timeout scope(1ms);
    EXPECT_THROW(lock.lock(), TimeoutError);
}

// lock_shielded() takes the lock in spite of cancels and deadlines, which are there for the next wait.
TEST(Lock, Shielded) {
    Lock lock;
    lock.lock();
    std::atomic<bool> shielded = false;
    std::atomic<bool> cancelled = false;
    Thread thread([&] {
        const Timeout scope(-1s);
        lock.lock_shielded();
        shielded = true;
        lock.unlock();
        try {
            check_cancelled();
        } catch (const Cancelled&) {
            cancelled = true;
        }
    });
    thread.cancel();
    give_others_time();
    EXPECT_FALSE(shielded);
    lock.unlock();
    thread.join();
    EXPECT_TRUE(shielded);
    EXPECT_TRUE(cancelled);
}

// Unlocking what nobody holds ends the process with a message that says so and who did it.
TEST(LockDeathTest, UnlockWithoutLock) {
    testing::FLAGS_gtest_death_test_style = "threadsafe";
    EXPECT_DEATH(Lock().unlock(), "(main|OS-thread-).* unlocks a Lock that nobody holds");
    EXPECT_DEATH(
        {
            Lock lock;
            lock.lock();
            Thread(ThreadOptions{.name = "twice"}, [&] { lock.unlock(), lock.unlock(); }).join();
        },
        "thread twice .* unlocks a Lock that nobody holds");
}

}  // namespace
}  // namespace thrum
