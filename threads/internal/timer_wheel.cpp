// thrum/threads/internal/timer_wheel.cpp: floor 1, threads
// Invariant: a node's tick agrees with current_ in all digits above its level and is greater in that digit,
// so the lowest occupied slot of the lowest occupied level comes next.
#include <thrum/threads/internal/clock.hpp>
#include <thrum/threads/internal/timer_wheel.hpp>

#include <bit>
#include <chrono>
#include <utility>

namespace thrum::internal {

std::uint64_t TimerWheel::floor_tick(Deadline at) noexcept {
    const auto nanoseconds =
        std::chrono::duration_cast<std::chrono::nanoseconds>(at.time_since_epoch()).count();
    return nanoseconds <= 0 ? 0 : static_cast<std::uint64_t>(nanoseconds) >> tick_bits;
}

TimerWheel::TimerWheel(Deadline now) noexcept
    : current_(floor_tick(now)), clock_(clock_changes.load(std::memory_order_relaxed)) {
    taken_.previous = taken_.next = &taken_;
    for (auto& level : heads_) {
        for (TimerNode& head : level) head.previous = head.next = &head;
    }
}

void TimerWheel::add(TimerNode& node, Deadline deadline) noexcept {
    if (clock_ != clock_changes.load(std::memory_order_relaxed)) set_to(now());
    node.tick = floor_tick(deadline) + 1;
    if (node.tick <= current_) node.tick = current_ + 1;
    place(node);
}

// The clock is another one, and may have gone far back or ahead. What waits still, waits until its tick by
// the new one.
void TimerWheel::set_to(Deadline now) noexcept {
    clock_ = clock_changes.load(std::memory_order_acquire);
    TimerNode* first = nullptr;
    const auto keep_all_of = [&first](TimerNode& head) {
        while (head.next != &head) {
            TimerNode& node = *head.next;
            head.next = node.next;
            node.next = std::exchange(first, &node);
        }
        head.previous = &head;
    };
    keep_all_of(taken_);
    for (auto& level : heads_) {
        for (TimerNode& head : level) keep_all_of(head);
    }
    occupied_.fill(0);
    current_ = floor_tick(now);
    while (first != nullptr) {
        TimerNode& node = *std::exchange(first, first->next);
        if (node.tick <= current_) node.tick = current_ + 1;
        place(node);
    }
}

void TimerWheel::place(TimerNode& node) noexcept {
    const int highest = 63 - std::countl_zero(node.tick ^ current_);
    const int level = highest / slot_bits;
    const int slot = static_cast<int>(node.tick >> (level * slot_bits)) & (slots - 1);
    node.level = static_cast<unsigned char>(level);
    node.slot = static_cast<unsigned char>(slot);
    TimerNode& head = heads_[level][slot];
    node.previous = head.previous;
    node.next = &head;
    head.previous->next = &node;
    head.previous = &node;
    occupied_[level] |= std::uint64_t{1} << slot;
}

void TimerWheel::remove(TimerNode& node) noexcept {
    node.previous->next = node.next;
    node.next->previous = node.previous;
    const TimerNode& head = heads_[node.level][node.slot];
    if (head.next == &head) occupied_[node.level] &= ~(std::uint64_t{1} << node.slot);
    node.previous = node.next = nullptr;
}

std::uint64_t TimerWheel::next_tick() const noexcept {
    for (int level = 0; level < levels; ++level) {
        if (occupied_[level] == 0) continue;
        const auto slot = static_cast<std::uint64_t>(std::countr_zero(occupied_[level]));
        const int shift = level * slot_bits;
        const std::uint64_t above =
            shift + slot_bits >= 64 ? 0 : current_ >> (shift + slot_bits) << (shift + slot_bits);
        return above | slot << shift;
    }
    return no_tick;
}

Deadline TimerWheel::next() const noexcept {
    const std::uint64_t tick = next_tick();
    // Far beyond any real deadline the nanoseconds would overflow.
    if (tick >= no_tick >> (tick_bits + 1)) return never;
    return Deadline(std::chrono::nanoseconds(static_cast<std::int64_t>(tick << tick_bits)));
}

void TimerWheel::take_slot() noexcept {
    int level = 0;
    while (occupied_[level] == 0) ++level;
    const int slot = std::countr_zero(occupied_[level]);
    current_ = next_tick();
    TimerNode& head = heads_[level][slot];
    taken_.next = head.next;
    taken_.previous = head.previous;
    taken_.next->previous = taken_.previous->next = &taken_;
    head.previous = head.next = &head;
    occupied_[level] &= ~(std::uint64_t{1} << slot);
}

}  // namespace thrum::internal
