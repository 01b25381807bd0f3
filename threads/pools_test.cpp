// thrum/threads/pools_test.cpp: floor 1, threads
// Queue, TaskGroup, Future, ThreadPoolExecutor and to_thread.
#include <thrum/base/errors.hpp>
#include <thrum/threads.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <numeric>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace thrum {
namespace {

using namespace std::chrono_literals;

// Every item comes out once, in order per producer, between fibers and plain threads, bounded or not.
TEST(Queue, EveryItemOnce) {
    for (const std::size_t bound : {std::size_t{0}, std::size_t{1}, std::size_t{7}}) {
        Queue<int> queue(bound);
        std::atomic<long> sum = 0;
        std::atomic<int> count = 0;
        const auto consume = [&] {
            while (const auto item = queue.get()) {
                sum += *item;
                ++count;
            }
        };
        const auto produce = [&] {
            for (int i = 1; i <= 2000; ++i) queue.put(i);
        };
        std::thread plain_consumer(consume);
        TaskGroup consumers;
        for (int i = 0; i < 3; ++i) consumers.start(consume);
        std::thread plain_producer(produce);
        TaskGroup producers;
        for (int i = 0; i < 3; ++i) producers.start(produce);
        producers.wait();
        plain_producer.join();
        queue.shutdown();
        consumers.wait();
        plain_consumer.join();
        EXPECT_EQ(count, 4 * 2000) << "bound " << bound;
        EXPECT_EQ(sum, 4L * 2000 * 2001 / 2);
    }
}

// Cancelling consumers loses no item: what is not taken is still in the queue.
TEST(Queue, CancelledGettersLoseNothing) {
    Queue<int> queue;
    std::atomic<int> taken = 0;
    for (int round = 0; round < 300; ++round) {
        Thread getter([&] {
            if (queue.get()) ++taken;
        });
        if (round % 3 == 0) yield();
        queue.put(round);
        getter.cancel();
        getter.join();
    }
    int left = 0;
    while (queue.try_get()) ++left;
    EXPECT_EQ(taken + left, 300);
}

// After shutdown() puts are refused, gets drain and then give nothing, waiters wake.
TEST(Queue, Shutdown) {
    Queue<std::string> queue(1);
    queue.put("last");
    bool refused = false;
    Thread putter([&] {
        try {
            queue.put("too late");
        } catch (const QueueShutDown&) {
            refused = true;
        }
    });
    EXPECT_FALSE(putter.join_for(2ms));
    queue.shutdown();
    putter.join();
    EXPECT_TRUE(refused);
    EXPECT_EQ(queue.get(), "last");
    EXPECT_EQ(queue.get(), std::nullopt);
    EXPECT_THROW(queue.put("x"), QueueShutDown);
}

// try_ and timed forms answer as they say; join() waits for task_done().
TEST(Queue, TriesAndTimeouts) {
    Queue<int> queue(1);
    EXPECT_EQ(queue.try_get(), std::nullopt);
    EXPECT_THROW(queue.get_for(1ms), TimeoutError);
    EXPECT_TRUE(queue.try_put(1));
    EXPECT_FALSE(queue.try_put(2));
    EXPECT_FALSE(queue.put_for(2, 1ms));
    EXPECT_EQ(queue.get_for(1h), 1);
    {
        const Timeout scope(1ms);
        EXPECT_THROW(queue.join(), TimeoutError);
    }
    queue.task_done();
    queue.join();
    EXPECT_THROW(queue.task_done(), Error);
}

// The first error cancels the siblings, and wait() rethrows it once all have ended.
TEST(TaskGroup, FirstErrorCancelsTheRest) {
    std::atomic<int> ended = 0;
    TaskGroup group;
    for (int i = 0; i < 5; ++i) {
        group.start([&ended] {
            struct Count {
                std::atomic<int>& count;
                ~Count() { ++count; }
            } count{ended};
            sleep(1h);
        });
    }
    group.start([] { throw std::runtime_error("one failed"); });
    try {
        group.wait();
        FAIL() << "wait() did not rethrow";
    } catch (const std::runtime_error& error) {
        EXPECT_STREQ(error.what(), "one failed");
        EXPECT_EQ(ended, 5);
    }
    group.start([] {});
    group.wait();  // usable again
}

// No member outlives the group, and what the members hold is gone when wait() returns.
TEST(TaskGroup, MembersEndWithTheirBlock) {
    auto token = std::make_shared<int>(1);
    for (int round = 0; round < 200; ++round) {
        TaskGroup group;
        for (int i = 0; i < 10; ++i) group.start([token] { yield(); });
        group.wait();
        EXPECT_EQ(token.use_count(), 1);
    }
    {
        TaskGroup group;
        for (int i = 0; i < 10; ++i) group.start([token] { sleep(1h); });
    }
    EXPECT_EQ(token.use_count(), 1);
}

// Members may start members.
TEST(TaskGroup, MembersStartMembers) {
    std::atomic<int> count = 0;
    TaskGroup group;
    std::function<void(int)> grow = [&](int depth) {
        ++count;
        if (depth == 0) return;
        group.start(grow, depth - 1);
        group.start(grow, depth - 1);
    };
    group.start(grow, 9);
    group.wait();
    EXPECT_EQ(count, 1023);
}

// map() keeps the order of the input, whatever the order of finishing.
TEST(Executor, MapKeepsTheOrder) {
    ThreadPoolExecutor executor(8);
    std::vector<int> numbers(100);
    std::iota(numbers.begin(), numbers.end(), 0);
    int expected = 0;
    for (const int square : executor.map(
             [](int n) {
                 sleep(std::chrono::microseconds((100 - n) * 10));
                 return n * n;
             },
             numbers)) {
        EXPECT_EQ(square, expected * expected);
        ++expected;
    }
    EXPECT_EQ(expected, 100);
}

// map() takes the first exception in the order of the input, after all calls have ended.
TEST(Executor, MapWaitRethrowsTheFirst) {
    ThreadPoolExecutor executor(4);
    std::atomic<int> ended = 0;
    auto results = executor.map(
        [&](int n) {
            ++ended;
            if (n % 2 == 1) throw std::out_of_range("odd " + std::to_string(n));
        },
        std::vector{0, 1, 2, 3, 4});
    try {
        results.wait();
        FAIL();
    } catch (const std::out_of_range& error) {
        EXPECT_STREQ(error.what(), "odd 1");
    }
    EXPECT_EQ(ended, 5);
}

// As many calls run at once as there are workers, and no more.
TEST(Executor, MaxWorkersIsTheMost) {
    std::atomic<int> inside = 0;
    std::atomic<bool> too_many = false;
    {
        ThreadPoolExecutor executor(3);
        for (int i = 0; i < 3; ++i) {
            executor.submit([&] {
                ++inside;
                while (inside.load() < 3) yield();  // ends only where three run together
            });
        }
        std::vector<Future<void>> more;
        for (int i = 0; i < 50; ++i) {
            more.push_back(executor.submit([&] {
                if (++inside > 6) too_many = true;
                yield();
                --inside;
            }));
        }
    }
    EXPECT_FALSE(too_many);
    EXPECT_EQ(inside, 3);
    EXPECT_THROW(ThreadPoolExecutor(0), Error);
}

// A call that has not begun is cancelled for good; a running one is asked to stop; a finished one is left
// alone.
TEST(Executor, Cancel) {
    ThreadPoolExecutor executor(1);
    Event started;
    auto running = executor.submit([&] {
        started.set();
        sleep(1h);
    });
    std::atomic<bool> ran = false;
    auto pending = executor.submit([&] { ran = true; });
    started.wait();
    EXPECT_TRUE(pending.cancel());
    EXPECT_TRUE(pending.cancelled());
    EXPECT_THROW(pending.result(), CancelledError);
    EXPECT_TRUE(running.cancel());
    EXPECT_THROW(running.result(), CancelledError);
    auto after = executor.submit([] { return 5; });
    EXPECT_EQ(after.result(), 5);  // the cancel did not hit the next call of the same worker
    EXPECT_FALSE(after.cancel());
    EXPECT_FALSE(ran);
}

// shutdown() refuses new calls; cancel_futures drops those that have not begun.
TEST(Executor, Shutdown) {
    ThreadPoolExecutor executor(1);
    Event go;
    auto first = executor.submit([&] { go.wait(); });
    auto second = executor.submit([] {});
    while (!first.running()) yield();
    executor.shutdown(false, true);
    EXPECT_TRUE(second.cancelled());
    EXPECT_THROW(executor.submit([] {}), Error);
    go.set();
    first.result();
}

// A move-only result can be taken out; an exception can be had without being thrown.
TEST(Future, ResultsAndExceptions) {
    ThreadPoolExecutor executor(2);
    auto owned = executor.submit([](int n) { return std::make_unique<int>(n); }, 7).result();
    EXPECT_EQ(*owned, 7);
    auto failing = executor.submit([]() -> int { throw std::domain_error("no"); });
    EXPECT_NE(failing.exception(), nullptr);
    EXPECT_THROW(failing.result(), std::domain_error);
    EXPECT_THROW(failing.result(), std::domain_error);  // as often as asked
    Future<int> empty;
    EXPECT_THROW(empty.result(), Error);
}

// Callbacks run once, whether added before or after; as_completed yields each future once.
TEST(Future, CallbacksAndAsCompleted) {
    ThreadPoolExecutor executor(4);
    std::vector<Future<int>> futures;
    for (int i = 0; i < 20; ++i) {
        futures.push_back(executor.submit([i] {
            sleep(std::chrono::microseconds((20 - i) * 50));
            return i;
        }));
    }
    std::set<int> seen;
    for (auto& future : as_completed(futures)) {
        EXPECT_TRUE(future.done());
        EXPECT_TRUE(seen.insert(future.result()).second);
    }
    EXPECT_EQ(seen.size(), 20U);
    int called = 0;
    futures[3].add_done_callback([&called](Future<int>& done) { called += done.result(); });
    EXPECT_EQ(called, 3);
    std::vector<Future<void>> slow;
    slow.push_back(executor.submit([] { sleep(1h); }));
    EXPECT_THROW(
        {
            for (auto& future : as_completed(slow, 2ms)) future.wait();
        },
        TimeoutError);
    slow[0].cancel();
}

// The call's result or exception comes back, from every kind of thread, and the worker goes on meanwhile.
TEST(ToThread, RunsElsewhere) {
    const auto check = [] {
        const auto id = std::this_thread::get_id();
        EXPECT_NE(to_thread([] { return std::this_thread::get_id(); }), id);
        EXPECT_THROW(to_thread([]() -> int { throw std::runtime_error("blocked"); }), std::runtime_error);
    };
    check();
    Thread(check).join();
    std::thread(check).join();
}

// A hundred blocking calls at once do not stop the fibers, though there are fewer pool threads than calls.
TEST(ToThread, WorkersStayFree) {
    std::atomic<bool> release = false;
    TaskGroup group;
    for (int i = 0; i < 100; ++i) {
        group.start([&] {
            to_thread([&] {
                while (!release.load()) std::this_thread::sleep_for(100us);
            });
        });
    }
    std::atomic<int> ticks = 0;
    Thread ticker([&] {
        for (int i = 0; i < 20; ++i) sleep(100us), ++ticks;
    });
    ticker.join();
    EXPECT_EQ(ticks, 20);
    release = true;
    group.wait();
}

// An abandonable call lets the caller go at its deadline, and its captures live until it has ended.
TEST(ToThread, AbandonableLeavesAtTheDeadline) {
    auto token = std::make_shared<std::atomic<bool>>(false);
    {
        const Timeout scope(2ms);
        EXPECT_THROW(to_thread_abandonable([token] {
                         while (!token->load()) std::this_thread::sleep_for(100us);
                     }),
                     TimeoutError);
    }
    token->store(true);
    while (token.use_count() > 1) sleep(100us);
}

}  // namespace
}  // namespace thrum
