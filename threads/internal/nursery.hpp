// thrum/threads/internal/nursery.hpp: floor 1, threads
// New fibers of one worker: it pushes, it and idle workers take. A bounded ring, as Go's run queues are.
#pragma once

#include <thrum/threads/internal/atomic.hpp>

#include <array>
#include <cstdint>

namespace thrum::internal {

class Fiber;

class Nursery {
public:
    // By the owner; false when full.
    bool push(Fiber& fiber) noexcept {
        const std::uint32_t tail = tail_.load(std::memory_order_relaxed);
        if (tail - head_.load(std::memory_order_acquire) == capacity) return false;
        ring_[tail % capacity].store(&fiber, std::memory_order_relaxed);
        tail_.store(tail + 1, std::memory_order_release);
        return true;
    }

    // By any worker; the oldest, or nullptr.
    Fiber* take() noexcept {
        std::uint32_t head = head_.load(std::memory_order_acquire);
        for (;;) {
            if (head == tail_.load(std::memory_order_acquire)) return nullptr;
            // Read before the exchange: afterwards the owner may overwrite the place.
            Fiber* const fiber = ring_[head % capacity].load(std::memory_order_relaxed);
            if (head_.compare_exchange_weak(head, head + 1, std::memory_order_acq_rel,
                                            std::memory_order_acquire)) {
                return fiber;
            }
        }
    }

    std::uint32_t size() const noexcept {
        const std::uint32_t head = head_.load(std::memory_order_acquire);
        return tail_.load(std::memory_order_acquire) - head;
    }

private:
    static constexpr std::uint32_t capacity = 256;

    Atomic<std::uint32_t> head_ = 0;
    Atomic<std::uint32_t> tail_ = 0;
    std::array<Atomic<Fiber*>, capacity> ring_{};
};

}  // namespace thrum::internal
