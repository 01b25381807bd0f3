// thrum/threads/event.hpp: floor 1, threads
// Event: a flag that threads wait for.
#pragma once

#include <thrum/threads/internal/wait_list.hpp>

#include <chrono>

namespace thrum {

class Event;
namespace internal {
// Waits for `event` whatever the cancels and deadlines.
void wait_shielded(Event& event) noexcept;
}  // namespace internal

// Python's threading.Event. Thread-safe. May be destroyed as soon as a wait() has returned because of the
// last set().
class Event {
public:
    Event() noexcept = default;
    Event(const Event&) = delete;
    Event& operator=(const Event&) = delete;

    bool is_set() const noexcept { return set_.load(std::memory_order_acquire); }
    // Wakes all waiters; later waits return at once, until clear().
    void set() noexcept;
    void clear() noexcept;
    // Throws Cancelled, and TimeoutError when the deadline in force passes first.
    void wait() { wait_until(never); }
    // False when the duration or deadline passed first.
    bool wait_for(std::chrono::nanoseconds duration) { return wait_until(deadline_after(duration)); }
    bool wait_until(Deadline deadline);

private:
    friend void internal::wait_shielded(Event& event) noexcept;

    internal::Spin spin_;
    internal::Atomic<bool> set_ = false;
    internal::WaitList waiters_{"Event"};
};

}  // namespace thrum
