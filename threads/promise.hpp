// thrum/threads/promise.hpp: floor 1, threads
// Promise: the writing end of a Future, for executors and callbacks of one's own.
#pragma once

#include <thrum/threads/future.hpp>

#include <exception>
#include <memory>
#include <type_traits>
#include <utility>

namespace thrum {

// The exception of a future whose Promise was dropped without a result.
class BrokenPromise : public Error {
public:
    BrokenPromise() : Error("the promise was dropped before it was kept: the call has no result") {}
};

// What Python's executors do with a Future by hand: set_running_or_notify_cancel(), then set_result() or
// set_exception(), each once. Move-only. Thread-safe but for moving and destroying the handle itself; waiters
// wake and callbacks run on the thread that sets. Dropping it unkept ends the future with BrokenPromise.
template <class T>
class Promise {
public:
    Promise() : state_(new internal::PromiseState<T>) {}
    Promise(Promise&&) noexcept = default;
    Promise& operator=(Promise&& other) noexcept {
        abandon();
        state_ = std::move(other.state_);
        return *this;
    }
    ~Promise() { abandon(); }

    // As many handles as asked for, all of one future. Throws InvalidStateError when moved from, as all
    // members do.
    Future<T> future() const {
        core();
        return Future<T>(state_);
    }

    // False when the future was cancelled: there is nothing to do then. From here on cancel() is refused.
    // Throws InvalidStateError when called twice.
    bool set_running_or_notify_cancel() { return core().begin(); }

    // Throws InvalidStateError where the future is done or cancelled already. Where copying or moving the
    // value throws, the promise is as before.
    template <class Value = T>
    requires(!std::is_void_v<T> &&
             std::is_constructible_v<std::remove_cvref_t<T>, Value>) void set_result(Value&& value) {
        keep([&]() -> decltype(auto) { return std::forward<Value>(value); });
    }
    void set_result() requires std::is_void_v<T> {
        keep([] {});
    }
    // std::current_exception() inside a catch, for one. Throws InvalidStateError as set_result() does, and
    // when there is no exception in `error`.
    void set_exception(std::exception_ptr error) {
        if (error == nullptr) throw InvalidStateError("cannot end a future with no exception at all");
        claim();
        core().complete(std::move(error));
    }
    template <class Exception>
    requires(!std::is_convertible_v<Exception, std::exception_ptr>) void set_exception(
        Exception&& exception) {
        set_exception(std::make_exception_ptr(std::forward<Exception>(exception)));
    }

private:
    internal::FutureCore& core() const {
        if (state_ == nullptr) throw InvalidStateError("this promise is empty: it was moved from");
        return *state_;
    }
    void claim() {
        if (!core().claim_completion()) {
            throw InvalidStateError(core().cancelled() ? "this future was cancelled: it takes no result"
                                                       : "this future is done: it takes no second result");
        }
    }
    template <class Maker>
    void keep(Maker&& maker) {
        claim();
        try {
            state_->result.fill(maker);
        } catch (...) {
            core().unclaim_completion();
            throw;
        }
        core().complete(nullptr);
    }
    void abandon() noexcept {
        if (state_ == nullptr) return;
        if (state_->claim_completion()) state_->complete(std::make_exception_ptr(BrokenPromise()));
        state_ = nullptr;
    }

    internal::StateHandle<T> state_;
};

}  // namespace thrum
