// thrum/threads/internal/select_case.hpp: floor 1, threads
// A case of select(), and the choice among them. A selecting thread is in the wait list of every case under
// the one word of its task, so one waker wins.
#pragma once

#include <thrum/threads/future.hpp>
#include <thrum/threads/queue.hpp>

#include <cstddef>
#include <optional>
#include <type_traits>
#include <utility>

namespace thrum::internal {

// The parts of a queue that a select needs, whatever it holds.
struct QueueAccess {
    using Look = QueueCore::Look;

    template <class T, class Storage>
    static QueueCore& core(BasicQueue<T, Storage>& queue) noexcept {
        return queue;
    }
    template <class T, class Storage>
    static Look try_get(BasicQueue<T, Storage>& queue, std::optional<T>& place) {
        return queue.get_until(place, Deadline::min());
    }

    // False when there is nothing to wait for.
    static bool enlist_getter(QueueCore& queue, Waiter& waiter) noexcept;
    static bool enlist_putter(QueueCore& queue, Waiter& waiter) noexcept;
    // True when a waker took it out of the list.
    static bool withdraw_getter(QueueCore& queue, Waiter& waiter) noexcept;
    static bool withdraw_putter(QueueCore& queue, Waiter& waiter) noexcept;
    // What that waker told us of is for another now, if it is still there.
    static void pass_on_item(QueueCore& queue) noexcept;
    static void pass_on_room(QueueCore& queue) noexcept;
};

class SelectCase {
public:
    explicit SelectCase(Deadline deadline = never, bool fallback = false) noexcept
        : deadline_(deadline), fallback_(fallback) {}
    SelectCase(const SelectCase&) = delete;
    SelectCase& operator=(const SelectCase&) = delete;

    // Does what the case is about, if it can be done now.
    virtual bool try_now() { return false; }
    virtual bool enlist(Waiter&) noexcept { return true; }
    virtual bool withdraw(Waiter&) noexcept { return false; }
    virtual void pass_on() noexcept {}

protected:
    ~SelectCase() = default;
    bool enabled_ = true;

private:
    friend std::size_t select_among(SelectCase* const* cases, std::size_t* order, std::size_t count);
    friend class Selection;
    const Deadline deadline_;
    const bool fallback_;
    bool popped_ = false;  // in the wait that ended last
    std::optional<Waiter> waiter_;
};

// Does one case, and says which. `order` is room for as many numbers. Throws as waits do, and what a case
// throws.
std::size_t select_among(SelectCase* const* cases, std::size_t* order, std::size_t count);

struct DoNothing {
    void operator()() const noexcept {}
};

template <class Derived, class Handler>
class HandledCase : public SelectCase {
public:
    HandledCase(Handler handler, Deadline deadline = never, bool fallback = false)
        : SelectCase(deadline, fallback), handler_(std::move(handler)) {}
    Derived&& when(bool enabled) && noexcept {
        enabled_ = enabled;
        return static_cast<Derived&&>(*this);
    }

protected:
    ~HandledCase() = default;
    Handler handler_;
};

template <class T, class Storage, class Handler>
class GetCase final : public HandledCase<GetCase<T, Storage, Handler>, Handler> {
    static constexpr bool told_of_shutdown = std::is_invocable_v<Handler&, std::optional<T>&&>;

public:
    GetCase(BasicQueue<T, Storage>& queue, Handler handler)
        : GetCase::HandledCase(std::move(handler)), queue_(queue) {}

    bool try_now() override {
        const auto look = QueueAccess::try_get(queue_, item_);
        if (look == QueueAccess::Look::shut && !told_of_shutdown) {
            throw QueueShutDown(
                "the queue of a select is shut down and empty; a handler that takes std::optional is told");
        }
        return look != QueueAccess::Look::not_yet;
    }
    bool enlist(Waiter& waiter) noexcept override {
        return QueueAccess::enlist_getter(QueueAccess::core(queue_), waiter);
    }
    bool withdraw(Waiter& waiter) noexcept override {
        return QueueAccess::withdraw_getter(QueueAccess::core(queue_), waiter);
    }
    void pass_on() noexcept override { QueueAccess::pass_on_item(QueueAccess::core(queue_)); }
    void run() {
        if constexpr (told_of_shutdown) {
            this->handler_(std::move(item_));
        } else {
            this->handler_(std::move(*item_));
        }
    }

private:
    BasicQueue<T, Storage>& queue_;
    std::optional<T> item_;
};

template <class T, class Storage, class Value, class Handler>
class PutCase final : public HandledCase<PutCase<T, Storage, Value, Handler>, Handler> {
public:
    PutCase(BasicQueue<T, Storage>& queue, Value value, Handler handler)
        : PutCase::HandledCase(std::move(handler)), queue_(queue), value_(static_cast<Value>(value)) {}

    bool try_now() override { return queue_.try_put(static_cast<Value>(value_)); }
    bool enlist(Waiter& waiter) noexcept override {
        return QueueAccess::enlist_putter(QueueAccess::core(queue_), waiter);
    }
    bool withdraw(Waiter& waiter) noexcept override {
        return QueueAccess::withdraw_putter(QueueAccess::core(queue_), waiter);
    }
    void pass_on() noexcept override { QueueAccess::pass_on_room(QueueAccess::core(queue_)); }
    void run() { this->handler_(); }

private:
    BasicQueue<T, Storage>& queue_;
    Value value_;  // a reference
};

template <class T, class Handler>
class DoneCase final : public HandledCase<DoneCase<T, Handler>, Handler> {
public:
    DoneCase(Future<T>& future, Handler handler)
        : DoneCase::HandledCase(std::move(handler)), future_(future), core_(FutureAccess::core(future)) {}

    bool try_now() override { return core_.done(); }
    bool enlist(Waiter& waiter) noexcept override { return core_.enlist(waiter); }
    bool withdraw(Waiter& waiter) noexcept override {
        core_.withdraw(waiter);
        return false;  // a future wakes all who wait
    }
    void run() { this->handler_(future_); }

private:
    Future<T>& future_;
    FutureCore& core_;
};

template <class Handler>
class TimeCase final : public HandledCase<TimeCase<Handler>, Handler> {
public:
    TimeCase(Deadline deadline, Handler handler) : TimeCase::HandledCase(std::move(handler), deadline) {}
    void run() { this->handler_(); }
};

template <class Handler>
class OtherwiseCase final : public HandledCase<OtherwiseCase<Handler>, Handler> {
public:
    explicit OtherwiseCase(Handler handler) : OtherwiseCase::HandledCase(std::move(handler), never, true) {}
    void run() { this->handler_(); }
};

}  // namespace thrum::internal
