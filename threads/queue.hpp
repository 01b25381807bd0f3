// thrum/threads/queue.hpp: floor 1, threads
// Queue, LifoQueue, PriorityQueue: items handed from threads to threads, with a bound where one is set.
#pragma once

#include <thrum/base/errors.hpp>
#include <thrum/threads/deadline.hpp>
#include <thrum/threads/internal/queue_core.hpp>
#include <thrum/threads/internal/queue_storage.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <utility>

namespace thrum {

// put() into a queue that was shut down. Python's queue.ShutDown.
class QueueShutDown : public Error {
public:
    QueueShutDown() : Error("cannot put into a queue that was shut down") {}
    using Error::Error;
};

// What the three queues have in common; `Storage` is the order. Thread-safe. A maximum size of 0 sets no
// bound. Waits throw Cancelled, and TimeoutError when the deadline in force passes first. Items are moved
// while the queue is locked: their move must not wait, nor use this queue; a copy is made before. Each is
// moved in once and moved out once; where that throws, the caller gets the exception, and every item is where
// it was: one that was to be got is the next again.
template <class T, class Storage>
class BasicQueue : private internal::QueueCore {
public:
    explicit BasicQueue(std::size_t maximum_size = 0, Storage storage = Storage())
        : QueueCore(maximum_size), items_(std::move(storage)) {}

    // Waits while the queue is full. Throws QueueShutDown. An item is moved from only when it is in: where
    // any form of put throws or returns false, the caller has it still.
    void put(const T& item) { put_until(T(item), never); }
    void put(T&& item) { put_until(std::move(item), never); }
    // False when the duration passed and the queue was still full.
    bool put_for(const T& item, std::chrono::nanoseconds duration) {
        return put_until(T(item), deadline_after(duration));
    }
    bool put_for(T&& item, std::chrono::nanoseconds duration) {
        return put_until(std::move(item), deadline_after(duration));
    }
    // False when full at this moment.
    bool try_put(const T& item) { return put_until(T(item), Deadline::min()); }
    bool try_put(T&& item) { return put_until(std::move(item), Deadline::min()); }

    // Waits while the queue is empty. Nothing once it is shut down and drained.
    std::optional<T> get() {
        std::optional<T> item;
        get_until(item, never);
        return item;
    }
    // Throws TimeoutError when the duration passed and the queue was still empty.
    std::optional<T> get_for(std::chrono::nanoseconds duration) {
        std::optional<T> item;
        if (get_until(item, deadline_after(duration)) == Look::not_yet) {
            throw TimeoutError("nothing came into the queue in time");
        }
        return item;
    }
    // Nothing when empty at this moment.
    std::optional<T> try_get() {
        std::optional<T> item;
        get_until(item, Deadline::min());
        return item;
    }

    // No more puts; waiting threads wake. The items that are in are still got; with `immediate` they are
    // thrown away, and count as dealt with. May be called again.
    void shutdown(bool immediate = false) {
        internal::SpinGuard guard(spin_);
        if (!immediate) return shut(false);
        const auto thrown_away = items_.drain();
        shut(true);
        guard.unlock();  // before what was in is destroyed
    }
    bool is_shutdown() const noexcept {
        const internal::SpinGuard guard(spin_);
        return shut_;
    }

    // Says that an item got was dealt with; as many calls as gets let join() return. Throws Error on one too
    // many.
    void task_done() { finish_task(); }
    // Waits until task_done() was called for every item put.
    void join() { await_all_finished(); }

    // How things stood a moment ago, where other threads use the queue too.
    std::size_t size() const noexcept {
        const internal::SpinGuard guard(spin_);
        return count_;
    }
    bool empty() const noexcept { return size() == 0; }
    bool full() const noexcept { return maximum_ != 0 && size() >= maximum_; }
    // The bound; 0 where there is none.
    std::size_t maxsize() const noexcept { return maximum_; }

private:
    friend struct internal::QueueAccess;

    bool put_until(T&& item, Deadline deadline) {
        internal::SpinGuard guard(spin_);
        if (!await_room(guard, deadline)) return false;
        try {
            items_.push(std::move(item));
        } catch (...) {
            pass_on_room(guard);
            throw;
        }
        one_more(guard);
        return true;
    }

    Look get_until(std::optional<T>& place, Deadline deadline) {
        internal::SpinGuard guard(spin_);
        const Look look = await_item(guard, deadline);
        if (look != Look::ready) return look;
        try {
            items_.take(place);
        } catch (...) {
            place.reset();
            pass_on_item(guard);
            throw;
        }
        one_less(guard);
        return look;
    }

    Storage items_;
};

// Python's queue.Queue: first in, first out.
template <class T>
class Queue : public BasicQueue<T, internal::FifoStorage<T>> {
public:
    explicit Queue(std::size_t maximum_size = 0) : BasicQueue<T, internal::FifoStorage<T>>(maximum_size) {}
};

// Python's queue.SimpleQueue: a Queue without a bound, so that put() never waits, and without a count of what
// was dealt with. Unlike Python's it can be shut down, which is how those who get from it come to an end.
template <class T>
class SimpleQueue : public BasicQueue<T, internal::FifoStorage<T>> {
public:
    SimpleQueue() = default;

    void task_done() = delete;  // Queue has these
    void join() = delete;
};

// Python's queue.LifoQueue: last in, first out.
template <class T>
class LifoQueue : public BasicQueue<T, internal::LifoStorage<T>> {
public:
    explicit LifoQueue(std::size_t maximum_size = 0)
        : BasicQueue<T, internal::LifoStorage<T>>(maximum_size) {}
};

// Python's queue.PriorityQueue: the least item first, by `compare(a, b)`, which says whether a goes before b.
// Among equals the order is open. compare is called while the queue is locked: it must not wait, nor use this
// queue. Where it throws, put and get throw that, and the queue is as before.
template <class T, class Compare = std::less<T>>
class PriorityQueue : public BasicQueue<T, internal::HeapStorage<T, Compare>> {
public:
    explicit PriorityQueue(std::size_t maximum_size = 0, Compare compare = Compare())
        : BasicQueue<T, internal::HeapStorage<T, Compare>>(
              maximum_size, internal::HeapStorage<T, Compare>(std::move(compare))) {}
};

}  // namespace thrum
