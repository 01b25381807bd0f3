// thrum/threads/to_thread_test.cpp: floor 1, threads
// to_thread: calls that block.
#include <thrum/base/errors.hpp>
#include <thrum/threads.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>

namespace thrum {
namespace {

using namespace std::chrono_literals;

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

// Results of every kind come back as what they are, and arguments are given as asyncio.to_thread gives them.
TEST(ToThread, ArgumentsAndResults) {
    EXPECT_EQ(to_thread([](int a, int b) { return a * b; }, 6, 7), 42);
    int place = 0;
    EXPECT_EQ(&to_thread([](int& same) -> int& { return same; }, std::ref(place)), &place);
    EXPECT_EQ(&to_thread_abandonable([&]() -> int& { return place; }), &place);
    EXPECT_EQ(*to_thread([](std::unique_ptr<int> owned) { return owned; }, std::make_unique<int>(5)), 5);
    EXPECT_EQ(to_thread_abandonable([](std::string text, char more) { return text + more; }, "a", 'b'), "ab");
    static_assert(std::is_void_v<decltype(to_thread([](int) {}, 1))>);
}

// A hundred blocking calls at once do not stop the fibers, though there are fewer pool threads than calls.
TEST(ToThread, WorkersStayFree) {
    std::atomic<bool> release = false;
    TaskGroup group;
    for (int i = 0; i < 100; ++i) {
        group.start([&] { to_thread([&] { release.wait(false); }); });
    }
    std::atomic<int> ticks = 0;
    Thread ticker([&] {
        for (int i = 0; i < 20; ++i) sleep(100us), ++ticks;
    });
    ticker.join();
    EXPECT_EQ(ticks, 20);
    release = true;
    release.notify_all();
    group.wait();
}

// An abandonable call lets the caller go at its deadline, and its captures live until it has ended.
TEST(ToThread, AbandonableLeavesAtTheDeadline) {
    auto token = std::make_shared<std::atomic<bool>>(false);
    {
        const Timeout scope(2ms);
        EXPECT_THROW(to_thread_abandonable([token] { token->wait(false); }), TimeoutError);
    }
    token->store(true);
    token->notify_all();
    while (token.use_count() > 1) sleep(100us);
}

}  // namespace
}  // namespace thrum
