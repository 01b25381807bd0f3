// thrum/threads/condition.cpp: floor 1, threads
#include <thrum/base/errors.hpp>
#include <thrum/threads/condition.hpp>

namespace thrum {

using internal::SpinGuard;
using internal::Task;
using internal::Wake;

bool Condition::wait_until(std::unique_lock<Lock>& lock, Deadline deadline) {
    if (!lock.owns_lock()) throw Error("cannot wait on a condition without holding its lock");
    Task& task = internal::current_task();
    internal::Waiter waiter(task);
    {
        SpinGuard guard(spin_);
        task.arm(false, {"Condition", this});
        waiters_.push_back(waiter);
    }
    // In the list before the lock is let go: a notify in between finds us.
    lock.unlock();
    const Wake how = task.park(internal::effective_deadline(task, deadline));
    {
        SpinGuard guard(spin_);
        if (waiter.linked) waiters_.remove(waiter);
    }
    // The caller counts on holding the lock, so taking it back can neither be cancelled nor time out.
    lock.mutex()->lock_shielded();
    lock = std::unique_lock<Lock>(*lock.mutex(), std::adopt_lock);
    return internal::settle(how, task, deadline);
}

void Condition::notify(std::size_t count) noexcept {
    while (count-- > 0) {
        SpinGuard guard(spin_);
        Task* const task = waiters_.claim_one();
        guard.unlock();
        if (task == nullptr) return;
        task->wake();
    }
}

void Condition::notify_all() noexcept {
    SpinGuard guard(spin_);
    waiters_.wake_all();
}

}  // namespace thrum
