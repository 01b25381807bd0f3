// thrum/threads/semaphore.hpp: floor 1, threads
// Semaphore: at most so many at once. BoundedSemaphore: and no more given back than were taken.
#pragma once

#include <thrum/threads/internal/wait_list.hpp>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <limits>
#include <utility>

namespace thrum {

// Python's threading.Semaphore. Thread-safe; waiters come in order, and a released permit goes to the first
// of them. May be destroyed as soon as a wait has returned because of the last release().
class Semaphore {
public:
    // Throws Error when negative.
    template <std::integral Number = std::size_t>
    explicit Semaphore(Number permits = 1) : Semaphore(count_of(permits), unlimited) {}
    Semaphore(const Semaphore&) = delete;
    Semaphore& operator=(const Semaphore&) = delete;

    // Throws Cancelled, and TimeoutError when the deadline in force passes first.
    void acquire() { try_acquire_until(never); }
    bool try_acquire() noexcept;
    // False when the duration or deadline passed first. Throw as acquire() does.
    bool try_acquire_for(std::chrono::nanoseconds duration) {
        return try_acquire_until(deadline_after(duration));
    }
    bool try_acquire_until(Deadline deadline);
    // By any thread. Throws Error for 0 permits and for more than the semaphore may hold, and gives none back
    // then.
    void release(std::size_t permits = 1);

    // How many there are at this moment.
    std::size_t available() const noexcept;

    // The names that make it Lockable: std::scoped_lock takes a permit and gives it back, as Python's `with`.
    void lock() { acquire(); }
    bool try_lock() noexcept { return try_acquire(); }
    void unlock() { release(); }

protected:
    static constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();

    Semaphore(std::size_t permits, std::size_t limit) noexcept : permits_(permits), limit_(limit) {}

    template <std::integral Number>
    static std::size_t count_of(Number permits) {
        if (std::cmp_less(permits, 0)) throw_negative();
        return static_cast<std::size_t>(permits);
    }

private:
    [[noreturn]] static void throw_negative();

    mutable internal::Spin spin_;
    internal::WaitList waiters_{"Semaphore"};
    std::size_t permits_;  // 0 while somebody waits
    const std::size_t limit_;
};

// Python's threading.BoundedSemaphore: release() throws Error when it would have more permits than at first,
// which is a release() too many.
class BoundedSemaphore : public Semaphore {
public:
    // Throws Error when negative.
    template <std::integral Number = std::size_t>
    explicit BoundedSemaphore(Number permits = 1) : Semaphore(count_of(permits), count_of(permits)) {}
};

}  // namespace thrum
