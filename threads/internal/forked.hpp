// thrum/threads/internal/forked.hpp: floor 1, threads
// fork(2) copies the calling OS thread alone: in the child of a process with workers, no fiber runs any more.
#pragma once

#include <atomic>

namespace thrum::internal {

inline std::atomic<bool> in_forked_child = false;

// From the first worker on.
void watch_for_forks() noexcept;
[[noreturn]] void throw_after_fork(const char* what);

// Throws ThreadError in such a child, instead of waiting for ever. `what` completes "cannot …".
inline void not_after_fork(const char* what) {
    if (in_forked_child.load(std::memory_order_relaxed)) [[unlikely]] {
        throw_after_fork(what);
    }
}

}  // namespace thrum::internal
