// thrum/threads/condition.hpp: floor 1, threads
// Condition: wait, with a Lock let go, until another thread says that something changed.
#pragma once

#include <thrum/threads/internal/wait_list.hpp>
#include <thrum/threads/lock.hpp>

#include <chrono>
#include <cstddef>
#include <mutex>
#include <utility>

namespace thrum {

class RLock;

// Python's threading.Condition with the lock outside, as std::condition_variable has it: a Lock or an RLock,
// the same for all who wait at one time. An RLock is let go of entirely, however often its owner locked it,
// and locked as often again. notify_… may be called with or without the lock. Each wait ends with the lock
// held again, even when it throws Cancelled (the calling thread was asked to stop) or TimeoutError (the
// deadline in force passed). A cancelled waiter never swallows a notify.
class Condition {
public:
    Condition() noexcept = default;
    Condition(const Condition&) = delete;
    Condition& operator=(const Condition&) = delete;

    // No spurious wake-ups, but what was notified may be gone again by the time the lock is held: use a
    // predicate. Throws Error where `lock` does not hold its lock.
    template <class Held>
    void wait(std::unique_lock<Held>& lock) {
        wait_until(lock, never);
    }
    template <class Held, class Predicate>
    void wait(std::unique_lock<Held>& lock, Predicate predicate) {
        while (!predicate()) wait(lock);
    }
    // False when the deadline passed without a notification.
    bool wait_until(std::unique_lock<Lock>& lock, Deadline deadline);
    bool wait_until(std::unique_lock<RLock>& lock, Deadline deadline);
    // The predicate's value when it became true or the deadline passed.
    template <class Held, class Predicate>
    bool wait_until(std::unique_lock<Held>& lock, Deadline deadline, Predicate predicate) {
        while (!predicate()) {
            if (!wait_until(lock, deadline)) return predicate();
        }
        return true;
    }
    template <class Held>
    bool wait_for(std::unique_lock<Held>& lock, std::chrono::nanoseconds duration) {
        return wait_until(lock, deadline_after(duration));
    }
    template <class Held, class Predicate>
    bool wait_for(std::unique_lock<Held>& lock, std::chrono::nanoseconds duration, Predicate predicate) {
        return wait_until(lock, deadline_after(duration), std::move(predicate));
    }

    // Wake up to so many of those that wait now, in order of their coming.
    void notify_one() noexcept { notify(1); }
    void notify(std::size_t count) noexcept;
    void notify_all() noexcept;

private:
    template <class Held>
    bool wait_released(std::unique_lock<Held>& lock, Deadline deadline);
    static std::size_t release(Lock& lock) noexcept;
    static std::size_t release(RLock& lock) noexcept;
    static void restore(Lock& lock, std::size_t depth) noexcept;
    static void restore(RLock& lock, std::size_t depth) noexcept;

    internal::Spin spin_;
    internal::WaitList waiters_;
};

}  // namespace thrum
