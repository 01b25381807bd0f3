// thrum/threads/executor_test.cpp: floor 1, threads
// ThreadPoolExecutor, and executors of one's own: submit, map, shutdown.
#include <thrum/base/errors.hpp>
#include <thrum/threads.hpp>

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace thrum {
namespace {

using namespace std::chrono_literals;

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
    for (const int refused : {0, -1, -1000}) {
        EXPECT_THROW(ThreadPoolExecutor{refused}, Error);
        EXPECT_THROW(ThreadPoolExecutor({.max_workers = refused}), Error);
    }
}

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
    EXPECT_THROW(executor.submit([] {}), ExecutorShutDown);
    EXPECT_THROW(executor.map([](int) {}, std::vector{1}), ExecutorShutDown);
    go.set();
    first.result();
}

// The threads bear the prefix and a number; those of an unnamed pool say what they are.
TEST(Executor, ThreadNames) {
    ThreadPoolExecutor named({.max_workers = 2, .thread_name_prefix = "loader"});
    EXPECT_EQ(named.submit([] { return current_thread_name(); }).result(), "loader_0");
    ThreadPoolExecutor unnamed(1);
    const auto name = unnamed.submit([] { return current_thread_name(); }).result();
    EXPECT_EQ(name.rfind("ThreadPoolExecutor-", 0), 0U) << name;
}

// The initializer runs once in each thread, before its calls, and in no more threads than max_workers.
TEST(Executor, Initializer) {
    std::atomic<int> initialized = 0;
    std::atomic<bool> early = false;
    {
        ThreadPoolExecutor executor({.max_workers = 3, .initializer = [&] { ++initialized; }});
        EXPECT_EQ(initialized, 0);
        for (int round = 0; round < 20; ++round) {
            std::vector<Future<void>> futures;
            for (int i = 0; i < 10; ++i) {
                futures.push_back(executor.submit([&] {
                    if (initialized == 0) early = true;
                    yield();
                }));
            }
            wait(futures);
        }
    }
    EXPECT_FALSE(early);
    EXPECT_GE(initialized, 1);
    EXPECT_LE(initialized, 3);
}

// An initializer that throws breaks the pool: calls that wait and later ones end with BrokenThreadPool.
TEST(Executor, AFailedInitializerBreaksThePool) {
    Event go;
    testing::internal::CaptureStderr();
    {
        ThreadPoolExecutor executor({.max_workers = 1, .initializer = [&] {
                                         go.wait();
                                         throw std::runtime_error("no database");
                                     }});
        auto first = executor.submit([] { return 1; });
        auto second = executor.submit([] { return 2; });
        go.set();
        EXPECT_THROW(first.result(), BrokenThreadPool);
        try {
            second.result();
            ADD_FAILURE() << "the pool made a call";
        } catch (const BrokenExecutor& error) {
            EXPECT_NE(std::string(error.what()).find("no database"), std::string::npos) << error.what();
        }
        EXPECT_THROW(executor.submit([] {}), BrokenThreadPool);
    }
    EXPECT_NE(testing::internal::GetCapturedStderr().find("no database"), std::string::npos);
}

// Chunks change how many calls there are, not what comes out: order, results, failures of single elements.
TEST(Executor, MapInChunks) {
    ThreadPoolExecutor executor(4);
    std::vector<int> numbers(37);
    std::iota(numbers.begin(), numbers.end(), 0);
    for (const std::size_t chunk : {std::size_t{1}, std::size_t{4}, std::size_t{37}, SIZE_MAX}) {
        auto results = executor.map(
            [](int n) {
                if (n == 5) throw std::out_of_range("five");
                return n * 2;
            },
            numbers, {.chunk_size = chunk});
        EXPECT_EQ(results.size(), 37U);
        int at = 0;
        for (auto it = results.begin(); it != results.end(); ++it, ++at) {
            if (at == 5) {
                EXPECT_THROW(*it, std::out_of_range);
            } else {
                EXPECT_EQ(*it, at * 2) << "chunk " << chunk;
            }
        }
        EXPECT_THROW(results.wait(), std::out_of_range);
    }
    EXPECT_THROW(executor.map([](int) {}, numbers, {.chunk_size = 0}), Error);
    auto none = executor.map([](int n) { return n; }, std::vector<int>());
    EXPECT_EQ(none.size(), 0U);
    none.wait();
}

// Two ranges go side by side, as far as the shorter; move-only elements are moved in.
TEST(Executor, MapOfTwoRanges) {
    ThreadPoolExecutor executor(2);
    std::vector<int> sums;
    for (const int sum : executor.map([](int a, long b) { return a + static_cast<int>(b); },
                                      std::vector{1, 2, 3}, std::vector{10L, 20L}, {.chunk_size = 2}))
        sums.push_back(sum);
    EXPECT_EQ(sums, (std::vector{11, 22}));
    std::vector<std::unique_ptr<int>> owners;
    owners.push_back(std::make_unique<int>(9));
    for (const int value : executor.map([](std::unique_ptr<int>& p) { return *p; }, std::move(owners)))
        EXPECT_EQ(value, 9);
}

// Past the timeout reading throws, and what has not begun never will.
TEST(Executor, MapTimeout) {
    ThreadPoolExecutor executor(1);
    Event go;
    std::atomic<int> made = 0;
    auto results = executor.map(
        [&](int n) {
            if (n == 1) go.wait();
            return ++made;
        },
        std::vector{0, 1, 2, 3}, {.timeout = 5ms});
    auto it = results.begin();
    EXPECT_EQ(*it, 1);
    EXPECT_THROW(*++it, TimeoutError);
    go.set();
    executor.shutdown();
    EXPECT_EQ(made, 2);
    EXPECT_THROW(*++it, CancelledError);
}

// Two calls that compute, each until it has seen the other, end only where two workers carry the pool's
// threads at the same time, wherever they were submitted from.
TEST(Executor, WorkSpreadsOverTheWorkers) {
    if (worker_count() < 2) GTEST_SKIP() << "one worker";
    const auto meet = [] {
        ThreadPoolExecutor executor(4);
        std::atomic<int> met = 0;
        const auto compute = [&met] {
            ++met;
            while (met < 2) std::atomic_signal_fence(std::memory_order_seq_cst);
            return std::this_thread::get_id();
        };
        auto first = executor.submit(compute);
        auto second = executor.submit(compute);
        EXPECT_NE(first.result(), second.result());
    };
    meet();
    Thread(meet).join();
    std::thread(meet).join();
}

// Calls that never end coming do not keep their worker from its other threads.
TEST(Executor, EndlessCallsLetOthersRun) {
    ThreadPoolExecutor executor(1);
    std::atomic<bool> stop = false;
    Event stopped;
    std::function<void()> again = [&] {
        if (stop) return stopped.set();
        executor.submit([&again] { again(); });
    };
    executor.submit([&] {
        Thread([&stop] { stop = true; }).detach();
        again();
    });
    stopped.wait();
}

// Without memory for a thread submit() says so, and the call is gone; with memory again the pool goes on.
TEST(ExecutorDeathTest, NoMemoryForAThread) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "the sanitizers need the address space themselves";
#else
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    const auto child = [] {
        constexpr std::size_t large = std::size_t{1} << 29;
        ThreadPoolExecutor executor({.max_workers = 2, .stack_size = large});
        executor.submit([] {}).result();  // what runs the threads stands now
        executor.shutdown();
        ThreadPoolExecutor starved({.max_workers = 2, .stack_size = large});
        std::size_t pages = 0;
        std::ifstream("/proc/self/statm") >> pages;
        rlimit limit{};
        ::getrlimit(RLIMIT_AS, &limit);
        const rlimit tight{pages * 4096 + large / 2, limit.rlim_max};
        ::setrlimit(RLIMIT_AS, &tight);
        int refused = 0;
        auto token = std::make_shared<int>(0);
        for (int i = 0; i < 2; ++i) {
            try {
                starved.submit([token] {});
            } catch (const OSError&) {
                ++refused;
            }
        }
        ::setrlimit(RLIMIT_AS, &limit);
        const bool goes_on = starved.submit([] { return 3; }).result() == 3;
        std::_Exit(refused == 2 && token.use_count() == 1 && goes_on ? 0 : 1);
    };
    EXPECT_EXIT(child(), testing::ExitedWithCode(0), "");
#endif
}

// An executor of one's own: calls made at once, by whoever submits.
class InlineExecutor final : public Executor {
public:
    ~InlineExecutor() override = default;
    void shutdown(bool, bool) override { closed_ = true; }

protected:
    void submit_call(Call&& call) override {
        if (closed_) throw ExecutorShutDown();
        Call(std::move(call))();
    }

private:
    bool closed_ = false;
};

// An executor of one's own: calls made by one std::thread, in turn.
class PlainThreadExecutor final : public Executor {
public:
    ~PlainThreadExecutor() override { shutdown(true, false); }
    void shutdown(bool wait, bool cancel_futures) override {
        calls_.shutdown(cancel_futures);
        if (wait && thread_.joinable()) to_thread([this] { thread_.join(); });
    }

protected:
    void submit_call(Call&& call) override {
        try {
            calls_.put(std::move(call));
        } catch (const QueueShutDown&) {
            throw ExecutorShutDown();
        }
    }

private:
    Queue<Call> calls_;
    std::thread thread_{[this] {
        while (auto call = calls_.get()) (*call)();
    }};
};

// What every executor owes: results, exceptions, order of map, then(), cancel, refusal after shutdown.
template <class Kind>
void expect_an_executor() {
    Kind executor;
    EXPECT_EQ(executor.submit([](int a, int b) { return a - b; }, 7, 3).result(), 4);
    EXPECT_THROW(executor.submit([] { throw std::domain_error("own"); }).result(), std::domain_error);
    int expected = 0;
    for (const int n : executor.map([](int i) { return i * i; }, std::vector{0, 1, 2, 3})) {
        EXPECT_EQ(n, expected * expected);
        ++expected;
    }
    auto next = executor.submit([] { return 20; }).then(executor, [](int n) { return n + 1; });
    EXPECT_EQ(next.result(), 21);
    executor.shutdown(true, false);
    EXPECT_THROW(executor.submit([] {}), ExecutorShutDown);
    executor.shutdown(true, false);
}
TEST(Executor, OfOnesOwn) {
    expect_an_executor<InlineExecutor>();
    expect_an_executor<PlainThreadExecutor>();
    Thread(expect_an_executor<InlineExecutor>).join();
    Thread(expect_an_executor<PlainThreadExecutor>).join();
}

// A running call is asked to stop on whatever thread it runs; that thread's own cancels stay its own.
TEST(Executor, CancelOnExecutorsOfOnesOwn) {
    PlainThreadExecutor plain;
    Event inside;
    auto running = plain.submit([&] {
        inside.set();
        sleep(1h);
    });
    inside.wait();
    EXPECT_TRUE(running.cancel());
    EXPECT_THROW(running.result(), CancelledError);
    EXPECT_EQ(plain.submit([] { return sleep(1us), 8; }).result(), 8);

    InlineExecutor executor;
    std::atomic<bool> call_cancelled = false;
    std::atomic<bool> thread_cancelled = false;
    Event begun;
    Thread thread([&] {
        auto future = executor.submit([&] {
            begun.set();
            sleep(1h);
        });
        call_cancelled = future.cancelled();
        try {
            sleep(1h);
        } catch (const Cancelled&) {
            thread_cancelled = true;
        }
    });
    begun.wait();
    thread.cancel();
    thread.join();
    EXPECT_TRUE(call_cancelled);
    EXPECT_TRUE(thread_cancelled);
}

// A call that is never made ends its future all the same.
TEST(Executor, ADroppedCall) {
    class Dropper final : public Executor {
    public:
        void shutdown(bool, bool) override {}
        bool fails = false;

    protected:
        void submit_call(Call&& call) override {
            EXPECT_FALSE(call.done());
            if (fails) call.fail(std::make_exception_ptr(BrokenExecutor("no hands")));
        }
    };
    Dropper dropper;
    auto token = std::make_shared<int>(0);
    auto future = dropper.submit([token] {});
    EXPECT_TRUE(future.cancelled());
    EXPECT_EQ(token.use_count(), 1);
    dropper.fails = true;
    EXPECT_THROW(dropper.submit([] {}).result(), BrokenExecutor);
}

}  // namespace
}  // namespace thrum
