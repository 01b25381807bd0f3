// thrum/threads/internal/clock.hpp: floor 1, threads
// The clock that every deadline of this floor is compared with: the steady one, but for tests that simulate
// time.
#pragma once

#include <thrum/threads/deadline.hpp>

#include <atomic>
#include <chrono>

namespace thrum::internal {

// Asked instead of the steady clock where one is set; nullptr otherwise.
inline std::atomic<Deadline (*)() noexcept> other_clock = nullptr;
// Counts up after each change of it: what was reckoned by the one clock is to be reckoned anew.
inline std::atomic<unsigned> clock_changes = 0;

inline void set_clock(Deadline (*other)() noexcept) noexcept {
    other_clock.store(other);
    clock_changes.fetch_add(1);
}

inline Deadline now() noexcept {
    const auto other = other_clock.load(std::memory_order_relaxed);
    return other == nullptr ? std::chrono::steady_clock::now() : other();
}

}  // namespace thrum::internal
