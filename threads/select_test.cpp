// thrum/threads/select_test.cpp: floor 1, threads
// select: one of several things, exactly one, and nothing lost.
#include <thrum/base/errors.hpp>
#include <thrum/threads.hpp>

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace thrum {
namespace {

using namespace std::chrono_literals;

// The one case that is ready is done, its handler is called, and its number returned.
TEST(Select, DoesTheOneThatIsReady) {
    Queue<int> numbers;
    LifoQueue<std::string> texts;
    Queue<char> full(1);
    full.put('x');
    int got = 0;
    std::string text;
    const auto once = [&] {
        return select(on_get(numbers, [&](int n) { got = n; }),
                      on_get(texts, [&](std::string s) { text = s; }), on_put(full, 'y', [&] { got = -1; }),
                      otherwise([&] { got = -2; }));
    };
    EXPECT_EQ(once(), 3U);
    EXPECT_EQ(got, -2);
    numbers.put(7);
    EXPECT_EQ(once(), 0U);
    EXPECT_EQ(got, 7);
    texts.put("seven");
    EXPECT_EQ(once(), 1U);
    EXPECT_EQ(text, "seven");
    EXPECT_EQ(full.get(), 'x');
    EXPECT_EQ(once(), 2U);
    EXPECT_EQ(got, -1);
    EXPECT_EQ(full.get(), 'y');
    EXPECT_TRUE(numbers.empty() && texts.empty());
}

// A value that is not put stays with its owner; one that is put is moved; an lvalue is copied.
TEST(Select, OnPutMovesOnlyWhatItPuts) {
    Queue<std::unique_ptr<int>> queue(1);
    auto first = std::make_unique<int>(1);
    auto second = std::make_unique<int>(2);
    EXPECT_EQ(select(on_put(queue, std::move(first))), 0U);
    EXPECT_EQ(first, nullptr);
    EXPECT_EQ(select(on_put(queue, std::move(second)), after(1ms)), 1U);
    ASSERT_NE(second, nullptr);
    EXPECT_EQ(**queue.get(), 1);
    Queue<std::string> texts;
    const std::string text = "kept";
    select(on_put(texts, text));
    EXPECT_EQ(texts.get(), text);
}

// A waiting select is woken by whichever comes, in threads of both kinds.
TEST(Select, WaitsForAll) {
    const auto play = [] {
        for (int round = 0; round < 100; ++round) {
            Queue<int> a;
            Queue<int> b(1);
            b.put(0);
            Promise<int> promise;
            auto future = promise.future();
            Thread other([&, round] {
                if (round % 3 == 0) a.put(1);
                if (round % 3 == 1) b.get();
                if (round % 3 == 2) promise.set_result(1);
            });
            int done = 0;
            const auto index =
                select(on_get(a, [&](int) { ++done; }), on_put(b, 2, [&] { ++done; }),
                       on_done(future, [&](Future<int>& f) { done += f.result(); }), after(1h));
            EXPECT_EQ(index, static_cast<std::size_t>(round % 3));
            EXPECT_EQ(done, 1);
        }
    };
    play();
    Thread(play).join();
    std::thread(play).join();
}

// The earliest of several times comes first; a time in the past comes when nothing else is ready.
TEST(Select, Times) {
    Queue<int> queue;
    int which = 0;
    const auto wait = [&] {
        return select(after(1h), on_get(queue, [&](int n) { which = n; }), after(1ms, [&] { which = 3; }),
                      after(-1s, [&] { which = 4; }));
    };
    EXPECT_EQ(wait(), 3U);
    EXPECT_EQ(which, 4);
    queue.put(9);
    EXPECT_EQ(wait(), 1U);
    EXPECT_EQ(which, 9);
    const Timeout scope(1ms);
    EXPECT_THROW(select(on_get(queue, [](int) {}), after(1h)), TimeoutError);
}

// A queue that is shut down is ready: handlers that can be told are, others make select() throw.
TEST(Select, ShutDownQueuesAreReady) {
    Queue<int> queue;
    Queue<int> other(1);
    queue.put(1);
    queue.shutdown();
    std::vector<std::optional<int>> seen;
    for (int i = 0; i < 2; ++i) select(on_get(queue, [&](std::optional<int> item) { seen.push_back(item); }));
    EXPECT_EQ(seen, (std::vector<std::optional<int>>{1, std::nullopt}));
    EXPECT_THROW(select(on_get(queue, [](int) {}), after(1h)), QueueShutDown);
    EXPECT_THROW(select(on_put(queue, 5), after(1h)), QueueShutDown);
    // Also when it happens meanwhile; and one that is left out is not looked at.
    Thread closer([&] { other.shutdown(); });
    bool told = false;
    select(on_get(queue, [](int) {}).when(false),
           on_get(other, [&](std::optional<int> item) { told = !item.has_value(); }));
    closer.join();
    EXPECT_TRUE(told);
}

// What a handler throws comes out of select(), which has done its case; nothing is locked meanwhile.
TEST(Select, HandlersMayThrowAndSelect) {
    Queue<int> queue;
    queue.put(1);
    queue.put(2);
    EXPECT_THROW(select(on_get(queue, [](int) { throw std::runtime_error("handler"); })), std::runtime_error);
    int inner = 0;
    select(on_put(queue, 3, [&] { select(on_get(queue, [&](int n) { inner = n; })); }));
    EXPECT_EQ(inner, 2);
    EXPECT_EQ(queue.get(), 3);
    Future<int> empty;
    EXPECT_THROW(select(on_done(empty, [](Future<int>&) {})), InvalidStateError);
}

// Among those that are ready each has its turn: none comes less than half as often as its share.
TEST(Select, IsFair) {
    constexpr int rounds = 4000;
    std::array<Queue<int>, 4> queues;
    std::array<int, 4> count{};
    for (auto& queue : queues) {
        for (int i = 0; i < rounds; ++i) queue.put(i);
    }
    Queue<int> never_ready;
    for (int i = 0; i < rounds; ++i) {
        const auto at = select(on_get(queues[0], [](int) {}), on_get(queues[1], [](int) {}),
                               on_get(never_ready, [](int) {}), on_get(never_ready, [](int) {}),
                               on_get(queues[2], [](int) {}), on_get(queues[3], [](int) {}));
        ++count[at < 2 ? at : at - 2];
    }
    for (const int times : count) EXPECT_GT(times, rounds / 8);
}

// A wake-up that a select does not use wakes the one behind it: the select is woken for `a`, and may take
// from `b`; then the item of `a` is for the getter, which nobody else will wake.
TEST(Select, PassesWakeUpsOn) {
    const auto play = [] {
        for (int round = 0; round < 40; ++round) {
            Queue<int> a;
            Queue<int> b;
            std::size_t taken = 0;
            Thread selecting([&] { taken = select(on_get(a, [](int) {}), on_get(b, [](int) {})); });
            yield();
            Thread getting([&] { a.get(); });
            yield();
            a.put(1);
            b.put(1);
            selecting.join();
            if (taken == 0) a.put(1);
            EXPECT_TRUE(getting.join_for(20s)) << "asleep beside an item, in round " << round;
        }
    };
    play();
    Thread(play).join();
}

// A cancelled or expired select takes nothing. Seeded: every item is got once or left in a queue.
TEST(Select, LosesNothing) {
    for (unsigned seed = 1; seed <= 20; ++seed) {
        Queue<int> in(2);
        LifoQueue<int> more;
        Queue<int> out(1);
        std::atomic<int> put = 0;
        std::atomic<int> got = 0;
        const auto take = [&](int) { ++got; };
        const auto work = [&](unsigned number) {
            std::mt19937 random(seed * 100 + number);
            for (int i = 0; i < 60; ++i) {
                const auto patience = std::chrono::microseconds(random() % 60);
                select(on_get(in, take), on_get(more, take), on_put(out, i, [&] { ++put; }),
                       on_get(out, take), after(patience));
                if (random() % 2 == 0) select(on_put(in, i, [&] { ++put; }), after(patience));
                if (random() % 4 == 0) more.put(i), ++put;
                if (random() % 4 == 0 && in.try_get()) ++got;
            }
        };
        std::thread plain([&] { work(0); });
        {
            std::vector<Thread> threads;
            for (unsigned number = 1; number <= 6; ++number)
                threads.emplace_back([&, number] { work(number); });
            std::mt19937 random(seed);
            for (int i = 0; i < 3; ++i) {
                sleep(std::chrono::microseconds(random() % 200));
                threads[random() % threads.size()].cancel();
            }
            for (auto& thread : threads) thread.join();
        }
        plain.join();
        int left = 0;
        while (in.try_get() || more.try_get() || out.try_get()) ++left;
        EXPECT_EQ(put, got + left) << "seed " << seed;
    }
}

}  // namespace
}  // namespace thrum
