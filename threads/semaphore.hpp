// thrum/threads/semaphore.hpp: floor 1, threads
// Semaphore: at most so many at once.
#pragma once

#include <thrum/threads/internal/wait_list.hpp>

#include <chrono>
#include <cstddef>

namespace thrum {

// Python's threading.Semaphore. Thread-safe; waiters come in order, and a released permit goes to the first
// of them.
class Semaphore {
public:
    explicit Semaphore(std::size_t permits = 1) noexcept : permits_(permits) {}
    Semaphore(const Semaphore&) = delete;
    Semaphore& operator=(const Semaphore&) = delete;

    // Throws Cancelled, and TimeoutError when the deadline in force passes first.
    void acquire() { try_acquire_until(never); }
    bool try_acquire() noexcept;
    // False when the duration or deadline passed first.
    bool try_acquire_for(std::chrono::nanoseconds duration) {
        return try_acquire_until(deadline_after(duration));
    }
    bool try_acquire_until(Deadline deadline);
    void release(std::size_t permits = 1) noexcept;

private:
    internal::Spin spin_;
    internal::WaitList waiters_{"Semaphore"};
    std::size_t permits_;
};

}  // namespace thrum
