// thrum/threads/queue_throwing_test.cpp: floor 1, threads
// A Queue of items whose moves throw: the exception is its caller's, and nobody else waits for ever because
// of it.
#include <thrum/threads.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <stdexcept>

namespace thrum {
namespace {

using namespace std::chrono_literals;

constexpr auto patience = 20s;  // a wait that is longer has failed

// An item whose every move is told to a function, which may throw.
struct Item {
    explicit Item(int value, const std::function<void()>* told = nullptr) noexcept
        : number(value), on_move(told) {}
    Item(Item&& other) : number(other.number), on_move(other.on_move) {
        if (on_move != nullptr) (*on_move)();
    }
    Item& operator=(Item&&) = delete;
    ~Item() = default;

    int number;
    const std::function<void()>* on_move;
};

// Lets every thread that can run come as far as its wait.
void let_others_wait() {
    for (int i = 0; i < 5; ++i) sleep(1ms);
}

// Room that is offered to a thread whose item then throws goes to the next one that waits.
TEST(QueueThrowing, PutLeavesTheRoomToOthers) {
    Queue<Item> queue(1);
    queue.put(Item(0));
    std::atomic<bool> is_armed = false;
    const std::function<void()> on_move = [&] {
        if (is_armed.exchange(false)) throw std::runtime_error("this item does not move");
    };
    bool thrown = false;
    Thread first([&] {
        try {
            queue.put_for(Item(1, &on_move), patience);
        } catch (const std::runtime_error&) {
            thrown = true;
        }
    });
    let_others_wait();
    bool was_put = false;
    Thread second([&] { was_put = queue.put_for(Item(2), patience); });
    let_others_wait();
    is_armed = true;
    EXPECT_EQ(queue.get()->number, 0);
    const auto next = queue.get_for(patience);
    first.join();
    second.join();
    EXPECT_TRUE(thrown);
    EXPECT_TRUE(was_put);
    ASSERT_TRUE(next);
    EXPECT_EQ(next->number, 2);
    EXPECT_TRUE(queue.empty());
}

// An item that throws on its way out is still there, for the next one that waits.
TEST(QueueThrowing, GetLeavesTheItemToOthers) {
    Queue<Item> queue;
    const std::uint64_t putter = current_thread_id();
    std::atomic<bool> is_armed = true;
    const std::function<void()> on_move = [&] {
        if (current_thread_id() != putter && is_armed.exchange(false))
            throw std::runtime_error("this item does not move");
    };
    std::atomic<int> thrown = 0;
    std::atomic<int> sum = 0;
    const auto take = [&] {
        try {
            if (const auto item = queue.get_for(patience)) sum += item->number;
        } catch (const std::runtime_error&) {
            ++thrown;
        }
    };
    Thread first(take);
    Thread second(take);
    let_others_wait();
    queue.put(Item(7, &on_move));
    first.join();
    second.join();
    EXPECT_EQ(thrown, 1);
    EXPECT_EQ(sum, 7);
    EXPECT_TRUE(queue.empty());
}

}  // namespace
}  // namespace thrum
