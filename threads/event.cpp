// thrum/threads/event.cpp: floor 1, threads
#include <thrum/threads/event.hpp>

namespace thrum {

using internal::SpinGuard;

void Event::set() noexcept {
    SpinGuard guard(spin_);
    set_.store(true, std::memory_order_release);
    waiters_.wake_all();
}

void Event::clear() noexcept {
    SpinGuard guard(spin_);
    set_.store(false, std::memory_order_release);
}

bool Event::wait_until(Deadline deadline) {
    // Through the Spin even when the flag is up: then set() has let go of it, and the event may be destroyed.
    SpinGuard guard(spin_);
    if (set_.load(std::memory_order_relaxed)) return true;
    internal::Task& task = internal::current_task();
    return internal::settle(internal::wait_on(waiters_, spin_, guard, task, deadline), task, deadline);
}

void internal::wait_shielded(Event& event) noexcept {
    SpinGuard guard(event.spin_);
    if (!event.set_.load(std::memory_order_relaxed)) {
        wait_on(event.waiters_, event.spin_, guard, current_task(), never, true);
    }
}

}  // namespace thrum
