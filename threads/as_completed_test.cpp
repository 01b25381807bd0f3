// thrum/threads/as_completed_test.cpp: floor 1, threads
// as_completed and wait: many futures, one waiting thread.
#include <thrum/base/errors.hpp>
#include <thrum/threads.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <set>
#include <stdexcept>
#include <vector>

namespace thrum {
namespace {

using namespace std::chrono_literals;

// Promises and their futures, side by side.
struct Pairs {
    explicit Pairs(std::size_t count) : promises(count) {
        for (auto& promise : promises) futures.push_back(promise.future());
    }
    std::vector<Promise<int>> promises;
    std::vector<Future<int>> futures;
};

std::vector<long> indexes(const Pairs& pairs, const std::vector<Future<int>*>& some) {
    std::vector<long> found;
    for (const auto* future : some) found.push_back(future - pairs.futures.data());
    return found;
}

// Each future comes once, those that are done first, the others in the order of finishing.
TEST(AsCompleted, InTheOrderOfFinishing) {
    Pairs pairs(5);
    pairs.promises[3].set_result(3);
    pairs.futures[1].cancel();
    std::vector<long> order;
    for (auto& future : as_completed(pairs.futures)) {
        order.push_back(&future - pairs.futures.data());
        EXPECT_TRUE(future.done());
        if (order.size() == 2) pairs.promises[4].set_exception(std::runtime_error("four"));
        if (order.size() == 3) {
            pairs.promises[2].set_result(2);
            pairs.promises[0].set_result(0);
        }
    }
    EXPECT_EQ(order, (std::vector<long>{1, 3, 4, 2, 0}));
}

// An executor's calls come as they end; the timeout covers them all; none is a range of none.
TEST(AsCompleted, CallsAndTimeouts) {
    ThreadPoolExecutor executor(4);
    std::vector<Future<int>> futures;
    for (int i = 0; i < 20; ++i) {
        futures.push_back(executor.submit([i] {
            sleep(std::chrono::microseconds((20 - i) * 50));
            return i;
        }));
    }
    std::set<int> seen;
    for (auto& future : as_completed(futures)) EXPECT_TRUE(seen.insert(future.result()).second);
    EXPECT_EQ(seen.size(), 20U);
    Pairs slow(2);
    slow.promises[1].set_result(1);
    int came = 0;
    try {
        for (auto& future : as_completed(slow.futures, 2ms)) came += future.result();
        ADD_FAILURE() << "one of them never comes";
    } catch (const TimeoutError& error) {
        EXPECT_STREQ(error.what(), "1 of 2 futures were not done in time");
    }
    EXPECT_EQ(came, 1);
    std::vector<Future<int>> none;
    for (auto& future : as_completed(none)) future.wait(), ++came;
    EXPECT_EQ(came, 1);
}

// Left early, or by a cancel, it leaves nothing behind in the futures.
TEST(AsCompleted, LeftEarly) {
    Pairs pairs(3);
    pairs.promises[0].set_result(0);
    for (auto& future : as_completed(pairs.futures)) {
        EXPECT_EQ(future.result(), 0);
        break;
    }
    Thread thread([&] {
        for (auto& future : as_completed(pairs.futures)) future.wait();
    });
    thread.cancel();
    thread.join();
    pairs.promises[1].set_result(1);
    pairs.promises[2].set_result(2);
    EXPECT_EQ(pairs.futures[2].result(), 2);
}

// wait() returns when what was asked for has come: a table of Python's test_wait.
TEST(Wait, ReturnsWhenAsked) {
    enum Act { result, exception, cancel };
    struct Row {
        ReturnWhen when;
        std::vector<std::pair<int, Act>> before, after;  // what is done before the wait, and during it
        std::vector<long> done;
    };
    using enum ReturnWhen;
    const std::vector<Row> rows = {
        {first_completed, {}, {{2, result}}, {2}},
        {first_completed, {{1, result}}, {}, {1}},
        {first_completed, {}, {{0, cancel}}, {0}},
        {first_completed, {}, {{0, exception}}, {0}},
        {first_exception, {}, {{1, result}, {2, exception}}, {1, 2}},
        {first_exception, {{0, exception}}, {}, {0}},
        {first_exception, {{0, cancel}}, {{1, result}, {2, result}}, {0, 1, 2}},
        {all_completed, {{0, exception}}, {{1, cancel}, {2, result}}, {0, 1, 2}},
        {all_completed, {{0, result}, {1, result}, {2, result}}, {}, {0, 1, 2}},
    };
    for (std::size_t row = 0; row < rows.size(); ++row) {
        Pairs pairs(3);
        const auto act = [&](const auto& acts) {
            for (const auto& [index, what] : acts) {
                const auto at = static_cast<std::size_t>(index);
                if (what == result) pairs.promises[at].set_result(index);
                if (what == exception) pairs.promises[at].set_exception(std::runtime_error("row"));
                if (what == cancel) pairs.futures[at].cancel();
            }
        };
        act(rows[row].before);
        Thread other([&] { act(rows[row].after); });
        const auto [done, not_done] = wait(pairs.futures, rows[row].when);
        other.join();
        EXPECT_EQ(indexes(pairs, done), rows[row].done) << "row " << row;
        EXPECT_EQ(done.size() + not_done.size(), 3U);
    }
}

// A timeout is no error: what is done is told. The deadline in force and a cancel are.
TEST(Wait, Timeouts) {
    Pairs pairs(2);
    pairs.promises[1].set_result(1);
    const auto [done, not_done] = wait(pairs.futures, {.timeout = 1ms});
    EXPECT_EQ(indexes(pairs, done), (std::vector<long>{1}));
    EXPECT_EQ(indexes(pairs, not_done), (std::vector<long>{0}));
    {
        const Timeout scope(1ms);
        EXPECT_THROW(wait(pairs.futures), TimeoutError);
    }
    std::atomic<bool> cancelled = false;
    Thread thread([&] {
        try {
            wait(pairs.futures);
        } catch (const Cancelled&) {
            cancelled = true;
        }
    });
    thread.cancel();
    thread.join();
    EXPECT_TRUE(cancelled);
    std::vector<Future<int>> none;
    EXPECT_TRUE(wait(none, ReturnWhen::first_completed).done.empty());
}

// Seeded: calls that end, fail and are cancelled at random times, waiters that leave at random times. Every
// future finishes exactly once, and every waiter hears of each.
TEST(Wait, EveryFutureFinishesOnce) {
    for (unsigned seed = 1; seed <= 30; ++seed) {
        ThreadPoolExecutor executor(3);
        constexpr int count = 60;
        std::atomic<int> finished[count] = {};
        std::vector<Future<int>> futures;
        for (int i = 0; i < count; ++i) {
            futures.push_back(executor.submit([i, seed] {
                std::mt19937 random(seed * 1000 + static_cast<unsigned>(i));
                if (random() % 3 == 0) sleep(std::chrono::microseconds(random() % 300));
                if (random() % 4 == 0) throw std::runtime_error("at random");
                return i;
            }));
            futures.back().add_done_callback([&finished, i](Future<int>&) { ++finished[i]; });
        }
        TaskGroup others;
        others.start([&] {
            std::mt19937 random(seed);
            for (int i = 0; i < count / 3; ++i) {
                futures[random() % count].cancel();
                if (random() % 2 == 0) yield();
            }
        });
        for (unsigned w = 0; w < 3; ++w) {
            others.start([&, w] {
                std::mt19937 random(seed + w);
                for (std::size_t before = 0; before < count;) {
                    const auto when = static_cast<ReturnWhen>(random() % 3);
                    const auto timeout = std::chrono::microseconds(random() % 200);
                    before = wait(futures, {.return_when = when, .timeout = timeout}).done.size();
                    if (before < count) yield();
                }
            });
        }
        std::set<Future<int>*> seen;
        for (auto& future : as_completed(futures)) EXPECT_TRUE(seen.insert(&future).second);
        EXPECT_EQ(seen.size(), static_cast<std::size_t>(count));
        others.wait();
        executor.shutdown();
        for (int i = 0; i < count; ++i) EXPECT_EQ(finished[i], 1) << "future " << i << ", seed " << seed;
    }
}

}  // namespace
}  // namespace thrum
