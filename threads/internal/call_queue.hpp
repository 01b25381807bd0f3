// thrum/threads/internal/call_queue.hpp: floor 1, threads
// The calls of a pool that have not begun. They lie in blocks of pointers, so that a runner takes many at
// once without touching the calls themselves, which another processor has just written.
#pragma once

#include <thrum/threads/internal/future_state.hpp>
#include <thrum/threads/internal/spin.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <utility>

namespace thrum::internal {

class Worker;

// First in, first out. Not thread-safe. Does not own the references.
class CallQueue {
public:
    std::size_t size() const noexcept { return size_; }

    // Throws std::bad_alloc, and has changed nothing then.
    void push(FutureCore& call) {
        if (last_ == nullptr || last_->end == calls_per_block) add_block();
        last_->calls[last_->end++] = &call;
        ++size_;
    }

    // nullptr when empty.
    FutureCore* pop() noexcept {
        while (size_ > 0) {
            Block& block = *first_;
            FutureCore* const call = block.calls[block.begin++];
            if (block.begin == block.end) drop_first();
            if (call == nullptr) continue;  // removed
            --size_;
            return call;
        }
        return nullptr;
    }

    // Whether it was there.
    bool remove(const FutureCore& call) noexcept {
        for (Block* block = first_.get(); block != nullptr; block = block->next.get()) {
            for (std::size_t i = block->begin; i < block->end; ++i) {
                if (block->calls[i] != &call) continue;
                block->calls[i] = nullptr;
                --size_;
                return true;
            }
        }
        return false;
    }

private:
    static constexpr std::size_t calls_per_block = 125;  // makes a block of 1 KB

    struct Block {
        std::unique_ptr<Block> next;
        std::size_t begin = 0;
        std::size_t end = 0;
        std::array<FutureCore*, calls_per_block> calls;
    };

    void add_block() {
        std::unique_ptr<Block> block =
            spare_ != nullptr ? std::move(spare_) : std::unique_ptr<Block>(new Block);
        Block* const added = block.get();
        (last_ != nullptr ? last_->next : first_) = std::move(block);
        last_ = added;
    }

    void drop_first() noexcept {
        std::unique_ptr<Block> old = std::move(first_);
        first_ = std::move(old->next);
        if (first_ == nullptr) last_ = nullptr;
        old->begin = old->end = 0;
        spare_ = std::move(old);
    }

    std::unique_ptr<Block> first_;
    Block* last_ = nullptr;
    std::unique_ptr<Block> spare_;
    std::size_t size_ = 0;
};

// What one runner has taken out of the queue to make next. Others may take from it: the runner may be waiting
// in the call it makes. Calls are added with the pool's own lock held, so that who holds that lock and finds
// all batches empty knows that there is nothing left.
class CallBatch {
public:
    // The thread that takes them, and the worker it is pinned to.
    CallBatch(const Task& runner, const Worker* worker) noexcept : runner(&runner), worker(worker) {}

    // By the runner.
    FutureCore* next() noexcept {
        SpinGuard guard(spin_);
        if (begin_ == end_) return nullptr;
        if (begin_ + ahead < end_) fetch_early(*calls_[begin_ + ahead]);
        left_.store(end_ - begin_ - 1, std::memory_order_relaxed);
        return calls_[begin_++];
    }

    // By the runner, when it is empty: `count` from the queue. The first of them, or nullptr.
    FutureCore* refill(CallQueue& queue, std::size_t count) noexcept {
        FutureCore* const first = queue.pop();
        if (first == nullptr) return nullptr;
        SpinGuard guard(spin_);
        begin_ = end_ = 0;
        for (count = std::min(count, capacity); count > 1; --count) {
            FutureCore* const call = queue.pop();
            if (call == nullptr) break;
            calls_[end_++] = call;
            if (end_ < ahead) fetch_early(*call);
        }
        left_.store(end_, std::memory_order_relaxed);
        return first;
    }

    // By anyone: the one it would make next, or nullptr.
    FutureCore* steal() noexcept {
        if (left_.load(std::memory_order_relaxed) == 0) return nullptr;
        SpinGuard guard(spin_);
        if (begin_ == end_) return nullptr;
        left_.store(end_ - begin_ - 1, std::memory_order_relaxed);
        return calls_[begin_++];
    }

    // By others, with the pool's lock held: whether calls lie here of which none was taken since the last
    // look.
    bool stuck() noexcept {
        if (left_.load(std::memory_order_relaxed) == 0) return false;
        SpinGuard guard(spin_);
        return begin_ != end_ && std::exchange(seen_, begin_) == begin_;
    }

    const Task* const runner;
    const Worker* const worker;
    CallBatch* next_batch = nullptr;

    static constexpr std::size_t capacity = 32;

private:
    static constexpr std::size_t ahead = 4;

    // The call was written by another processor; its memory arrives while those before it are made.
    static void fetch_early(const FutureCore& call) noexcept {
        const char* const memory = reinterpret_cast<const char*>(&call);
        __builtin_prefetch(memory, 1);
        __builtin_prefetch(memory + 64, 1);
        __builtin_prefetch(memory + 128, 1);
    }

    Spin spin_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    std::size_t seen_ = 0;
    Atomic<std::size_t> left_ = 0;  // end_ - begin_, for a look without the lock
    std::array<FutureCore*, capacity> calls_;
};

}  // namespace thrum::internal
