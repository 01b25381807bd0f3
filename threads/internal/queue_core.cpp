// thrum/threads/internal/queue_core.cpp: floor 1, threads
#include <thrum/threads/internal/queue_core.hpp>
#include <thrum/threads/queue.hpp>

#include <algorithm>

namespace thrum::internal {

// Returns with the guard held, unless false or throwing: then a later putter or getter finds it free.
bool QueueCore::wait_in(WaitList& list, SpinGuard& guard, Deadline deadline) {
    Task& task = current_task();
    Waiter waiter(task);
    task.arm(false, {list.kind(), this});
    list.push_back(waiter);
    guard.unlock();
    const Wake how = task.park(effective_deadline(task, deadline));
    guard.lock(spin_);
    if (waiter.linked) list.remove(waiter);
    if (how == Wake::notified) return true;
    guard.unlock();
    return settle(how, task, deadline);
}

bool QueueCore::await_room_slowly(SpinGuard& guard, Deadline deadline) {
    for (;;) {
        if (shut_) {
            guard.unlock();
            throw QueueShutDown();
        }
        if (has_room()) return true;
        if (deadline == Deadline::min() || !wait_in(putters_, guard, deadline)) return false;
    }
}

// A thread that was woken and then finds Cancelled pending has its item's wake-up still: it takes the item.
QueueCore::Look QueueCore::await_item_slowly(SpinGuard& guard, Deadline deadline) {
    for (;;) {
        if (count_ > 0) return Look::ready;
        if (shut_) return Look::shut;
        if (deadline == Deadline::min() || !wait_in(getters_, guard, deadline)) return Look::not_yet;
    }
}

// As Python 3.13's queue does: items that are thrown away count as dealt with.
void QueueCore::shut(bool drained) noexcept {
    shut_ = true;
    if (drained) {
        unfinished_ -= std::min(unfinished_, count_);
        count_ = 0;
        if (unfinished_ == 0) joiners_.wake_all();
    }
    getters_.wake_all();
    putters_.wake_all();
}

void QueueCore::finish_task() {
    SpinGuard guard(spin_);
    if (unfinished_ == 0) {
        guard.unlock();
        throw Error("task_done() was called more often than items were put");
    }
    if (--unfinished_ == 0) joiners_.wake_all();
}

void QueueCore::await_all_finished() {
    SpinGuard guard(spin_);
    if (unfinished_ == 0) return;
    Task& task = current_task();
    settle(wait_on(joiners_, spin_, guard, task, never), task, never);
}

}  // namespace thrum::internal
