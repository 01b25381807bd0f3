// thrum/threads/internal/wait_list.hpp: floor 1, threads
// Who waits on a primitive, in order of coming. Guarded by the primitive's own Spin.
#pragma once

#include <thrum/threads/internal/spin.hpp>
#include <thrum/threads/internal/task.hpp>

namespace thrum::internal {

// One wait, on the stack of the waiting thread.
struct Waiter {
    explicit Waiter(Task& waiting) noexcept : task(&waiting) {}
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;

    Task* task;
    Waiter* previous = nullptr;
    Waiter* next = nullptr;
    bool linked = false;
};

class WaitList {
public:
    // `kind` is what a dump of all threads calls a wait here: a string literal, "Queue.get" for one.
    explicit constexpr WaitList(const char* kind = "something") noexcept : kind_(kind) {}

    const char* kind() const noexcept { return kind_; }
    bool empty() const noexcept { return first_ == nullptr; }
    Waiter* front() const noexcept { return first_; }

    void push_back(Waiter& waiter) noexcept {
        waiter.previous = last_;
        waiter.next = nullptr;
        (last_ != nullptr ? last_->next : first_) = &waiter;
        last_ = &waiter;
        waiter.linked = true;
    }

    void remove(Waiter& waiter) noexcept {
        (waiter.previous != nullptr ? waiter.previous->next : first_) = waiter.next;
        (waiter.next != nullptr ? waiter.next->previous : last_) = waiter.previous;
        waiter.linked = false;
    }

    // Takes out waiters until one can be claimed; the caller wakes it, best after unlocking. nullptr if none.
    Task* claim_one(Wake reason = Wake::notified) noexcept {
        while (first_ != nullptr) {
            Waiter& waiter = *first_;
            Task* const task = waiter.task;
            remove(waiter);
            if (task->claim(reason)) return task;  // from here on the Waiter may be gone
        }
        return nullptr;
    }

    void wake_all(Wake reason = Wake::notified) noexcept {
        while (Task* const task = claim_one(reason)) task->wake();
    }

private:
    Waiter* first_ = nullptr;
    Waiter* last_ = nullptr;
    const char* kind_;
};

// Waits on `list` until claimed. Called with `guard` held on the list's Spin; returns with it released,
// having passed through the Spin once more, so that a waker that woke us no longer touches the primitive (it
// may be destroyed as soon as the wait returns). A dump shows the Spin's address: make it the first member.
inline Wake wait_on(WaitList& list, Spin& spin, SpinGuard& guard, Task& task, Deadline deadline,
                    bool shielded = false) noexcept {
    Waiter waiter(task);
    task.arm(shielded, {list.kind(), &spin});
    list.push_back(waiter);
    guard.unlock();
    const Wake how = task.park(shielded ? never : effective_deadline(task, deadline));
    SpinGuard again(spin);
    if (waiter.linked) list.remove(waiter);
    return how;
}

}  // namespace thrum::internal
