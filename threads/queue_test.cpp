// thrum/threads/queue_test.cpp: floor 1, threads
// Queue, LifoQueue, PriorityQueue.
#include <thrum/base/errors.hpp>
#include <thrum/threads.hpp>

#include <gtest/gtest.h>

#include <atomic>
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

}  // namespace
}  // namespace thrum
