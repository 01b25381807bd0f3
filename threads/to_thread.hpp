// thrum/threads/to_thread.hpp: floor 1, threads
// Calls that block the processor or the kernel, on an ordinary OS thread, while the calling thread is parked.
#pragma once

#include <thrum/threads/event.hpp>
#include <thrum/threads/internal/blocking_pool.hpp>

#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace thrum {

namespace internal {

// Where a call leaves its result or exception.
template <class Result>
class Outcome {
public:
    template <class Call>
    void run(Call& call) noexcept {
        try {
            if constexpr (std::is_void_v<Result>) {
                call();
                value_.emplace();
            } else {
                value_.emplace(call());
            }
        } catch (...) {
            error_ = std::current_exception();
        }
    }
    Result take() {
        if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
        if constexpr (!std::is_void_v<Result>) return std::move(*value_);
    }

private:
    struct Nothing {};
    std::optional<std::conditional_t<std::is_void_v<Result>, Nothing, Result>> value_;
    std::exception_ptr error_;
};

}  // namespace internal

// Python's asyncio.to_thread: runs `function` on an OS thread of a bounded pool (64) and gives back its
// result or exception. The call may use the caller's locals: it is always waited for, so neither cancel() nor
// a deadline cuts it short; the caller's next wait notices them. Callable from threads of every kind.
template <class Function>
requires std::is_invocable_v<Function&> std::invoke_result_t<Function&> to_thread(Function&& function) {
    using Result = std::invoke_result_t<Function&>;
    struct Job final : internal::BlockingJob {
        explicit Job(Function& wrapped) : function(wrapped) {}
        void run() noexcept override {
            outcome.run(function);
            done.set();
        }
        Function& function;
        internal::Outcome<Result> outcome;
        Event done;
    } job(function);
    internal::run_blocking(job);
    internal::wait_shielded(job.done);
    return job.outcome.take();
}

// As to_thread(), but leaves when the calling thread is cancelled (throws Cancelled) or the deadline in force
// passes (throws TimeoutError): the call then ends on its own and its result is dropped. So `function` must
// own all it uses.
template <class Function>
requires std::is_invocable_v < std::decay_t<Function>
& > std::invoke_result_t<std::decay_t<Function>&> to_thread_abandonable(Function&& function) {
    using Result = std::invoke_result_t<std::decay_t<Function>&>;
    struct Shared {
        explicit Shared(Function&& wrapped) : function(std::forward<Function>(wrapped)) {}
        std::decay_t<Function> function;
        internal::Outcome<Result> outcome;
        Event done;
    };
    struct Job final : internal::BlockingJob {
        explicit Job(std::shared_ptr<Shared> both) : shared(std::move(both)) {}
        void run() noexcept override {
            const std::unique_ptr<Job> self(this);
            shared->outcome.run(shared->function);
            shared->done.set();
        }
        std::shared_ptr<Shared> shared;
    };
    auto shared = std::make_shared<Shared>(std::forward<Function>(function));
    auto job = std::make_unique<Job>(shared);
    internal::run_blocking(*job);
    static_cast<void>(job.release());  // it frees itself
    shared->done.wait();
    return shared->outcome.take();
}

}  // namespace thrum
