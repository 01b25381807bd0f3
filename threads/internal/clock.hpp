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

inline Deadline now() noexcept {
    const auto other = other_clock.load(std::memory_order_relaxed);
    return other == nullptr ? std::chrono::steady_clock::now() : other();
}

}  // namespace thrum::internal
