// thrum/threads/semaphore.cpp: floor 1, threads
#include <thrum/threads/semaphore.hpp>

namespace thrum {

using internal::SpinGuard;

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

void Semaphore::release(std::size_t permits) noexcept {
    SpinGuard guard(spin_);
    for (; permits > 0; --permits) {
        internal::Task* const task = waiters_.claim_one();
        if (task == nullptr) break;
        task->wake();
    }
    permits_ += permits;
}

}  // namespace thrum
