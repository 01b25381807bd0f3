// thrum/threads/internal/watched.hpp: floor 1, threads
// How the monitor, which sleeps while nothing happens, hears that something does.
#pragma once

#include <atomic>

namespace thrum::internal {

// Not null while the monitor sleeps. Called by a worker that wakes, and by an OS thread about to wait without
// end.
inline std::atomic<void (*)() noexcept> monitor_sleeps = nullptr;

inline void tell_monitor() noexcept {
    if (const auto wake = monitor_sleeps.load(std::memory_order_seq_cst)) wake();
}

}  // namespace thrum::internal
