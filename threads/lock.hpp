// thrum/threads/lock.hpp: floor 1, threads
// Lock: mutual exclusion between threads of every kind, in one word.
#pragma once

#include <thrum/threads/deadline.hpp>
#include <thrum/threads/internal/atomic.hpp>

#include <chrono>
#include <cstdint>

namespace thrum {

// Python's threading.Lock, and C++'s TimedLockable: std::scoped_lock and std::unique_lock work with it. Not
// recursive: its holder would wait for itself; see RLock. Any thread may unlock it. Waiters come roughly in
// order; one that was passed over once is handed the lock. May be destroyed as soon as its last holder's
// unlock() has let another thread lock it: unlock() does not touch it after release.
class Lock {
public:
    Lock() noexcept = default;
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;

    // Throws Cancelled, and TimeoutError when the deadline in force passes first.
    void lock() {
        if (!try_lock()) lock_slow(never);
    }
    bool try_lock() noexcept {
        std::uintptr_t word = 0;
        return word_.compare_exchange_strong(word, held, std::memory_order_acquire,
                                             std::memory_order_relaxed);
    }
    // False when the duration or deadline passed. Throw as lock() does.
    bool try_lock_for(std::chrono::nanoseconds duration) { return try_lock_until(deadline_after(duration)); }
    bool try_lock_until(Deadline deadline) { return try_lock() || lock_slow(deadline); }

    // Takes it whatever the caller's cancels and deadlines: for destructors and what must not throw.
    void lock_shielded() noexcept;

    // Aborts with a message when nobody holds it, which is a bug of the caller.
    void unlock() noexcept {
        std::uintptr_t word = held;
        // Acquires too: whoever was handed the lock sees here that the one before has left it, and may free
        // it.
        if (!word_.compare_exchange_strong(word, 0, std::memory_order_acq_rel, std::memory_order_relaxed)) {
            unlock_slow();
        }
    }
    // Whether somebody holds it at this moment.
    bool locked() const noexcept { return (word_.load(std::memory_order_relaxed) & held) != 0; }

private:
    struct Waiting;

    // The word: whether it is held, whether somebody changes the queue, and above them the first waiter's
    // address.
    static constexpr std::uintptr_t held = 1;
    static constexpr std::uintptr_t busy = 2;
    static constexpr std::uintptr_t flags = held | busy;

    bool lock_slow(Deadline deadline);
    bool lock_queued(Waiting& waiting, Deadline deadline, bool shielded);
    bool enqueue(Waiting& waiting, bool shielded) noexcept;
    void withdraw(Waiting& waiting) noexcept;
    void unlock_slow() noexcept;

    internal::Atomic<std::uintptr_t> word_ = 0;
};

}  // namespace thrum
