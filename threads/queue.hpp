// thrum/threads/queue.hpp: floor 1, threads
// Queue: items handed from threads to threads, in order, with a bound where one is set.
#pragma once

#include <thrum/base/errors.hpp>
#include <thrum/threads/internal/wait_list.hpp>

#include <chrono>
#include <cstddef>
#include <deque>
#include <optional>
#include <utility>

namespace thrum {

// put() into a queue that was shut down.
class QueueShutDown : public Error {
public:
    QueueShutDown() : Error("cannot put into a queue that was shut down") {}
};

// Python's queue.Queue. Thread-safe; first in, first out. A maximum size of 0 sets no bound. Waits throw
// Cancelled, and TimeoutError when the deadline in force passes first.
template <class T>
class Queue {
public:
    explicit Queue(std::size_t maximum_size = 0) noexcept : maximum_(maximum_size) {}
    Queue(const Queue&) = delete;
    Queue& operator=(const Queue&) = delete;

    // Waits while the queue is full. Throws QueueShutDown.
    void put(T item) { put_until(std::move(item), never); }
    // False when the duration passed and the queue was still full; `item` is lost then.
    bool put_for(T item, std::chrono::nanoseconds duration) {
        return put_until(std::move(item), deadline_after(duration));
    }
    // False when full at this moment.
    bool try_put(T item) { return put_until(std::move(item), Deadline::min()); }

    // Waits while the queue is empty. Nothing once it is shut down and drained.
    std::optional<T> get() { return get_until(never); }
    // Throws TimeoutError when the duration passed and the queue was still empty.
    std::optional<T> get_for(std::chrono::nanoseconds duration) {
        const Deadline deadline = deadline_after(duration);
        bool expired = false;
        auto item = get_until(deadline, &expired);
        if (expired) throw TimeoutError("nothing came into the queue in time");
        return item;
    }
    // Nothing when empty at this moment.
    std::optional<T> try_get() { return get_until(Deadline::min()); }

    // No more puts; the items that are in are still got. Waiting threads wake.
    void shutdown() {
        internal::SpinGuard guard(spin_);
        shut_ = true;
        getters_.wake_all();
        putters_.wake_all();
    }

    // Says that an item got was dealt with; as many calls as gets let join() return. Throws Error on one too
    // many.
    void task_done() {
        internal::SpinGuard guard(spin_);
        if (unfinished_ == 0) {
            guard.unlock();
            throw Error("task_done() was called more often than items were put");
        }
        if (--unfinished_ == 0) joiners_.wake_all();
    }
    // Waits until task_done() was called for every item put.
    void join() {
        internal::SpinGuard guard(spin_);
        if (unfinished_ == 0) return;
        internal::Task& task = internal::current_task();
        internal::settle(internal::wait_on(joiners_, spin_, guard, task, never), task, never);
    }

    std::size_t size() const noexcept {
        internal::SpinGuard guard(spin_);
        return items_.size();
    }
    bool empty() const noexcept { return size() == 0; }

private:
    bool put_until(T item, Deadline deadline) {
        internal::Task& task = internal::current_task();
        for (;;) {
            internal::SpinGuard guard(spin_);
            if (shut_) {
                guard.unlock();
                throw QueueShutDown();
            }
            if (maximum_ == 0 || items_.size() < maximum_) {
                try {
                    items_.push_back(std::move(item));
                } catch (...) {
                    wake_one_of(putters_, guard);  // the room is still there, for another
                    throw;
                }
                ++unfinished_;
                wake_one_of(getters_, guard);
                return true;
            }
            if (deadline == Deadline::min()) return false;
            if (!wait_in(putters_, guard, task, deadline)) return false;
        }
    }

    std::optional<T> get_until(Deadline deadline, bool* expired = nullptr) {
        internal::Task& task = internal::current_task();
        for (;;) {
            internal::SpinGuard guard(spin_);
            if (!items_.empty()) {
                std::optional<T> item;
                try {
                    item.emplace(std::move(items_.front()));
                } catch (...) {
                    wake_one_of(getters_, guard);  // the item is still there, for another
                    throw;
                }
                items_.pop_front();
                wake_one_of(putters_, guard);
                return item;
            }
            if (shut_ || deadline == Deadline::min()) return std::nullopt;
            if (!wait_in(getters_, guard, task, deadline)) {
                if (expired != nullptr) *expired = true;
                return std::nullopt;
            }
        }
    }

    static void wake_one_of(internal::WaitList& list, internal::SpinGuard& guard) noexcept {
        internal::Task* const task = list.claim_one();
        guard.unlock();
        if (task != nullptr) task->wake();
    }

    // A thread that was woken and then finds Cancelled pending has its item's wake-up still: it loops and
    // takes it.
    bool wait_in(internal::WaitList& list, internal::SpinGuard& guard, internal::Task& task,
                 Deadline deadline) {
        return internal::settle(internal::wait_on(list, spin_, guard, task, deadline), task, deadline);
    }

    mutable internal::Spin spin_;
    const std::size_t maximum_;
    std::deque<T> items_;
    std::size_t unfinished_ = 0;
    bool shut_ = false;
    internal::WaitList getters_{"Queue.get"};
    internal::WaitList putters_{"Queue.put"};
    internal::WaitList joiners_{"Queue.join"};
};

}  // namespace thrum
