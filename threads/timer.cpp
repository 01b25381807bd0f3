// thrum/threads/timer.cpp: floor 1, threads
// All timers that wait are in one wheel, guarded by a Spin. One thread, the keeper, sleeps until the next of
// them is due, starts its thread, and ends when no timer is left: a program without timers has no keeper, and
// one whose threads all sleep for ever shows none that could still wake them.
#include <thrum/base/errors.hpp>
#include <thrum/threads/event.hpp>
#include <thrum/threads/internal/atomic.hpp>
#include <thrum/threads/internal/clock.hpp>
#include <thrum/threads/internal/spin.hpp>
#include <thrum/threads/internal/timer_wheel.hpp>
#include <thrum/threads/internal/wait_list.hpp>
#include <thrum/threads/timer.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <exception>

namespace thrum {

namespace internal {

struct TimerState : TimerNode {
    enum class Phase : std::uint8_t { waiting, due, decided };

    TimerState(const ThreadOptions& given, std::unique_ptr<TimerCall> made)
        : options(given), call(std::move(made)) {}

    void release() noexcept {
        if (references.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
    }
    void report_refusal() const noexcept;

    const ThreadOptions options;
    std::unique_ptr<TimerCall> call;  // of whoever leads out of Phase::waiting
    Phase phase = Phase::waiting;     // under the keeper's Spin
    bool detached = false;            // as well
    Event decided;                    // it was cancelled, or has its thread, or was refused one
    Thread thread;                    // the keeper's until `decided`, then the handle's
    std::exception_ptr refused;       // as well
    TimerState* next_due = nullptr;
    Atomic<unsigned> references = 2;  // the handle's and the keeper's; then also the thread's
};

void TimerState::report_refusal() const noexcept {
    if (!refused) return;
    try {
        std::rethrow_exception(refused);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "thrum: a timer's function was not called: %s\n", error.what());
    }
}

namespace {

// Timers that may come due at once without the others of the keeper's worker getting their turn in between.
constexpr std::size_t most_at_once = 16;

class TimerKeeper {
public:
    void add(TimerState& state, Deadline at);
    // True when it was waiting still: then the caller decides it, and has the keeper's reference.
    bool take(TimerState& state) noexcept;
    // Nobody will ask for its thread. False when that is decided already.
    bool detach(TimerState& state) noexcept;

private:
    enum class Life : std::uint8_t { none, starting, running };

    void keep() noexcept;
    // Up to `most_at_once`; `more` where there may be others.
    TimerState* take_due(bool& more) noexcept;
    void start(TimerState& state) noexcept;

    Spin spin_;
    TimerWheel wheel_{now()};
    std::size_t waiting_ = 0;
    Life life_ = Life::none;  // of the thread that runs keep()
    std::uint64_t starts_ = 0;
    Deadline planned_ = never;  // until when it sleeps
    WaitList sleeper_{"the next Timer"};
};

// Never destroyed: detached timers may wait until the process ends.
TimerKeeper& keeper() {
#if defined(THRUM_MODEL)
    return model::of_this_schedule<TimerKeeper>();
#else
    static auto* const made = new TimerKeeper;
    return *made;
#endif
}

void TimerKeeper::add(TimerState& state, Deadline at) {
    SpinGuard guard(spin_);
    for (Backoff backoff; life_ == Life::starting; guard.lock(spin_)) {
        guard.unlock();
        backoff.pause();
    }
    wheel_.add(state, at);
    ++waiting_;
    if (life_ == Life::running) {
        if (wheel_.next() >= planned_) return;
        Task* const task = sleeper_.claim_one();
        guard.unlock();
        if (task != nullptr) task->wake();
        return;
    }
    life_ = Life::starting;
    const std::uint64_t start = ++starts_;
    guard.unlock();
    try {
        Thread(ThreadOptions{.name = "timers"}, [this] { keep(); }).detach();
        // Others wait for this on the spot, so it must not depend on the keeper's turn to run.
        guard.lock(spin_);
        if (life_ == Life::starting && starts_ == start) life_ = Life::running;
    } catch (...) {
        guard.lock(spin_);
        life_ = Life::none;
        wheel_.remove(state);
        --waiting_;
        throw;
    }
}

bool TimerKeeper::take(TimerState& state) noexcept {
    SpinGuard guard(spin_);
    if (state.phase != TimerState::Phase::waiting) return false;
    state.phase = TimerState::Phase::decided;
    wheel_.remove(state);
    --waiting_;
    return true;
}

bool TimerKeeper::detach(TimerState& state) noexcept {
    SpinGuard guard(spin_);
    if (state.phase == TimerState::Phase::decided) return false;
    state.detached = true;
    return true;
}

void TimerKeeper::keep() noexcept {
    Task& self = current_task();
    SpinGuard guard(spin_);
    life_ = Life::running;
    for (;;) {
        bool more = false;
        if (TimerState* due = take_due(more); due != nullptr || more) {
            guard.unlock();
            while (due != nullptr) start(*std::exchange(due, due->next_due));
            yield();
            guard.lock(spin_);
        } else if (waiting_ > 0) {
            planned_ = wheel_.next();
            wait_on(sleeper_, spin_, guard, self, planned_);
            guard.lock(spin_);
        } else {
            life_ = Life::none;
            return;
        }
    }
}

TimerState* TimerKeeper::take_due(bool& more) noexcept {
    TimerState* first = nullptr;
    TimerState** last = &first;
    const auto take = [&](TimerNode& node) {
        auto& state = static_cast<TimerState&>(node);
        state.phase = TimerState::Phase::due;
        --waiting_;
        *last = &state;
        last = &state.next_due;
    };
    more = !wheel_.advance(now(), take, most_at_once);
    return first;
}

void TimerKeeper::start(TimerState& state) noexcept {
    state.references.fetch_add(1, std::memory_order_relaxed);
    try {
        state.thread = Thread(state.options, [&state] {
            struct Release {
                TimerState& state;
                ~Release() { state.release(); }
            } release{state};
            // Moved out: all it holds is gone before join() returns.
            const std::unique_ptr<TimerCall> call = std::move(state.call);
            call->run();
        });
    } catch (const std::exception&) {
        state.refused = std::current_exception();
        state.call.reset();
        state.release();
    }
    SpinGuard guard(spin_);
    state.phase = TimerState::Phase::decided;
    const bool detached = state.detached;
    guard.unlock();
    if (detached) {
        if (state.thread.joinable()) state.thread.detach();
        state.report_refusal();
    }
    state.decided.set();
    state.release();
}

}  // namespace

TimerState* start_timer(const ThreadOptions& options, Deadline at, std::unique_ptr<TimerCall> call) {
    auto state = std::make_unique<TimerState>(options, std::move(call));
    keeper().add(*state, at);
    return state.release();
}

}  // namespace internal

using internal::keeper;

Timer& Timer::operator=(Timer&& other) noexcept {
    if (this != &other) {
        const Timer old(std::move(*this));  // cancelled and joined at the end of this block
        state_ = std::exchange(other.state_, nullptr);
    }
    return *this;
}

Timer::~Timer() {
    if (state_ == nullptr) return;
    if (!cancel()) {
        internal::wait_shielded(state_->decided);
        state_->thread = Thread();  // cancels it and joins
        state_->report_refusal();
    }
    drop();
}

void Timer::drop() noexcept { std::exchange(state_, nullptr)->release(); }

bool Timer::cancel() noexcept {
    if (state_ == nullptr || !keeper().take(*state_)) return false;
    state_->call.reset();
    state_->decided.set();
    state_->release();
    return true;
}

bool Timer::join_until(Deadline deadline) {
    if (state_ == nullptr) throw Error("cannot join this timer: it was joined, detached or moved from");
    if (!state_->decided.wait_until(deadline)) return false;
    Thread& thread = state_->thread;
    if (thread.joinable()) {
        try {
            const Deadline now = internal::now();
            if (deadline == never) {
                thread.join();
            } else if (!thread.join_for(std::max(deadline, now) - now)) {
                return false;
            }
        } catch (...) {
            // Thrown by the function, or by this wait, which can be made again.
            if (!thread.joinable()) drop();
            throw;
        }
    }
    const std::exception_ptr refused = std::exchange(state_->refused, nullptr);
    drop();
    if (refused) std::rethrow_exception(refused);
    return true;
}

void Timer::detach() {
    if (state_ == nullptr) throw Error("cannot detach this timer: it was joined, detached or moved from");
    if (!keeper().detach(*state_)) {
        // Decided, and about to be set.
        internal::wait_shielded(state_->decided);
        if (state_->thread.joinable()) state_->thread.detach();
        state_->report_refusal();
    }
    drop();
}

}  // namespace thrum
