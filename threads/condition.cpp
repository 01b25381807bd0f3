// thrum/threads/condition.cpp: floor 1, threads
#include <thrum/base/errors.hpp>
#include <thrum/threads/condition.hpp>
#include <thrum/threads/rlock.hpp>

namespace thrum {

using internal::SpinGuard;
using internal::Task;
using internal::Wake;

std::size_t Condition::release(Lock& lock) noexcept {
    lock.unlock();
    return 1;
}

std::size_t Condition::release(RLock& lock) noexcept { return lock.release_all(); }

void Condition::restore(Lock& lock, std::size_t) noexcept { lock.lock_shielded(); }

void Condition::restore(RLock& lock, std::size_t depth) noexcept { lock.restore(depth); }

bool Condition::wait_until(std::unique_lock<Lock>& lock, Deadline deadline) {
    return wait_released(lock, deadline);
}

bool Condition::wait_until(std::unique_lock<RLock>& lock, Deadline deadline) {
    return wait_released(lock, deadline);
}

template <class Held>
bool Condition::wait_released(std::unique_lock<Held>& lock, Deadline deadline) {
    if (!lock.owns_lock()) throw Error("cannot wait on a condition without holding its lock");
    Task& task = internal::current_task();
    internal::Waiter waiter(task);
    std::size_t depth = 0;
    {
        SpinGuard guard(spin_);
        task.arm(false, {"Condition", this});
        waiters_.push_back(waiter);
    }
    // In the list before the lock is let go: a notify in between finds us.
    depth = release(*lock.mutex());
    const Wake how = task.park(internal::effective_deadline(task, deadline));
    {
        SpinGuard guard(spin_);
        if (waiter.linked) waiters_.remove(waiter);
    }
    // The caller counts on holding the lock, so taking it back can neither be cancelled nor time out.
    restore(*lock.mutex(), depth);
    return internal::settle(how, task, deadline);
}

void Condition::notify(std::size_t count) noexcept {
    // All under one guard: who is woken and waits again at once is not woken twice.
    SpinGuard guard(spin_);
    while (count-- > 0) {
        Task* const task = waiters_.claim_one();
        if (task == nullptr) return;
        if (count == 0) guard.unlock();
        task->wake();
    }
}

void Condition::notify_all() noexcept {
    SpinGuard guard(spin_);
    waiters_.wake_all();
}

}  // namespace thrum
