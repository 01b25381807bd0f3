// thrum/threads/timer.hpp: floor 1, threads
// Timer: a function that is called later, unless it is cancelled before.
#pragma once

#include <thrum/threads/deadline.hpp>
#include <thrum/threads/internal/bound_call.hpp>
#include <thrum/threads/thread.hpp>

#include <chrono>
#include <concepts>
#include <memory>
#include <type_traits>
#include <utility>

namespace thrum {

namespace internal {

struct TimerState;

// What a Timer calls.
struct TimerCall {
    TimerCall() = default;
    TimerCall(const TimerCall&) = delete;
    TimerCall& operator=(const TimerCall&) = delete;
    virtual ~TimerCall() = default;
    virtual void run() = 0;
};

TimerState* start_timer(const ThreadOptions& options, Deadline at, std::unique_ptr<TimerCall> call);

}  // namespace internal

// Python's threading.Timer, running from the start. Move-only. Costs no stack until its time has come, O(1)
// to start and to cancel; then the function runs in a Thread of its own, never early. One that goes out of
// scope is cancelled, and joined if it runs. A member may be called from any thread, the function included;
// one object is not to be used by two at once.
class Timer {
public:
    Timer() noexcept = default;

    // Calls function(arguments...), both of which are copied or moved in, after `interval`, at once where it
    // is negative. `options` are those of the thread it will run in. Throws OSError when nothing can be
    // started at all.
    template <class Function, class... Arguments>
    requires std::is_invocable_v<std::decay_t<Function>, std::decay_t<Arguments>...> Timer(
        std::chrono::nanoseconds interval, Function&& function, Arguments&&... arguments)
        : Timer(ThreadOptions(), deadline_after(interval), std::forward<Function>(function),
                std::forward<Arguments>(arguments)...) {}
    template <class Function, class... Arguments>
    requires std::is_invocable_v<std::decay_t<Function>, std::decay_t<Arguments>...> Timer(
        const ThreadOptions& options, std::chrono::nanoseconds interval, Function&& function,
        Arguments&&... arguments)
        : Timer(options, deadline_after(interval), std::forward<Function>(function),
                std::forward<Arguments>(arguments)...) {}
    template <class Function, class... Arguments>
    requires std::is_invocable_v<std::decay_t<Function>, std::decay_t<Arguments>...> Timer(
        const ThreadOptions& options, Deadline at, Function&& function, Arguments&&... arguments) {
        auto bound_call =
            internal::bind_call(std::forward<Function>(function), std::forward<Arguments>(arguments)...);
        struct Call final : internal::TimerCall {
            explicit Call(decltype(bound_call)&& made) : call(std::move(made)) {}
            void run() override { call(); }
            decltype(bound_call) call;
        };
        state_ = internal::start_timer(options, at, std::make_unique<Call>(std::move(bound_call)));
    }

    Timer(Timer&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
    Timer& operator=(Timer&& other) noexcept;
    // Cancels; where the function runs already, cancels its thread and joins it. What that threw and nobody
    // joined for is reported to standard error.
    ~Timer();

    // True when the function will now never be called; false when it was called, or cancelled before. Does
    // not stop a function that runs.
    bool cancel() noexcept;
    // Waits until the function has returned or the timer was cancelled, and rethrows what it threw; OSError
    // when there was no memory for its stack. Throws Cancelled and TimeoutError of the caller, Error when not
    // joinable, as it is not after join() has returned or rethrown.
    void join() { join_until(never); }
    // False when the duration passed first. Otherwise as join().
    bool join_for(std::chrono::nanoseconds duration) { return join_until(deadline_after(duration)); }
    bool joinable() const noexcept { return state_ != nullptr; }
    // Lets it run on its own. Throws Error when not joinable.
    void detach();

private:
    bool join_until(Deadline deadline);
    void drop() noexcept;

    internal::TimerState* state_ = nullptr;
};

}  // namespace thrum
