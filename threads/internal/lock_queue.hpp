// thrum/threads/internal/lock_queue.hpp: floor 1, threads
// Who waits for a Lock, behind the one pointer that its word has room for: the first, which knows the last.
#pragma once

namespace thrum::internal {

class Task;

// One wait, on the stack of the waiting thread.
struct LockWaiter {
    explicit LockWaiter(Task& waiting) noexcept : task(&waiting) {}

    Task* task;
    LockWaiter* previous = nullptr;
    LockWaiter* next = nullptr;
    LockWaiter* last = nullptr;  // of the queue; kept in its first node alone
    bool linked = false;
    bool passed_over = false;  // woken once, but another was faster: next time the lock is handed over
    bool owner = false;        // it was handed over
};

// Each member looks at the first node, the last, and the given one's neighbours, never at the others: whoever
// changes the queue keeps all others from it. Guarded by the Lock's `busy`.
class LockQueue {
public:
    explicit LockQueue(LockWaiter* first) noexcept : first_(first) {}

    LockWaiter* first() const noexcept { return first_; }

    void push_front(LockWaiter& waiter) noexcept {
        waiter.linked = true;
        waiter.previous = nullptr;
        waiter.next = first_;
        waiter.last = first_ != nullptr ? first_->last : &waiter;
        if (first_ != nullptr) first_->previous = &waiter;
        first_ = &waiter;
    }

    void push_back(LockWaiter& waiter) noexcept {
        if (first_ == nullptr) return push_front(waiter);
        waiter.linked = true;
        waiter.previous = first_->last;
        waiter.next = nullptr;
        first_->last->next = &waiter;
        first_->last = &waiter;
    }

    void remove(LockWaiter& waiter) noexcept {
        waiter.linked = false;
        if (waiter.next != nullptr) {
            waiter.next->previous = waiter.previous;
        } else {
            first_->last = waiter.previous;
        }
        if (waiter.previous != nullptr) {
            waiter.previous->next = waiter.next;
        } else {
            if (waiter.next != nullptr) waiter.next->last = waiter.last;
            first_ = waiter.next;
        }
    }

private:
    LockWaiter* first_;
};

}  // namespace thrum::internal
