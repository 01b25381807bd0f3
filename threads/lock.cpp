// thrum/threads/lock.cpp: floor 1, threads
// Whoever sets `busy` owns the queue until it stores the word again. unlock() takes the first waiter out and
// lets go of lock and queue in one store, its last touch, so the lock may be destroyed right after.
#include <thrum/base/errors.hpp>
#include <thrum/threads/internal/adaptive_spin.hpp>
#include <thrum/threads/internal/lock_queue.hpp>
#include <thrum/threads/internal/misuse.hpp>
#include <thrum/threads/internal/task.hpp>
#include <thrum/threads/lock.hpp>

namespace thrum {

using internal::AdaptiveSpin;
using internal::Backoff;
using internal::LockQueue;
using internal::LockWaiter;
using internal::Task;
using internal::Wake;

struct Lock::Waiting : LockWaiter {
    using LockWaiter::LockWaiter;
};

bool Lock::lock_slow(Deadline deadline) {
    Waiting waiting(internal::current_task());
    return lock_queued(waiting, deadline, false);
}

void Lock::lock_shielded() noexcept {
    if (try_lock()) return;
    Waiting waiting(internal::current_task());
    lock_queued(waiting, never, true);
}

bool Lock::lock_queued(Waiting& waiting, Deadline deadline, bool shielded) {
    Task& task = *waiting.task;
    // Whoever queues does not mind: the lock is free only until the first of them runs.
    const auto attempt = [this] {
        std::uintptr_t word = word_.load(std::memory_order_relaxed);
        return (word & held) == 0 &&
               word_.compare_exchange_strong(word, word | held, std::memory_order_acquire,
                                             std::memory_order_relaxed);
    };
    while (!AdaptiveSpin::wait(attempt) && !enqueue(waiting, shielded)) {
        const Wake how = task.park(shielded ? never : internal::effective_deadline(task, deadline));
        if (how != Wake::notified) {
            withdraw(waiting);
            return internal::settle(how, task, deadline);
        }
        if (waiting.owner) return true;
        waiting.passed_over = true;
    }
    return true;
}

// True when it took the lock instead; false when the task is armed and in the queue.
bool Lock::enqueue(Waiting& waiting, bool shielded) noexcept {
    Backoff backoff;
    std::uintptr_t word = word_.load(std::memory_order_relaxed);
    for (;;) {
        if ((word & held) == 0) {
            if (word_.compare_exchange_weak(word, word | held, std::memory_order_acquire,
                                            std::memory_order_relaxed)) {
                return true;
            }
            continue;
        }
        if ((word & busy) != 0) {
            backoff.pause();
            word = word_.load(std::memory_order_relaxed);
            continue;
        }
        if (word_.compare_exchange_weak(word, word | busy, std::memory_order_acquire,
                                        std::memory_order_relaxed))
            break;
    }
    // The holder cannot let go while the queue is busy, so the word changes under our hand alone.
    waiting.task->arm(shielded, {"Lock", this});
    LockQueue queue(reinterpret_cast<LockWaiter*>(word & ~flags));
    if (waiting.passed_over) {
        queue.push_front(waiting);
    } else {
        queue.push_back(waiting);
    }
    word_.store(reinterpret_cast<std::uintptr_t>(queue.first()) | held, std::memory_order_release);
    return false;
}

void Lock::withdraw(Waiting& waiting) noexcept {
    Backoff backoff;
    std::uintptr_t word = word_.load(std::memory_order_acquire);
    for (;;) {
        if ((word & busy) != 0) {
            backoff.pause();
            word = word_.load(std::memory_order_acquire);
        } else if ((word & ~flags) == 0) {
            return;  // nobody queues, so an unlocker has taken us out
        } else if (word_.compare_exchange_weak(word, word | busy, std::memory_order_acquire,
                                               std::memory_order_acquire)) {
            break;
        }
    }
    LockQueue queue(reinterpret_cast<LockWaiter*>(word & ~flags));
    if (waiting.linked) queue.remove(waiting);
    const auto first = reinterpret_cast<std::uintptr_t>(queue.first());
    // A free lock may be taken while its queue is busy, so `held` is kept as it is now.
    std::uintptr_t now = word_.load(std::memory_order_relaxed);
    while (!word_.compare_exchange_weak(now, first | (now & held), std::memory_order_release,
                                        std::memory_order_relaxed)) {
    }
}

void Lock::unlock_slow() noexcept {
    Backoff backoff;
    std::uintptr_t word = word_.load(std::memory_order_relaxed);
    for (;;) {
        if ((word & held) == 0) {
            internal::abort_misuse(
                "unlocks a Lock that nobody holds: each unlock() needs a lock() before it");
        }
        if ((word & busy) != 0) {
            backoff.pause();
            word = word_.load(std::memory_order_relaxed);
        } else if ((word & ~flags) == 0) {
            if (word_.compare_exchange_weak(word, 0, std::memory_order_release, std::memory_order_relaxed))
                return;
        } else if (word_.compare_exchange_weak(word, word | busy, std::memory_order_acquire,
                                               std::memory_order_relaxed)) {
            break;
        }
    }
    LockQueue queue(reinterpret_cast<LockWaiter*>(word & ~flags));
    Task* woken = nullptr;
    bool handed_over = false;
    while (queue.first() != nullptr && woken == nullptr) {
        LockWaiter& waiting = *queue.first();
        Task* const task = waiting.task;
        queue.remove(waiting);
        handed_over = waiting.owner = waiting.passed_over;
        if (task->claim(Wake::notified)) woken = task;  // from here on `waiting` may be gone
    }
    const bool keep = woken != nullptr && handed_over;
    word_.store(reinterpret_cast<std::uintptr_t>(queue.first()) | (keep ? held : 0),
                std::memory_order_release);
    if (woken != nullptr) woken->wake();
}

}  // namespace thrum
