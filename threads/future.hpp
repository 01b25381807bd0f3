// thrum/threads/future.hpp: floor 1, threads
// Future: the result of a call that another thread makes; as_completed: futures in the order of finishing.
#pragma once

#include <thrum/base/errors.hpp>
#include <thrum/threads/internal/future_state.hpp>
#include <thrum/threads/queue.hpp>

#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

namespace thrum {

// result() of a future that was cancelled. Python's concurrent.futures.CancelledError.
class CancelledError : public Error {
public:
    CancelledError() : Error("the call was cancelled") {}
};

// Python's concurrent.futures.Future. A move-only handle; dropping it does not stop the call. Thread-safe but
// for moving and destroying the handle itself. Waits throw Cancelled, and TimeoutError when the deadline in
// force or the given time passes first.
template <class T>
class Future {
public:
    Future() noexcept = default;
    explicit Future(internal::StateHandle<T> state) noexcept : state_(std::move(state)) {}

    // Waits for the call and gives its result, or rethrows its exception; CancelledError where it was
    // cancelled. On an lvalue a reference into the future, valid as long as the future; on an rvalue the
    // result itself.
    std::add_lvalue_reference_t<T> result() & { return result_until(never); }
    std::add_lvalue_reference_t<T> result(std::chrono::nanoseconds timeout) & {
        return result_until(deadline_after(timeout));
    }
    T result() && {
        if constexpr (std::is_void_v<T>) {
            result_until(never);
        } else {
            return std::move(result_until(never));
        }
    }

    // Waits; the call's exception, or nullptr. CancelledError where it was cancelled.
    std::exception_ptr exception() {
        wait();
        if (core().cancelled()) throw CancelledError();
        return core().error();
    }
    void wait() { core().wait_until(never); }
    // False when it is not done after `timeout`.
    bool wait_for(std::chrono::nanoseconds timeout) { return core().wait_until(deadline_after(timeout)); }

    bool valid() const noexcept { return state_ != nullptr; }
    bool done() const noexcept { return core().done(); }
    bool running() const noexcept { return core().running(); }
    bool cancelled() const noexcept { return core().cancelled(); }
    // A call that has not begun never will; a running one is asked to stop: its present or next wait throws
    // Cancelled. False when it was done already.
    bool cancel() { return core().cancel(); }

    // Calls `callback(Future<T>&)` once done, at once if it is: on the thread that finishes or cancels the
    // call. What it throws is reported on standard error.
    template <class Callback>
    void add_done_callback(Callback callback) {
        core().add_callback([state = state_, callback = std::move(callback)]() mutable {
            Future<T> future(std::move(state));
            callback(future);
        });
    }

private:
    internal::FutureCore& core() const {
        if (state_ == nullptr) throw Error("this future is empty: it was moved from or never filled");
        return *state_;
    }
    std::add_lvalue_reference_t<T> result_until(Deadline deadline) {
        if (!core().wait_until(deadline)) throw TimeoutError("the call is not done yet");
        if (core().cancelled()) throw CancelledError();
        if (core().error()) std::rethrow_exception(core().error());
        if constexpr (!std::is_void_v<T>) return *state_->value;
    }

    internal::StateHandle<T> state_;
};

namespace internal {

// The range of as_completed(): yields each future once, when it is done.
template <class T>
class Completed {
public:
    Completed(std::vector<Future<T>>& futures, Deadline deadline)
        : futures_(&futures), order_(std::make_shared<Queue<std::size_t>>()), deadline_(deadline) {
        for (std::size_t i = 0; i < futures.size(); ++i) {
            futures[i].add_done_callback([order = order_, i](Future<T>&) { order->put(i); });
        }
    }

    struct End {};
    class Iterator {
    public:
        explicit Iterator(Completed& range) : range_(&range) { ++*this; }
        Future<T>& operator*() const { return (*range_->futures_)[index_]; }
        Iterator& operator++() {
            if (left_ == 0) {
                left_ = -1;
                return *this;
            }
            --left_;
            const Timeout scope(range_->deadline_);
            index_ = *range_->order_->get();
            return *this;
        }
        bool operator==(End) const { return left_ < 0; }

    private:
        Completed* range_;
        std::size_t index_ = 0;
        std::ptrdiff_t left_ = static_cast<std::ptrdiff_t>(range_->futures_->size());
    };

    Iterator begin() { return Iterator(*this); }
    End end() const { return {}; }

private:
    std::vector<Future<T>>* futures_;
    std::shared_ptr<Queue<std::size_t>> order_;
    Deadline deadline_;
};

}  // namespace internal

// for (auto& future : as_completed(futures)): each as soon as it is done. `futures` must stay as it is
// meanwhile. The iteration throws TimeoutError when the timeout passes first, Cancelled when the caller is
// cancelled.
template <class T>
internal::Completed<T> as_completed(std::vector<Future<T>>& futures) {
    return internal::Completed<T>(futures, never);
}
template <class T>
internal::Completed<T> as_completed(std::vector<Future<T>>& futures, std::chrono::nanoseconds timeout) {
    return internal::Completed<T>(futures, deadline_after(timeout));
}

}  // namespace thrum
