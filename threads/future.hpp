// thrum/threads/future.hpp: floor 1, threads
// Future: the result of a call that another thread makes, or of whatever a Promise stands for.
#pragma once

#include <thrum/base/errors.hpp>
#include <thrum/threads/deadline.hpp>
#include <thrum/threads/internal/future_state.hpp>
#include <thrum/threads/internal/then.hpp>

#include <chrono>
#include <exception>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

namespace thrum {

class Executor;
namespace internal {
struct FutureAccess;
}

// result() of a future that was cancelled. Python's concurrent.futures.CancelledError.
class CancelledError : public Error {
public:
    CancelledError() : Error("the call was cancelled") {}
};

// A future or promise was asked for what its state does not allow: it is empty, its result was taken out
// before, it has a result already. Python's concurrent.futures.InvalidStateError.
class InvalidStateError : public Error {
public:
    using Error::Error;
};

// Python's concurrent.futures.Future. A move-only handle; dropping it does not stop the call. Thread-safe but
// for moving and destroying the handle itself. Waits throw Cancelled, and TimeoutError when the deadline in
// force or the given time passes first. All members but valid() throw InvalidStateError on an empty future:
// one that was made without a state or moved from.
template <class T>
class Future {
public:
    Future() noexcept = default;
    explicit Future(internal::StateHandle<T> state) noexcept : state_(std::move(state)) {}

    // Waits for the call and gives its result, or rethrows its exception; CancelledError where it was
    // cancelled. On an lvalue a reference into the future, valid as long as the future, as often as asked.
    // On an rvalue the result itself, which leaves the future without it: whoever reads it again, through
    // this handle or one that a callback was given, gets InvalidStateError. Results that are void or
    // references are not taken out, and exceptions are rethrown as often as asked.
    std::add_lvalue_reference_t<T> result() & { return result_until(never); }
    std::add_lvalue_reference_t<T> result(std::chrono::nanoseconds timeout) & {
        return result_until(deadline_after(timeout));
    }
    T result() && { return take_until(never); }
    T result(std::chrono::nanoseconds timeout) && { return take_until(deadline_after(timeout)); }

    // Waits; the call's exception, or nullptr. CancelledError where it was cancelled.
    std::exception_ptr exception() { return exception_until(never); }
    std::exception_ptr exception(std::chrono::nanoseconds timeout) {
        return exception_until(deadline_after(timeout));
    }
    // Waits until it is done, in whichever way.
    void wait() { core().wait_until(never); }
    // False when it is not done after `timeout`.
    bool wait_for(std::chrono::nanoseconds timeout) { return core().wait_until(deadline_after(timeout)); }

    bool valid() const noexcept { return state_ != nullptr; }
    bool done() const { return core().done(); }
    bool running() const { return core().running(); }
    bool cancelled() const { return core().cancelled(); }
    // A call that has not begun never will; a running one is asked to stop: its present or next wait throws
    // Cancelled. True when it was cancelled before too. False when it is done, and when it is a Promise's and
    // was set running.
    bool cancel() { return core().cancel(); }

    // Calls `callback(Future<T>&)` once done, at once if it is: on the thread that finishes or cancels the
    // call, in the order of adding. What it throws is reported on standard error; a Cancelled reaches that
    // thread at its next wait.
    template <class Callback>
    requires std::is_invocable_v < std::decay_t<Callback>
    &, Future<T>& > void add_done_callback(Callback&& callback) {
        core().add_continuation(
            std::make_unique<DoneCallback<std::decay_t<Callback>>>(state_, std::forward<Callback>(callback)));
    }

    // A new future, of continuation(result); where that is a Future<U> itself, a Future<U> that ends as it
    // does (once it does: until then cancel() is passed on to it), its result having been taken out;
    // InvalidStateError where it is empty. The continuation runs on the thread that finishes this call (at
    // once, on the caller's, where it is done), or as a call of `executor`, which must live until then. It is
    // given T& by an lvalue future; by an rvalue T&&, the result having been taken out. Where this call fails
    // or is cancelled, so does the new future, and the continuation is not called. Cancelling the new future
    // leaves this one alone. A chain may be of any length: it does not nest on the stack.
    template <class Function>
    auto then(Function&& continuation) & {
        return chain<false>(nullptr, std::forward<Function>(continuation));
    }
    template <class Function>
    auto then(Executor& executor, Function&& continuation) & {
        return chain<false>(&executor, std::forward<Function>(continuation));
    }
    template <class Function>
    auto then(Function&& continuation) && {
        return chain<true>(nullptr, std::forward<Function>(continuation));
    }
    template <class Function>
    auto then(Executor& executor, Function&& continuation) && {
        return chain<true>(&executor, std::forward<Function>(continuation));
    }

private:
    friend struct internal::FutureAccess;
    template <class Other>
    friend class Future;

    template <class Function>
    class DoneCallback final : public internal::Callback {
    public:
        DoneCallback(internal::StateHandle<T> state, Function callback)
            : state_(std::move(state)), callback_(std::move(callback)) {}

    private:
        void call() override {
            Future<T> future(std::move(state_));
            callback_(future);
        }
        internal::StateHandle<T> state_;
        Function callback_;
    };

    internal::FutureCore& core() const {
        if (state_ == nullptr) {
            throw InvalidStateError("this future is empty: it was moved from or never filled");
        }
        return *state_;
    }
    void wait_for_result(Deadline deadline) {
        if (!core().wait_until(deadline)) throw TimeoutError("the call is not done yet");
        if (core().cancelled()) throw CancelledError();
    }
    std::add_lvalue_reference_t<T> result_until(Deadline deadline) {
        wait_for_result(deadline);
        if (core().error()) std::rethrow_exception(core().error());
        if (state_->result.taken()) internal::throw_result_taken();
        return state_->result.get();
    }
    T take_until(Deadline deadline) {
        wait_for_result(deadline);
        if (core().error()) std::rethrow_exception(core().error());
        if (!state_->result.claim()) internal::throw_result_taken();
        return state_->result.take();
    }
    std::exception_ptr exception_until(Deadline deadline) {
        wait_for_result(deadline);
        return core().error();
    }

    template <bool taking, class Function>
    auto chain(Executor* executor, Function&& continuation) {
        core();
        using Call = internal::ThenCall<T, std::decay_t<Function>, taking>;
        using Result = typename Call::Result;
        using Value = typename internal::Unwrapped<Result>::Value;
        auto call = Call(state_, std::forward<Function>(continuation));
        if constexpr (internal::Unwrapped<Result>::is_future) {
            auto give = [call = std::move(call)]() mutable { return std::move(call().state_); };
            using State = internal::FollowingState<Value, decltype(give)>;
            return link<taking>(executor, internal::StateHandle<Value>(new State(std::move(give))));
        } else {
            using State = internal::CallState<Value, Call>;
            return link<taking>(executor, internal::StateHandle<Value>(new State(std::move(call))));
        }
    }
    template <bool taking, class Value>
    Future<Value> link(Executor* executor, internal::StateHandle<Value> derived) {
        state_->add_continuation(std::make_unique<internal::Then>(*state_, *derived, executor));
        if constexpr (taking) state_ = nullptr;
        return Future<Value>(std::move(derived));
    }

    internal::StateHandle<T> state_;
};

namespace internal {

// What other rooms of this floor need of a future.
struct FutureAccess {
    template <class T>
    static FutureCore& core(const Future<T>& future) {
        return future.core();
    }
};

}  // namespace internal

}  // namespace thrum
