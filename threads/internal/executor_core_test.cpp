// thrum/threads/internal/executor_core_test.cpp: floor 1, threads
// What a pool owes although its threads take calls in batches.
#include <thrum/threads/event.hpp>
#include <thrum/threads/local.hpp>
#include <thrum/threads/lock.hpp>
#include <thrum/threads/runtime.hpp>
#include <thrum/threads/task_group.hpp>
#include <thrum/threads/thread_pool_executor.hpp>

#include <gtest/gtest.h>
#include <time.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

namespace thrum {
namespace {

// With one worker the calls begin in the order of submission, however many wait.
TEST(ExecutorBatches, OneWorkerKeepsTheOrder) {
    std::vector<int> order;
    {
        ThreadPoolExecutor pool(1);
        for (int i = 0; i < 1000; ++i) pool.submit([&order, i] { order.push_back(i); });
    }
    ASSERT_EQ(order.size(), 1000U);
    for (int i = 0; i < 1000; ++i) EXPECT_EQ(order[static_cast<std::size_t>(i)], i);
}

// A call may wait for one that was submitted after it, as long as there is another worker, wherever in a
// batch the two lie.
TEST(ExecutorBatches, ACallMayWaitForALaterOne) {
    ThreadPoolExecutor pool(2);
    for (int quick = 0; quick < 140; ++quick) {
        Event begun;
        Event later;
        auto gate = pool.submit([&] { begun.wait(); });
        for (int i = 0; i < quick; ++i) pool.submit([] {});
        auto first = pool.submit([&] { later.wait(); });
        auto second = pool.submit([&] { later.set(); });
        begun.set();
        first.result();
        second.result();
        gate.result();
    }
}

// Calls that a worker has taken but not begun are cancelled with the rest.
TEST(ExecutorBatches, ShutdownCancelsWhatWasTakenToo) {
    ThreadPoolExecutor pool(1);
    Event gate;
    Event reached;
    Event go_on;
    pool.submit([&] { gate.wait(); });
    for (int i = 0; i < 200; ++i) pool.submit([] {});
    auto running = pool.submit([&] {
        reached.set();
        go_on.wait();
    });
    std::vector<Future<void>> rest;
    for (int i = 0; i < 99; ++i) rest.push_back(pool.submit([] {}));
    gate.set();
    reached.wait();
    pool.shutdown(false, true);
    for (const auto& future : rest) EXPECT_TRUE(future.cancelled());
    go_on.set();
    running.result();
    pool.shutdown();
}

// A call that takes longer than the clock by which a pool looks after its threads, some milliseconds.
void outlast_a_tick() {
    const auto tick = [] {
        timespec now;
        ::clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
        return now.tv_nsec;
    };
    for (const long before = tick(); tick() == before;) {
    }
}

// As long as calls wait, a thread goes on, and so do its values of Local<T>: one pool of one thread, one
// value.
TEST(ExecutorCore, AThreadLastsWhileThereAreCalls) {
    std::set<std::uint64_t> ids;
    std::atomic<int> made = 0;
    Local<int> connection([&] { return ++made; });
    Event go_on;
    {
        ThreadPoolExecutor pool(1);
        pool.submit([&] { go_on.wait(); });
        for (int i = 0; i < 10; ++i) {
            pool.submit([&] {
                ids.insert(current_thread_id());
                connection.get();
                outlast_a_tick();
            });
        }
        // Others of the same worker do not change it.
        TaskGroup others;
        std::atomic<bool> over = false;
        for (int i = 0; i < 4; ++i) {
            others.start([&] {
                while (!over) yield();
            });
        }
        go_on.set();
        pool.submit([] {}).wait();
        over = true;
        others.wait();
    }
    EXPECT_EQ(ids.size(), 1U);
    EXPECT_EQ(made, 1);
}

// Where the threads of a pool have come to share one worker, they spread as soon as another idles: ends only
// where calls are made on two.
TEST(ExecutorCore, ThreadsLeaveACrowdedWorker) {
    if (worker_count() < 2) GTEST_SKIP() << "one worker";
    // All workers but one compute, so both of the pool's threads begin on that one.
    std::atomic<std::size_t> computing = 0;
    std::atomic<bool> over = false;
    std::vector<Thread> busy;
    for (std::size_t i = 1; i < worker_count(); ++i) {
        busy.emplace_back([&] {
            ++computing;
            while (!over) std::atomic_signal_fence(std::memory_order_seq_cst);
        });
    }
    while (computing + 1 < worker_count()) yield();
    Lock lock;
    std::set<std::thread::id> seen;
    std::atomic<int> met = 0;
    std::atomic<int> waiting = 0;
    const auto note = [&] {
        const std::scoped_lock guard(lock);
        seen.insert(std::this_thread::get_id());
    };
    const auto spread = [&] {
        const std::scoped_lock guard(lock);
        return seen.size() > 1;
    };
    ThreadPoolExecutor pool(2);
    for (int i = 0; i < 2; ++i) {
        pool.submit([&] {
            ++met;
            while (met < 2) yield();
            note();
        });
    }
    while (met < 2) yield();
    over = true;
    for (Thread& thread : busy) thread.join();
    while (!spread()) {
        if (waiting == 4) {
            yield();
            continue;
        }
        ++waiting;
        pool.submit([&] {
            outlast_a_tick();
            note();
            --waiting;
        });
    }
}

// A call cannot wait for all calls: shutdown() says so, having shut down, and the executor's end in a call
// waits for nothing; so too in a callback and in the initializer. What was accepted is made all the same.
TEST(ExecutorCore, ShutDownByItsOwnCall) {
    ThreadPoolExecutor pool(1);
    Event go_on;
    auto own = pool.submit([&] {
        go_on.wait();
        EXPECT_THROW(pool.shutdown(), ThreadError);
        EXPECT_THROW(pool.submit([] {}), ExecutorShutDown);
        pool.shutdown(false);
    });
    auto accepted = pool.submit([] { return 3; });
    go_on.set();
    own.result();
    EXPECT_EQ(accepted.result(), 3);
    pool.shutdown();

    ThreadPoolExecutor other(1);
    Event hold;
    Event told;
    auto first = other.submit([&] { hold.wait(); });
    first.add_done_callback([&](Future<void>&) {
        EXPECT_THROW(other.shutdown(), ThreadError);
        told.set();
    });
    hold.set();
    told.wait();

    auto last = std::make_unique<ThreadPoolExecutor>(1);
    Event moved;
    auto ending = last->submit([&] {
        moved.wait();
        last.reset();
    });
    auto after = last->submit([] { return 4; });
    moved.set();
    EXPECT_EQ(after.result(), 4);
    ending.result();
    EXPECT_EQ(last, nullptr);

    std::atomic<int> refused = 0;
    ThreadPoolExecutor* itself = nullptr;
    ThreadPoolExecutor initialized({.max_workers = 1, .initializer = [&] {
                                        try {
                                            itself->shutdown();
                                        } catch (const ThreadError&) {
                                            ++refused;
                                        }
                                    }});
    itself = &initialized;
    initialized.submit([] {}).wait();
    EXPECT_EQ(refused, 1);
}

}  // namespace
}  // namespace thrum
