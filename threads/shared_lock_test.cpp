// thrum/threads/shared_lock_test.cpp: floor 1, threads
// SharedLock: readers together, writers alone, nobody for ever. What it shares with Lock is in lock_test.cpp.
#include <thrum/base/errors.hpp>
#include <thrum/threads.hpp>
#include <thrum/threads/internal/crowd_fixture.hpp>

#include <gtest/gtest.h>

#include <mutex>
#include <shared_mutex>

namespace thrum {
namespace {

using namespace std::chrono_literals;

// Readers share; a writer shares with nobody; std::shared_lock works in all its forms.
TEST(SharedLock, ReadersTogetherWritersAlone) {
    SharedLock lock;
    {
        const std::shared_lock<SharedLock> mine(lock);
        for (const auto run : {on_a_fiber, on_a_plain_thread}) {
            run([&] {
                std::shared_lock<SharedLock> theirs(lock, std::try_to_lock);
                EXPECT_TRUE(theirs.owns_lock());
                EXPECT_EQ(lock.readers(), 2);
                theirs.unlock();
                EXPECT_TRUE(theirs.try_lock_for(1ms));
                EXPECT_FALSE(lock.try_lock());
                EXPECT_FALSE(lock.try_lock_for(1ms));
            });
        }
        EXPECT_EQ(lock.readers(), 1);
        EXPECT_FALSE(lock.locked());
    }
    const std::unique_lock<SharedLock> writer(lock);
    EXPECT_TRUE(lock.locked());
    for (const auto run : {on_a_fiber, on_a_plain_thread}) {
        run([&] {
            EXPECT_FALSE(std::shared_lock<SharedLock>(lock, std::try_to_lock).owns_lock());
            EXPECT_FALSE(std::shared_lock<SharedLock>(lock, 1ms).owns_lock());
            EXPECT_FALSE(lock.try_lock_shared_until(Deadline::min()));
            const Timeout scope(1ms);
            EXPECT_THROW(lock.lock_shared(), TimeoutError);
        });
    }
}

// Once a writer waits, new readers queue behind it; when it leaves, they go in together.
TEST(SharedLock, WriterIsNotPassed) {
    SharedLock lock;
    lock.lock_shared();
    std::atomic<bool> wrote = false;
    Thread writer([&] {
        const std::scoped_lock guard(lock);
        wrote = true;
    });
    until([&] { return !lock.try_lock_shared() || (lock.unlock_shared(), false); });
    std::atomic<int> read = 0;
    TaskGroup readers;
    for (int i = 0; i < 5; ++i) {
        readers.start([&] {
            const std::shared_lock<SharedLock> guard(lock);
            EXPECT_TRUE(wrote);
            ++read;
            until([&] { return read.load() == 5; });  // all five are inside at once
        });
    }
    give_others_time();
    EXPECT_EQ(read, 0);
    lock.unlock_shared();
    writer.join();
    readers.wait();
    EXPECT_EQ(read, 5);
}

// Readers that wait behind a writer alone go in when that writer gives up, by its timeout or cancelled.
TEST(SharedLock, WriterThatGivesUpFreesReaders) {
    for (const bool cancel : {false, true}) {
        SharedLock lock;
        lock.lock_shared();
        std::atomic<bool> gave_up = false;  // on a busy machine before it was seen to wait
        Thread writer([&] {
            EXPECT_FALSE(lock.try_lock_for(cancel ? 1h : 5ms));
            gave_up = true;
        });
        until([&] { return gave_up || !lock.try_lock_shared() || (lock.unlock_shared(), false); });
        Thread reader([&] { const std::shared_lock<SharedLock> guard(lock); });
        std::thread plain([&] { const std::shared_lock<SharedLock> guard(lock); });
        give_others_time();
        if (cancel) writer.cancel();
        reader.join();
        plain.join();
        writer.join();
        EXPECT_EQ(lock.readers(), 1);
        lock.unlock_shared();
        EXPECT_TRUE(lock.try_lock());
    }
}

// Greedy readers, whose rounds overlap, do not keep a writer out; greedy writers do not keep a reader out.
TEST(SharedLock, NobodyStarves) {
    for (const bool greedy_read : {true, false}) {
        SharedLock lock;
        std::atomic<bool> got = false;
        std::atomic<int> rounds = 0;
        TaskGroup greedy;
        for (int i = 0; i < 4; ++i) {
            greedy.start([&] {
                while (!got.load()) {
                    greedy_read ? lock.lock_shared() : lock.lock();
                    ++rounds;
                    yield();
                    greedy_read ? lock.unlock_shared() : lock.unlock();
                }
            });
        }
        until([&] { return rounds.load() > 50; });
        Thread meek([&] {
            greedy_read ? lock.lock() : lock.lock_shared();
            got = true;
            greedy_read ? lock.unlock() : lock.unlock_shared();
        });
        meek.join();
        greedy.wait();
    }
}

// Readers see what writers leave whole, with cancels and timeouts in flight; the lock is free at the end.
TEST(SharedLock, SurvivesCancelsAndTimeouts) {
    for (const unsigned seed : {1U, 2U, 3U}) {
        SharedLock lock;
        long left = 0;
        long right = 0;
        std::atomic<long> rounds = 0;
        std::atomic<int> writers = 0;
        std::atomic<int> readers = 0;
        const auto goes_on = [&] { return rounds.load() < 6000; };
        harried_crowd(10, 3, seed, goes_on, [&](int number) {
            std::mt19937 random(seed * 100 + static_cast<unsigned>(number));
            while (goes_on()) {
                try {
                    const auto patience = std::chrono::microseconds(random() % 400);
                    if (random() % 3 == 0) {
                        if (!lock.try_lock_for(patience)) continue;
                        EXPECT_EQ(writers.fetch_add(1), 0);
                        EXPECT_EQ(readers.load(), 0);
                        ++left;
                        if (random() % 4 == 0) yield();
                        ++right;
                        --writers;
                        lock.unlock();
                    } else {
                        if (!lock.try_lock_shared_for(patience)) continue;
                        ++readers;
                        EXPECT_EQ(writers.load(), 0);
                        EXPECT_EQ(left, right);
                        if (random() % 4 == 0) yield();
                        --readers;
                        lock.unlock_shared();
                    }
                    ++rounds;
                } catch (const Cancelled&) {
                    // asked to stop, and goes on all the same
                }
            }
        });
        EXPECT_EQ(left, right);
        EXPECT_EQ(lock.readers(), 0);
        ASSERT_TRUE(lock.try_lock());
        lock.unlock();
    }
}

// Whoever gets it last may free it: neither unlock() nor unlock_shared() touches it after letting go.
TEST(SharedLock, MayBeFreedRightAfterUnlock) {
    for (int round = 0; round < 2000; ++round) {
        auto* const lock = new SharedLock;
        const bool reads = round % 2 == 0;
        reads ? lock->lock_shared() : lock->lock();
        Event waiting;
        Thread other([&, reads] {
            waiting.set();
            reads ? lock->lock() : lock->lock_shared();
            reads ? lock->unlock() : lock->unlock_shared();
            delete lock;
        });
        waiting.wait();
        if (round % 4 < 2) yield();
        reads ? lock->unlock_shared() : lock->unlock();
        other.join();
    }
}

// Each wrong unlock ends the process with a message that says what is wrong.
TEST(SharedLockDeathTest, WrongUnlocks) {
    testing::FLAGS_gtest_death_test_style = "threadsafe";
    EXPECT_DEATH(SharedLock().unlock(), "unlocks a SharedLock that nobody holds for writing\n");
    EXPECT_DEATH(SharedLock().unlock_shared(), "unlocks a SharedLock that nobody holds for reading\n");
    EXPECT_DEATH(
        {
            SharedLock lock;
            lock.lock_shared();
            lock.unlock();
        },
        "nobody holds for writing: readers call unlock_shared");
    EXPECT_DEATH(
        {
            SharedLock lock;
            lock.lock();
            lock.unlock_shared();
        },
        "nobody holds for reading: its writer calls unlock");
}

}  // namespace
}  // namespace thrum
