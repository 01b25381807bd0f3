// thrum/threads/once.cpp: floor 1, threads
#include <thrum/base/errors.hpp>
#include <thrum/threads/once.hpp>

namespace thrum {

using internal::SpinGuard;
using internal::Task;

bool Once::begin() {
    Task& task = internal::current_task();
    SpinGuard guard(spin_);
    while (state_.load(std::memory_order_relaxed) == State::running) {
        if (runner_ == task.id) {
            guard.unlock();
            throw Error("cannot call a Once from within its own function: it would wait for itself");
        }
        internal::settle(internal::wait_on(waiters_, spin_, guard, task, never), task, never);
        guard.lock(spin_);
    }
    if (state_.load(std::memory_order_relaxed) == State::done) return false;
    state_.store(State::running, std::memory_order_relaxed);
    runner_ = task.id;
    return true;
}

void Once::end(bool returned) noexcept {
    SpinGuard guard(spin_);
    state_.store(returned ? State::done : State::open, std::memory_order_release);
    if (returned) {
        waiters_.wake_all();
    } else if (Task* const next = waiters_.claim_one()) {
        // One is enough: it runs its function, or finds a newcomer that does and will wake the next.
        next->wake();
    }
}

}  // namespace thrum
