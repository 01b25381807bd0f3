// thrum/threads/queue_test.cpp: floor 1, threads
// Queue, LifoQueue, PriorityQueue.
#include <thrum/base/errors.hpp>
#include <thrum/threads.hpp>

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <random>
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

// The three orders. Items that are equal to a priority queue come in any order among themselves.
TEST(Queue, Orders) {
    Queue<int> fifo;
    LifoQueue<int> lifo;
    PriorityQueue<int> least;
    PriorityQueue<int, std::greater<>> greatest;
    for (const int n : {3, 1, 2}) fifo.put(n), lifo.put(n), least.put(n), greatest.put(n);
    for (const int n : {3, 1, 2}) EXPECT_EQ(fifo.get(), n);
    for (const int n : {2, 1, 3}) EXPECT_EQ(lifo.get(), n);
    for (const int n : {1, 2, 3}) EXPECT_EQ(least.get(), n);
    for (const int n : {3, 2, 1}) EXPECT_EQ(greatest.get(), n);
    struct Job {
        std::string name;
        int urgency;
    };
    const auto by_urgency = [](const Job& a, const Job& b) { return a.urgency > b.urgency; };
    PriorityQueue<Job, decltype(by_urgency)> jobs(0, by_urgency);
    jobs.put({"sweep", 1});
    jobs.put({"fire", 9});
    EXPECT_EQ(jobs.get()->name, "fire");
}

// A SimpleQueue takes any number of items at once, gives them back in order, to select() too, and has nothing
// to be told of them.
TEST(Queue, Simple) {
    SimpleQueue<std::unique_ptr<int>> queue;
    EXPECT_EQ(queue.maxsize(), 0U);
    std::thread putter([&] {
        for (int n = 0; n < 1000; ++n) EXPECT_TRUE(queue.try_put(std::make_unique<int>(n)));
        queue.shutdown();
    });
    int next = 0;
    while (next < 500) EXPECT_EQ(**queue.get(), next++);
    for (bool is_over = false; !is_over;) {
        select(on_get(queue, [&](std::optional<std::unique_ptr<int>> item) {
            is_over = !item;
            if (item) {
                EXPECT_EQ(**item, next++);
            }
        }));
    }
    putter.join();
    EXPECT_EQ(next, 1000);
    EXPECT_THROW(queue.put(nullptr), QueueShutDown);
    const auto counts = [](auto& any) {
        return requires { any.task_done(), any.join(); };
    };
    Queue<int> queue_that_counts;
    EXPECT_TRUE(counts(queue_that_counts));
    EXPECT_FALSE(counts(queue));
}

// A heap of any size, filled and emptied at random, always gives the least; move-only items too.
TEST(Queue, PriorityAtRandom) {
    std::mt19937 random(7);
    const auto less = [](const std::unique_ptr<int>& a, const std::unique_ptr<int>& b) { return *a < *b; };
    PriorityQueue<std::unique_ptr<int>, decltype(less)> queue(0, less);
    std::multiset<int> model;
    for (int i = 0; i < 5000; ++i) {
        if (random() % 5 < 3) {
            const int n = static_cast<int>(random() % 100);
            queue.put(std::make_unique<int>(n));
            model.insert(n);
        } else if (const auto item = queue.try_get()) {
            ASSERT_EQ(**item, *model.begin());
            model.erase(model.begin());
        }
    }
    while (const auto item = queue.try_get()) {
        ASSERT_EQ(**item, *model.begin());
        model.erase(model.begin());
    }
    EXPECT_TRUE(model.empty());
}

// A comparison or a move that throws leaves the queue as it was, and an item that is not in with its owner.
TEST(Queue, ItemsThatThrow) {
    bool failing = false;
    const auto compare = [&failing](int a, int b) {
        if (failing) throw std::domain_error("not comparable");
        return a < b;
    };
    PriorityQueue<int, decltype(compare)> queue(8, compare);
    for (const int n : {5, 1, 4, 2, 3}) queue.put(n);
    failing = true;
    EXPECT_THROW(queue.put(0), std::domain_error);
    EXPECT_THROW(queue.get(), std::domain_error);
    EXPECT_EQ(queue.size(), 5U);
    failing = false;
    for (const int n : {1, 2, 3, 4, 5}) EXPECT_EQ(queue.get(), n);

    struct Fragile {
        explicit Fragile(int* budget) : moves(budget) {}
        Fragile(Fragile&& other) : moves(other.moves) {
            if ((*moves)-- == 0) throw std::runtime_error("broke on the way");
        }
        int* moves;
    };
    int moves = 0;
    Queue<Fragile> fragile(1);
    EXPECT_THROW(fragile.put(Fragile(&moves)), std::runtime_error);
    moves = 1;
    fragile.put(Fragile(&moves));
    EXPECT_THROW(fragile.get(), std::runtime_error);
    EXPECT_EQ(fragile.size(), 1U);
    moves = 10;
    EXPECT_TRUE(fragile.get().has_value());
}

// Whatever kept it from being put, the caller has the item still.
TEST(Queue, AnItemThatIsNotPutIsNotLost) {
    Queue<std::unique_ptr<int>> queue(1);
    queue.put(std::make_unique<int>(1));
    auto item = std::make_unique<int>(2);
    EXPECT_FALSE(queue.try_put(std::move(item)));
    ASSERT_NE(item, nullptr);
    EXPECT_FALSE(queue.put_for(std::move(item), 1ms));
    ASSERT_NE(item, nullptr);
    {
        const Timeout scope(1ms);
        EXPECT_THROW(queue.put(std::move(item)), TimeoutError);
    }
    ASSERT_NE(item, nullptr);
    queue.shutdown();
    EXPECT_THROW(queue.put(std::move(item)), QueueShutDown);
    EXPECT_THROW(queue.try_put(std::move(item)), QueueShutDown);
    EXPECT_THROW(queue.put_for(std::move(item), 1h), QueueShutDown);
    ASSERT_NE(item, nullptr);
    EXPECT_EQ(*item, 2);
}

// What a queue says of itself, at each step.
TEST(Queue, Sizes) {
    Queue<int> queue(2);
    EXPECT_EQ(queue.maxsize(), 2U);
    EXPECT_TRUE(queue.empty() && !queue.full());
    queue.put(1);
    EXPECT_TRUE(!queue.empty() && !queue.full());
    queue.put(2);
    EXPECT_TRUE(queue.full());
    EXPECT_EQ(queue.size(), 2U);
    EXPECT_FALSE(queue.is_shutdown());
    queue.shutdown();
    EXPECT_TRUE(queue.is_shutdown() && queue.full());
    EXPECT_FALSE(Queue<int>().full());
    EXPECT_EQ(Queue<int>().maxsize(), 0U);
}

// shutdown(true) throws the items away, and counts them as dealt with: join() returns unless some were got
// and not reported. A table of Python 3.13's test_queue.
TEST(Queue, ShutdownAndJoin) {
    struct Row {
        bool immediate;
        int got, reported;        // of three items, before the shutdown
        bool joins;               // join() returns then
        std::optional<int> next;  // what get() gives then
    };
    for (const Row& row : {Row{false, 0, 0, false, 1}, Row{false, 3, 3, true, std::nullopt},
                           Row{true, 0, 0, true, std::nullopt}, Row{true, 1, 0, false, std::nullopt},
                           Row{true, 1, 1, true, std::nullopt}, Row{false, 2, 2, false, 3}}) {
        Queue<int> queue;
        for (const int n : {1, 2, 3}) queue.put(n);
        for (int i = 0; i < row.got; ++i) queue.get();
        for (int i = 0; i < row.reported; ++i) queue.task_done();
        Event joined;
        Thread joiner([&] {
            queue.join();
            joined.set();
        });
        queue.shutdown(row.immediate);
        queue.shutdown(row.immediate);
        EXPECT_EQ(queue.get(), row.next);
        if (row.joins) {
            joiner.join();
            EXPECT_THROW(queue.task_done(), Error);
        } else {
            EXPECT_FALSE(joined.is_set());
        }
    }
}

// A shutdown wakes all who wait, getters and putters, of both kinds.
TEST(Queue, ShutdownWakesEveryone) {
    for (const bool immediate : {false, true}) {
        Queue<int> empty;
        Queue<int> full(1);
        full.put(0);
        std::atomic<int> ended = 0;
        const auto get = [&] {
            EXPECT_EQ(empty.get(), std::nullopt);
            ++ended;
        };
        const auto put = [&] {
            EXPECT_THROW(full.put(1), QueueShutDown);
            ++ended;
        };
        TaskGroup group;
        for (int i = 0; i < 3; ++i) group.start(get), group.start(put);
        std::thread getter(get);
        std::thread putter(put);
        yield();
        empty.shutdown(immediate);
        full.shutdown(immediate);
        group.wait();
        getter.join();
        putter.join();
        EXPECT_EQ(ended, 8);
        EXPECT_EQ(full.try_get().has_value(), !immediate);
    }
}

// Seeded: putters and getters of both kinds with random patience and random cancels, over all three orders.
// No item is lost or doubled.
template <class Kind>
void stress(unsigned seed) {
    Kind queue(3);
    constexpr int items = 300;
    std::array<std::atomic<int>, items> seen{};
    std::array<std::atomic<int>, items> sent{};
    std::atomic<int> next = 0;
    const auto put = [&](unsigned number) {
        std::mt19937 random(seed * 31 + number);
        for (int i = next++; i < items; i = next++) {
            while (!queue.put_for(i, std::chrono::microseconds(random() % 50))) yield();
            ++sent[static_cast<std::size_t>(i)];
        }
    };
    const auto get = [&](unsigned number) {
        std::mt19937 random(seed * 37 + number);
        for (;;) {
            try {
                const auto item = random() % 2 == 0 ? queue.get() : queue.get_for(50us);
                if (!item) return;
                ++seen[static_cast<std::size_t>(*item)];
            } catch (const TimeoutError&) {
            }
        }
    };
    std::thread plain_getter([&] { get(0); });
    std::thread plain_putter([&] { put(0); });
    std::vector<Thread> putters;
    std::vector<Thread> getters;
    for (unsigned n = 1; n <= 3; ++n) {
        putters.emplace_back(put, n);
        getters.emplace_back(get, n);
    }
    sleep(std::chrono::microseconds(seed * 13 % 200));
    getters[0].cancel();
    putters[0].cancel();
    for (auto& putter : putters) putter.join();
    plain_putter.join();
    queue.shutdown();
    for (auto& getter : getters) getter.join();
    plain_getter.join();
    for (std::size_t i = 0; i < items; ++i) EXPECT_EQ(seen[i], sent[i]) << "item " << i << ", seed " << seed;
}
TEST(Queue, LosesAndDoublesNothing) {
    for (unsigned seed = 1; seed <= 15; ++seed) {
        stress<Queue<int>>(seed);
        stress<LifoQueue<int>>(seed);
        stress<PriorityQueue<int>>(seed);
    }
}

}  // namespace
}  // namespace thrum
