// thrum/threads/condition.hpp: floor 1, threads
// Condition: wait, with a Lock let go, until another thread says that something changed.
#pragma once

#include <thrum/threads/internal/wait_list.hpp>
#include <thrum/threads/lock.hpp>

#include <chrono>
#include <cstddef>
#include <mutex>

namespace thrum {

// Python's threading.Condition with the lock outside, as std::condition_variable has it. notify_… may be
// called with or without the lock. Each wait ends with the lock held again, even when it throws Cancelled
// (the calling thread was asked to stop) or TimeoutError (the deadline in force passed). A cancelled waiter
// never swallows a notify.
class Condition {
public:
    Condition() noexcept = default;
    Condition(const Condition&) = delete;
    Condition& operator=(const Condition&) = delete;

    // No spurious wake-ups, but what was notified may be gone again by the time the lock is held: use a
    // predicate.
    void wait(std::unique_lock<Lock>& lock) { wait_until(lock, never); }
    template <class Predicate>
    void wait(std::unique_lock<Lock>& lock, Predicate predicate) {
        while (!predicate()) wait(lock);
    }
    // False when the deadline passed without a notification.
    bool wait_until(std::unique_lock<Lock>& lock, Deadline deadline);
    // The predicate's value when it became true or the deadline passed.
    template <class Predicate>
    bool wait_until(std::unique_lock<Lock>& lock, Deadline deadline, Predicate predicate) {
        while (!predicate()) {
            if (!wait_until(lock, deadline)) return predicate();
        }
        return true;
    }
    bool wait_for(std::unique_lock<Lock>& lock, std::chrono::nanoseconds duration) {
        return wait_until(lock, deadline_after(duration));
    }
    template <class Predicate>
    bool wait_for(std::unique_lock<Lock>& lock, std::chrono::nanoseconds duration, Predicate predicate) {
        return wait_until(lock, deadline_after(duration), std::move(predicate));
    }

    void notify_one() noexcept { notify(1); }
    void notify(std::size_t count) noexcept;
    void notify_all() noexcept;

private:
    internal::Spin spin_;
    internal::WaitList waiters_;
};

}  // namespace thrum
