// thrum/threads/queue_throwing_test.cpp: floor 1, threads
// A queue of items whose moves throw: the exception is its caller's, no item is lost to it, and nobody else
// waits for ever because of it.
#include <thrum/threads.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

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

// Until this many threads wait in a queue's `call`.
void until_waiting(const std::string& call, std::size_t count) {
    for (std::size_t waiting = 0; waiting != count;) {
        waiting = 0;
        for (const ThreadSnapshot& one : enumerate_threads())
            waiting += one.waits_on.starts_with(call) ? 1 : 0;
    }
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
    until_waiting("Queue.put", 1);
    bool was_put = false;
    Thread second([&] { was_put = queue.put_for(Item(2), patience); });
    until_waiting("Queue.put", 2);
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
    until_waiting("Queue.get", 2);
    queue.put(Item(7, &on_move));
    first.join();
    second.join();
    EXPECT_EQ(thrown, 1);
    EXPECT_EQ(sum, 7);
    EXPECT_TRUE(queue.empty());
}

// The moves of all items of a test: how many there were, and which of them, from 0 up, throws.
struct Moves {
    static constexpr int none = -1;
    int count = 0;
    int failing = none;

    void one() {
        if (count++ == failing) throw std::runtime_error("this item does not move");
    }
};

// An item that has its number until it is moved from, and whose moves are counted.
template <bool may_throw>
struct Counted {
    Counted(int value, Moves* all) noexcept : number(value), moves(all) {}
    Counted(Counted&& other) noexcept(!may_throw) : moves(other.moves) {
        moves->one();
        number = std::exchange(other.number, gone);
    }
    Counted& operator=(Counted&& other) noexcept(!may_throw) {
        moves->one();
        number = std::exchange(other.number, gone);
        return *this;
    }
    ~Counted() = default;
    bool operator<(const Counted& other) const noexcept { return number < other.number; }

    static constexpr int gone = -1;
    int number;
    Moves* moves;
};

const std::vector<int> numbers = {5, 0, 8, 3, 9, 1, 7, 2, 6, 4};

// Every way to get an item, of which there is one at least.
template <class Kind, class Item>
std::vector<std::pair<const char*, std::function<int(Kind&)>>> ways_to_get() {
    return {
        {"get", [](Kind& queue) { return queue.get()->number; }},
        {"get_for", [](Kind& queue) { return queue.get_for(patience)->number; }},
        {"try_get", [](Kind& queue) { return queue.try_get()->number; }},
        {"get after shutdown",
         [](Kind& queue) {
             queue.shutdown();
             return queue.get()->number;
         }},
        {"select",
         [](Kind& queue) {
             int number = Item::gone;
             select(on_get(queue, [&](Item&& item) { number = item.number; }));
             return number;
         }},
        {"select with std::optional",
         [](Kind& queue) {
             int number = Item::gone;
             select(on_get(queue, [&](std::optional<Item>&& item) { number = item->number; }));
             return number;
         }},
    };
}

// Each move that a put or a get makes is made to throw, one after another, until it succeeds. Nothing is ever
// lost, doubled or out of order.
template <class Kind>
void throws_at_every_move(const std::vector<int>& order) {
    using Item = Counted<true>;
    for (const auto& [name, get] : ways_to_get<Kind, Item>()) {
        SCOPED_TRACE(name);
        Moves moves;
        Kind queue;
        std::size_t thrown = 0;
        for (const int number : numbers) {
            Item item(number, &moves);
            bool is_in = false;
            for (int failing = 0; !is_in; ++failing) {
                const std::size_t before = queue.size();
                moves = {.failing = failing};
                try {
                    queue.put(std::move(item));
                    is_in = true;
                } catch (const std::runtime_error&) {
                    ++thrown;
                    EXPECT_EQ(item.number, number);
                    EXPECT_EQ(queue.size(), before);
                }
            }
            EXPECT_EQ(moves.count, 1);
        }
        EXPECT_EQ(thrown, numbers.size());
        std::vector<int> got;
        while (!queue.empty()) {
            const std::size_t before = queue.size();
            std::optional<int> number;
            for (int failing = 0; !number; ++failing) {
                moves = {.failing = failing};
                try {
                    number = get(queue);
                } catch (const std::runtime_error&) {
                    ++thrown;
                    EXPECT_EQ(queue.size(), before);
                }
            }
            EXPECT_EQ(moves.count, 1);
            got.push_back(*number);
        }
        EXPECT_EQ(got, order);
        EXPECT_EQ(thrown, 2 * numbers.size());
    }
}
TEST(QueueThrowing, AMoveThatThrowsChangesNothing) {
    const std::vector<int> sorted = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    throws_at_every_move<Queue<Counted<true>>>(numbers);
    throws_at_every_move<LifoQueue<Counted<true>>>({numbers.rbegin(), numbers.rend()});
    throws_at_every_move<PriorityQueue<Counted<true>>>(sorted);
}

// An item is moved in once and out once. A heap that may move what is in it does so.
template <class Kind>
void moves_once(bool is_heap) {
    using Item = Counted<false>;
    for (const auto& [name, get] : ways_to_get<Kind, Item>()) {
        SCOPED_TRACE(name);
        Moves moves;
        Kind queue;
        for (const int number : numbers) queue.put(Item(number, &moves));
        const int put_in = moves.count;
        moves.count = 0;
        while (!queue.empty()) get(queue);
        if (is_heap) {
            EXPECT_GE(put_in, 10);
            EXPECT_GE(moves.count, 10);
        } else {
            EXPECT_EQ(put_in, 10);
            EXPECT_EQ(moves.count, 10);
        }
    }
}
TEST(QueueThrowing, AnItemIsMovedOnceEachWay) {
    moves_once<Queue<Counted<false>>>(false);
    moves_once<LifoQueue<Counted<false>>>(false);
    moves_once<PriorityQueue<Counted<false>>>(true);
}

}  // namespace
}  // namespace thrum
