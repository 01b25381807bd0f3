// thrum/threads/semaphore.cpp: floor 1, threads
#include <thrum/base/errors.hpp>
#include <thrum/threads/semaphore.hpp>

#include <string>

namespace thrum {

using internal::SpinGuard;

void Semaphore::throw_negative() { throw Error("cannot make a semaphore of fewer than 0 permits"); }

bool Semaphore::try_acquire() noexcept {
    SpinGuard guard(spin_);
    if (permits_ == 0) return false;
    --permits_;
    return true;
}

bool Semaphore::try_acquire_until(Deadline deadline) {
    SpinGuard guard(spin_);
    if (permits_ > 0) {
        --permits_;
        return true;
    }
    internal::Task& task = internal::current_task();
    // A notified waiter was given its permit by release().
    return internal::settle(internal::wait_on(waiters_, spin_, guard, task, deadline), task, deadline);
}

void Semaphore::release(std::size_t permits) {
    if (permits == 0) throw Error("cannot release 0 permits of a semaphore");
    SpinGuard guard(spin_);
    if (permits > limit_ - permits_) {
        const std::size_t held = permits_;
        guard.unlock();
        throw Error("cannot release " + std::to_string(permits) + " permits of a semaphore that has " +
                    std::to_string(held) + " of at most " + std::to_string(limit_) +
                    ": more would be given back than were taken");
    }
    for (; permits > 0; --permits) {
        internal::Task* const task = waiters_.claim_one();
        if (task == nullptr) break;
        task->wake();
    }
    permits_ += permits;
}

std::size_t Semaphore::available() const noexcept {
    SpinGuard guard(spin_);
    return permits_;
}

}  // namespace thrum
