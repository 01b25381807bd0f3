// thrum/threads/stress_test.cpp: floor 1, threads
// Everything at once: fibers and plain threads in every primitive, cancelled and timed out at random;
// exceptions that are in flight while their fiber waits; things freed right after their last use; timers by
// the million.
#include <thrum/base/errors.hpp>
#include <thrum/threads.hpp>
#include <thrum/threads/internal/context.hpp>
#include <thrum/threads/internal/crowd_fixture.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace thrum {
namespace {

using namespace std::chrono_literals;

// The sanitizers make each step ten times as dear, and find in a tenth of the steps what there is to find.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int scale = 10;
#else
constexpr int scale = 1;
#endif

// One world in which every primitive counts what went in and what came out.
struct World {
    Lock lock;
    int inside = 0;
    Semaphore permits{3};
    std::atomic<int> holders = 0;
    Lock store_lock;
    Condition available;
    int stored = 0;
    std::atomic<int> fetched = 0;
    std::atomic<int> delivered = 0;
    Queue<int> queue{4};
    std::atomic<long> put = 0;
    std::atomic<long> got = 0;
    Event flag;
};

using Random = std::mt19937;

std::chrono::microseconds a_moment(Random& random) { return std::chrono::microseconds(random() % 200); }

void use_lock(World& world, Random& random) {
    if (random() % 2 == 0) {
        if (!world.lock.try_lock_for(a_moment(random))) return;
    } else {
        world.lock.lock();
    }
    const std::unique_lock<Lock> guard(world.lock, std::adopt_lock);
    ASSERT_EQ(world.inside++, 0);
    if (random() % 4 == 0) yield();
    --world.inside;
}

void use_semaphore(World& world, Random& random) {
    if (random() % 2 == 0) {
        if (!world.permits.try_acquire_for(a_moment(random))) return;
    } else {
        world.permits.acquire();
    }
    ASSERT_LE(++world.holders, 3);
    if (random() % 4 == 0) yield();
    --world.holders;
    world.permits.release();
}

void use_condition(World& world, Random& random) {
    std::unique_lock<Lock> guard(world.store_lock);
    if (random() % 2 == 0) {
        ++world.stored;
        ++world.delivered;
        guard.unlock();
        world.available.notify_one();
    } else if (world.available.wait_for(guard, a_moment(random), [&world] { return world.stored > 0; })) {
        --world.stored;
        ++world.fetched;
    }
}

void use_queue(World& world, Random& random) {
    if (random() % 2 == 0) {
        const int item = static_cast<int>(random() % 1000);
        if (world.queue.put_for(item, a_moment(random))) world.put += item;
    } else {
        const Timeout scope(a_moment(random));
        world.got += world.queue.get().value_or(0);
    }
}

void use_event(World& world, Random& random) {
    switch (random() % 3) {
        case 0: world.flag.set(); break;
        case 1: world.flag.clear(); break;
        default: world.flag.wait_for(a_moment(random));
    }
}

// Whatever is cancelled and whatever times out: no lock, permit or item is lost, none counts twice, nobody
// hangs.
TEST(Stress, EverythingAtOnce) {
    constexpr int fibers = 12;
    constexpr int plain = 2;
    constexpr int rounds = 3000 / scale;
    for (const unsigned seed : {1u, 2u, 3u}) {
        World world;
        std::atomic<int> running = fibers + plain;
        const auto body = [&](int number) {
            Random random(seed * 100 + static_cast<unsigned>(number));
            for (int round = 0; round < rounds; ++round) {
                try {
                    switch (random() % 5) {
                        case 0: use_lock(world, random); break;
                        case 1: use_semaphore(world, random); break;
                        case 2: use_condition(world, random); break;
                        case 3: use_queue(world, random); break;
                        default: use_event(world, random);
                    }
                } catch (const Cancelled&) {
                    continue;  // and goes on all the same
                } catch (const TimeoutError&) {
                    continue;
                }
            }
            --running;
        };
        harried_crowd(
            fibers, plain, seed, [&] { return running.load() > 0; }, body);
        while (const auto item = world.queue.try_get()) world.got += *item;
        EXPECT_EQ(world.put, world.got);
        EXPECT_EQ(world.delivered, world.fetched + world.stored);
        EXPECT_FALSE(world.lock.locked());
        for (int i = 0; i < 3; ++i) EXPECT_TRUE(world.permits.try_acquire());
        EXPECT_FALSE(world.permits.try_acquire());
    }
}

void throw_own(int number) { throw std::runtime_error(std::to_string(number)); }

// An exception that is caught, kept over many waits and thrown on is its own fiber's, however many fibers do
// so.
TEST(Stress, ExceptionsStayWithTheirFiber) {
    std::vector<Thread> threads;
    std::atomic<int> right = 0;
    constexpr int fibers = 300;
    const auto body = [&](int number) {
        Random random(static_cast<unsigned>(number));
        const std::string own = std::to_string(number);
        for (int round = 0; round < 20; ++round) {
            try {
                try {
                    throw_own(number);
                } catch (...) {
                    random() % 2 == 0 ? yield() : sleep(a_moment(random));
                    try {
                        throw_own(-number);
                    } catch (const std::runtime_error& inner) {
                        yield();
                        if (inner.what() != std::to_string(-number)) return;
                    }
                    throw;
                }
            } catch (const std::runtime_error& error) {
                const std::exception_ptr kept = std::current_exception();
                yield();
                if (error.what() != own || std::current_exception() != kept) return;
            }
            if (std::current_exception() != nullptr || std::uncaught_exceptions() != 0) return;
        }
        ++right;
    };
    for (int i = 1; i <= fibers; ++i) threads.emplace_back(body, i);
    for (Thread& thread : threads) thread.join();
    EXPECT_EQ(right, fibers);
}

// Waits in a destructor while an exception unwinds the stack: it is still this fiber's afterwards.
TEST(Stress, UnwindingMayWait) {
    struct Slow {
        ~Slow() {
            EXPECT_EQ(std::uncaught_exceptions(), 1);
            yield();
            EXPECT_EQ(std::uncaught_exceptions(), 1);
        }
    };
    TaskGroup group;
    for (int i = 0; i < 100; ++i) {
        group.start([i] {
            try {
                const Slow first;
                const Slow second;
                throw_own(i);
            } catch (const std::runtime_error& error) {
                EXPECT_EQ(error.what(), std::to_string(i));
            }
        });
    }
    group.wait();
}

// One thread lets another through and the other frees the thing at once, while the first is still on its way
// out.
template <class Thing>
void freed_at_once(Thing* (*make)(), void (*let_through)(Thing&), void (*pass)(Thing&)) {
    for (int round = 0; round < 1500 / scale; ++round) {
        Thing* const thing = make();
        const auto last = [=] {
            pass(*thing);
            delete thing;
        };
        if (round % 3 == 0) {
            std::thread other(last);
            let_through(*thing);
            other.join();
        } else {
            Thread other(last);
            if (round % 3 == 1) yield();
            Thread first([=] { let_through(*thing); });
            first.join();
            other.join();
        }
    }
}

// Everything that lets somebody through may be freed by whom it has let through.
TEST(Stress, FreedRightAfterItsLastUse) {
    freed_at_once<Event>([] { return new Event; }, [](Event& event) { event.set(); },
                         [](Event& event) { event.wait(); });
    freed_at_once<Semaphore>([] { return new Semaphore(0); }, [](Semaphore& permits) { permits.release(); },
                             [](Semaphore& permits) { permits.acquire(); });
    freed_at_once<Queue<int>>([] { return new Queue<int>; }, [](Queue<int>& queue) { queue.put(1); },
                              [](Queue<int>& queue) { queue.get(); });
    struct Store {
        Lock lock;
        Condition changed;
        bool ready = false;
    };
    freed_at_once<Store>([] { return new Store; },
                         [](Store& store) {
                             const std::scoped_lock guard(store.lock);
                             store.ready = true;
                             store.changed.notify_one();
                         },
                         [](Store& store) {
                             std::unique_lock<Lock> guard(store.lock);
                             store.changed.wait(guard, [&store] { return store.ready; });
                         });
}

// A future may be dropped by whoever has its result, or before there is one.
TEST(Stress, FuturesDroppedAtAnyTime) {
    ThreadPoolExecutor executor(4);
    Random random(11);
    std::atomic<int> made = 0;
    constexpr int calls = 3000 / scale;
    for (int i = 0; i < calls; ++i) {
        auto future = executor.submit([&made, i] {
            if (i % 3 == 0) yield();
            ++made;
            return i;
        });
        if (random() % 3 == 0) continue;
        if (random() % 2 == 0) yield();
        EXPECT_EQ(future.result(), i);
    }
    executor.shutdown();
    EXPECT_EQ(made, calls);
}

// A million waits with a deadline that each end before it: arming and taking back a timer is all they cost.
TEST(Stress, AMillionTimersTakenBack) {
    constexpr int rounds = 500'000 / scale;
    Queue<int> there(1);
    Queue<int> back(1);
    Thread echo([&] {
        for (int i = 0; i < rounds; ++i) back.put(*there.get_for(1h));
    });
    Thread([&] {
        for (int i = 0; i < rounds; ++i) {
            there.put(i);
            ASSERT_EQ(*back.get_for(2h), i);
        }
    }).join();
    echo.join();
}

// Ten thousand timers at a time, most of them cancelled, some of them run out.
TEST(Stress, TimersCancelledInCrowds) {
    constexpr int crowd_size = 10'000 / scale;
    std::atomic<int> cancelled = 0;
    std::atomic<int> expired = 0;
    std::vector<Thread> threads;
    Event never_set;
    for (int i = 0; i < crowd_size; ++i) {
        threads.emplace_back([&, i] {
            try {
                const bool came = never_set.wait_for(i % 5 == 0 ? 1ms : 1h);
                EXPECT_FALSE(came);
                ++expired;
            } catch (const Cancelled&) {
                ++cancelled;
            }
        });
    }
    for (int i = 0; i < crowd_size; ++i) {
        if (i % 5 != 0) threads[static_cast<std::size_t>(i)].cancel();
    }
    for (Thread& thread : threads) thread.join();
    EXPECT_EQ(expired, crowd_size / 5);
    EXPECT_EQ(cancelled, crowd_size - crowd_size / 5);
}

}  // namespace
}  // namespace thrum
