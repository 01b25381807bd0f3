// thrum/threads/internal/executor_core_test.cpp: floor 1, threads
// What a pool owes although its threads take calls in batches.
#include <thrum/threads/event.hpp>
#include <thrum/threads/thread_pool_executor.hpp>

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace thrum
