// thrum/threads/internal/timer_wheel.hpp: floor 1, threads
// A worker's deadlines: a hierarchical wheel with O(1) add and remove (Varghese and Lauck, 1987, scheme 6).
#pragma once

#include <thrum/threads/deadline.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace thrum::internal {

class Task;

// One deadline, embedded in whoever waits for it.
struct TimerNode {
    TimerNode* previous = nullptr;
    TimerNode* next = nullptr;
    Task* owner = nullptr;
    std::uint64_t tick = 0;
    unsigned char level = 0;
    unsigned char slot = 0;

    bool linked() const noexcept { return previous != nullptr; }
};

// Not thread-safe: it belongs to one worker. Deadlines are rounded up to a tick (65,536 ns), so none fires
// early.
class TimerWheel {
public:
    explicit TimerWheel(Deadline now) noexcept;

    void add(TimerNode& node, Deadline deadline) noexcept;
    void remove(TimerNode& node) noexcept;
    // When advance() has something to do next; `never` where nothing waits. May be early, never late.
    Deadline next() const noexcept;

    // Takes out every node that is due and hands it to `fire`, which may add and remove nodes. False where
    // it looked at `most` nodes and more may be due: then call it again, before next().
    template <class Fire>
    bool advance(Deadline now, Fire&& fire, std::size_t most = no_limit) {
        const std::uint64_t target = floor_tick(now);
        for (;;) {
            while (taken_.next != &taken_) {
                if (most-- == 0) return false;
                TimerNode& node = *taken_.next;
                taken_.next = node.next;
                node.next->previous = &taken_;
                node.previous = node.next = nullptr;
                if (node.tick <= current_) {
                    fire(node);
                } else {
                    place(node);
                }
            }
            if (next_tick() > target) break;
            take_slot();
        }
        // An empty wheel may go back: the time was simulated, and is no longer.
        if (target > current_ || next_tick() == no_tick) current_ = target;
        return true;
    }

    static constexpr std::size_t no_limit = ~std::size_t{0};

private:
    static constexpr int tick_bits = 16;
    static constexpr int slot_bits = 6;
    static constexpr int slots = 1 << slot_bits;
    static constexpr int levels = 8;  // 8 * 6 + 16 bits cover every value of a 64-bit nanosecond clock
    static constexpr std::uint64_t no_tick = ~std::uint64_t{0};

    static std::uint64_t floor_tick(Deadline at) noexcept;
    std::uint64_t next_tick() const noexcept;
    void place(TimerNode& node) noexcept;
    // Moves to next_tick() and its slot's nodes to those taken.
    void take_slot() noexcept;
    void set_to(Deadline now) noexcept;

    std::uint64_t current_;
    unsigned clock_;   // the value of clock_changes that current_ is of
    TimerNode taken_;  // the head of the list of those that advance() looks at next
    std::array<std::uint64_t, levels> occupied_{};
    std::array<std::array<TimerNode, slots>, levels> heads_;
};

}  // namespace thrum::internal
