// thrum/threads/rlock.hpp: floor 1, threads
// RLock: a Lock that its owner may lock again.
#pragma once

#include <thrum/threads/lock.hpp>

#include <cstddef>
#include <cstdint>

namespace thrum {

// Python's threading.RLock, and C++'s TimedLockable. It belongs to the thread that locked it, fiber or not,
// and is free again after as many unlock() as lock(). Waiters are served as Lock serves them. Thread-safe; as
// with Lock, the next owner may destroy it.
class RLock {
public:
    RLock() noexcept = default;
    RLock(const RLock&) = delete;
    RLock& operator=(const RLock&) = delete;

    // The owner never waits. Throws Cancelled, and TimeoutError when the deadline in force passes first.
    void lock();
    bool try_lock() noexcept;
    // False when the duration or deadline passed. Throw as lock() does.
    bool try_lock_for(std::chrono::nanoseconds duration) { return try_lock_until(deadline_after(duration)); }
    bool try_lock_until(Deadline deadline);

    // Takes it whatever the caller's cancels and deadlines: for destructors and what must not throw.
    void lock_shielded() noexcept;

    // By its owner; any other thread's call is a bug and aborts with a message that names both threads.
    void unlock() noexcept;

    // Whether any thread holds it, and whether the calling one does, at this moment.
    bool locked() const noexcept { return lock_.locked(); }
    bool owned() const noexcept;

private:
    friend class Condition;

    bool enter_again() noexcept;
    void own() noexcept;
    void check_owner(const char* action) const noexcept;
    // Lets go of all the owner's locks at once and says how many they were; takes as many back.
    std::size_t release_all() noexcept;
    void restore(std::size_t depth) noexcept;

    Lock lock_;
    internal::Atomic<std::uint64_t> owner_ = 0;  // the thread's id; 0 when free
    std::size_t depth_ = 0;                      // the owner's alone
};

}  // namespace thrum
