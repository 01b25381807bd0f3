// thrum/threads/semaphore_test.cpp: floor 1, threads
// Semaphore and BoundedSemaphore: Python's table of promises, and that no permit is lost or made.
#include <thrum/base/errors.hpp>
#include <thrum/threads.hpp>
#include <thrum/threads/internal/crowd_fixture.hpp>

#include <gtest/gtest.h>

#include <limits>
#include <mutex>

namespace thrum {
namespace {

using namespace std::chrono_literals;

template <class S>
class AnySemaphore : public testing::Test {};
using Semaphores = testing::Types<Semaphore, BoundedSemaphore>;
TYPED_TEST_SUITE(AnySemaphore, Semaphores);

// Negative counts are refused; 0 is a semaphore that starts with none; 1 is the default.
TYPED_TEST(AnySemaphore, Constructor) {
    EXPECT_THROW(TypeParam(-1), Error);
    EXPECT_THROW(TypeParam{std::numeric_limits<long long>::min()}, Error);
    TypeParam none(0);
    EXPECT_FALSE(none.try_acquire());
    TypeParam most(std::numeric_limits<std::size_t>::max());
    EXPECT_TRUE(most.try_acquire());
    TypeParam one;
    EXPECT_EQ(one.available(), 1);
    EXPECT_TRUE(one.try_acquire());
    EXPECT_FALSE(one.try_acquire());
    EXPECT_FALSE(one.try_acquire_for(0ns));
    EXPECT_FALSE(one.try_acquire_for(-1s));
    one.release();
    EXPECT_TRUE(one.try_acquire_until(Deadline::min()));
}

// A timeout comes no earlier than asked for and takes nothing; neither does the deadline in force.
TYPED_TEST(AnySemaphore, Timeout) {
    for (const auto run : {on_a_fiber, on_a_plain_thread}) {
        TypeParam semaphore(2);
        semaphore.acquire();
        semaphore.acquire();
        run([&] {
            const auto begin = std::chrono::steady_clock::now();
            EXPECT_FALSE(semaphore.try_acquire_for(2ms));
            EXPECT_GE(std::chrono::steady_clock::now() - begin, 2ms);
            const Timeout scope(1ms);
            EXPECT_THROW(semaphore.acquire(), TimeoutError);
        });
        semaphore.release(2);
        EXPECT_EQ(semaphore.available(), 2);
    }
}

// release(n) lets n waiters in, of either kind, no more.
TYPED_TEST(AnySemaphore, ReleaseOfSeveral) {
    TypeParam semaphore(7);
    for (int i = 0; i < 7; ++i) semaphore.acquire();
    std::atomic<int> in = 0;
    TaskGroup group;
    for (int i = 0; i < 5; ++i) group.start([&] { semaphore.acquire(), ++in; });
    std::thread plain([&] { semaphore.acquire(), ++in; });
    give_others_time();
    EXPECT_EQ(in, 0);
    semaphore.release(2);
    until([&] { return in.load() == 2; });
    give_others_time();
    EXPECT_EQ(in, 2);
    semaphore.release(5);
    group.wait();
    plain.join();
    EXPECT_EQ(in, 6);
    EXPECT_EQ(semaphore.available(), 1);
}

// The standard's guards take a permit and give it back.
TYPED_TEST(AnySemaphore, Guard) {
    TypeParam semaphore(2);
    {
        const std::scoped_lock guard(semaphore);
        const std::unique_lock<TypeParam> second(semaphore, std::try_to_lock);
        EXPECT_TRUE(second.owns_lock());
        EXPECT_FALSE(semaphore.try_lock());
    }
    EXPECT_EQ(semaphore.available(), 2);
}

// With cancels and timeouts in flight there are never more inside than permits, and all permits are there at
// the end.
TYPED_TEST(AnySemaphore, PermitsAreKept) {
    for (const unsigned seed : {1U, 2U, 3U}) {
        TypeParam semaphore(3);
        std::atomic<int> inside = 0;
        std::atomic<long> entered = 0;
        const auto goes_on = [&] { return entered.load() < 6000; };
        harried_crowd(10, 2, seed, goes_on, [&](int number) {
            std::mt19937 random(seed * 100 + static_cast<unsigned>(number));
            while (goes_on()) {
                try {
                    if (!semaphore.try_acquire_for(std::chrono::microseconds(random() % 300))) continue;
                } catch (const Cancelled&) {
                    continue;
                }
                EXPECT_LE(inside.fetch_add(1), 2);
                ++entered;
                if (random() % 2 == 0) yield();
                --inside;
                semaphore.release();
            }
        });
        EXPECT_EQ(semaphore.available(), 3);
    }
}

// It may be destroyed as soon as a wait has returned because of the last release().
TYPED_TEST(AnySemaphore, MayBeDestroyedRightAfterTheWait) {
    for (int round = 0; round < 2000; ++round) {
        auto semaphore = std::make_unique<TypeParam>(1);
        semaphore->acquire();
        Thread giver([raw = semaphore.get()] { raw->release(); });
        semaphore->acquire();
        semaphore.reset();
        giver.join();
    }
}

// Any thread may release, and a Semaphore may have more permits than at first, up to what a number holds.
TEST(Semaphore, ReleaseWithoutAcquire) {
    Semaphore semaphore(1);
    semaphore.release();
    semaphore.release(3);
    EXPECT_EQ(semaphore.available(), 5);
    EXPECT_THROW(semaphore.release(0), Error);
    EXPECT_THROW(semaphore.release(std::numeric_limits<std::size_t>::max()), Error);
    EXPECT_EQ(semaphore.available(), 5);
}

// A BoundedSemaphore refuses a release too many, says how many there are, and stays as it was.
TEST(BoundedSemaphore, ReleaseTooMany) {
    BoundedSemaphore semaphore(2);
    EXPECT_THROW(semaphore.release(), Error);
    semaphore.acquire();
    EXPECT_THROW(semaphore.release(0), Error);
    try {
        semaphore.release(2);
        ADD_FAILURE() << "a permit too many was given back";
    } catch (const Error& error) {
        EXPECT_STREQ(
            error.what(),
            "cannot release 2 permits of a semaphore that has 1 of at most 2: more would be given back "
            "than were taken");
    }
    EXPECT_EQ(semaphore.available(), 1);
    semaphore.release();
    EXPECT_EQ(semaphore.available(), 2);
}

}  // namespace
}  // namespace thrum
