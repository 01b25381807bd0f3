// thrum/threads/internal/os_thread.hpp: floor 1, threads
// How a thread that is no fiber sleeps on a word and is woken: futex(2).
#pragma once

#include <thrum/threads/internal/task.hpp>

#include <time.h>

namespace thrum::internal {

// Sleeps while `word` is `value`, until woken or `deadline`. May return early: look again.
void futex_wait(Atomic<Wake>& word, Wake value, Deadline deadline) noexcept;
// Wakes whoever sleeps on `word`. The word may be another wait's by now: see Task::wake().
void futex_wake(Atomic<Wake>& word) noexcept;

// gettid(2) of the calling OS thread.
int own_os_id() noexcept;

// A timespec of what is left until `deadline`, all zero where it has passed; nullptr for never.
timespec* time_left(Deadline deadline, timespec& storage) noexcept;

}  // namespace thrum::internal
