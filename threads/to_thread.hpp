// thrum/threads/to_thread.hpp: floor 1, threads
// Calls that block the processor or the kernel, on an ordinary OS thread, while the calling thread is parked.
#pragma once

#include <thrum/threads/event.hpp>
#include <thrum/threads/internal/blocking_pool.hpp>
#include <thrum/threads/internal/bound_call.hpp>
#include <thrum/threads/internal/future_state.hpp>

#include <exception>
#include <memory>
#include <type_traits>
#include <utility>

namespace thrum {

namespace internal {

// A call, and where it leaves its result or exception.
template <class Call, class Result>
class BlockingCall {
public:
    explicit BlockingCall(Call&& made) : call_(std::move(made)) {}
    void run() noexcept {
        try {
            place_.fill(call_);
        } catch (...) {
            error_ = std::current_exception();
        }
        done.set();
    }
    Result take() {
        if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
        return place_.take();
    }

    Event done;

private:
    Call call_;
    ResultPlace<Result> place_;
    std::exception_ptr error_;
};

}  // namespace internal

// Python's asyncio.to_thread: runs function(arguments...) on an OS thread of a bounded pool (64) and gives
// back its result or exception. Both are copied or moved in, as by Thread, so std::ref is how to pass a
// reference; and a reference to the caller's locals is fine, for the call is always waited for: neither
// cancel() nor a deadline cuts it short; the caller's next wait notices them. Callable from threads of every
// kind.
template <class Function, class... Arguments>
requires std::is_invocable_v<std::decay_t<Function>, std::decay_t<Arguments>...>
auto to_thread(Function&& function, Arguments&&... arguments)
    -> internal::BoundResult<Function, Arguments...> {
    auto call = internal::bind_call(std::forward<Function>(function), std::forward<Arguments>(arguments)...);
    struct Job final : internal::BlockingJob {
        explicit Job(decltype(call)&& bound) : work(std::move(bound)) {}
        void run() noexcept override { work.run(); }
        internal::BlockingCall<decltype(call), internal::BoundResult<Function, Arguments...>> work;
    } job(std::move(call));
    internal::run_blocking(job);
    internal::wait_shielded(job.work.done);
    return job.work.take();
}

// As to_thread(), but leaves when the calling thread is cancelled (throws Cancelled) or the deadline in force
// passes (throws TimeoutError): the call then ends on its own and its result is dropped. So `function` must
// own all it uses.
template <class Function, class... Arguments>
requires std::is_invocable_v<std::decay_t<Function>, std::decay_t<Arguments>...>
auto to_thread_abandonable(Function&& function, Arguments&&... arguments)
    -> internal::BoundResult<Function, Arguments...> {
    auto call = internal::bind_call(std::forward<Function>(function), std::forward<Arguments>(arguments)...);
    using Work = internal::BlockingCall<decltype(call), internal::BoundResult<Function, Arguments...>>;
    struct Job final : internal::BlockingJob {
        explicit Job(std::shared_ptr<Work> both) : work(std::move(both)) {}
        void run() noexcept override {
            const std::unique_ptr<Job> self(this);
            work->run();
        }
        std::shared_ptr<Work> work;
    };
    const auto work = std::make_shared<Work>(std::move(call));
    auto job = std::make_unique<Job>(work);
    internal::run_blocking(*job);
    static_cast<void>(job.release());  // it frees itself
    work->done.wait();
    return work->take();
}

}  // namespace thrum
