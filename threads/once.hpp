// thrum/threads/once.hpp: floor 1, threads
// Once: what is to be done one time, whoever comes first.
#pragma once

#include <thrum/threads/internal/atomic.hpp>
#include <thrum/threads/internal/wait_list.hpp>

#include <cstdint>
#include <functional>
#include <utility>

namespace thrum {

// C++'s std::once_flag, for threads of every kind: those that come while the function runs wait for it, and
// their fibers park. Thread-safe. Not to be destroyed while a call() runs.
class Once {
public:
    Once() noexcept = default;
    Once(const Once&) = delete;
    Once& operator=(const Once&) = delete;

    // Calls function(arguments...) unless a call before this one has returned; when it returns, one has, and
    // all that it did is seen. A call that throws leaves it open: its exception passes to its own caller, and
    // the next in line calls its own function. While waiting for another thread's call, throws Cancelled, and
    // TimeoutError when the deadline in force passes; the other call goes on. Throws Error from within the
    // function, which would wait for itself.
    template <class Function, class... Arguments>
    void call(Function&& function, Arguments&&... arguments) {
        if (done() || !begin()) return;
        struct Ending {
            Once& once;
            bool returned = false;
            ~Ending() { once.end(returned); }
        } ending{*this};
        std::invoke(std::forward<Function>(function), std::forward<Arguments>(arguments)...);
        ending.returned = true;
    }

    // Whether a call has returned.
    bool done() const noexcept { return state_.load(std::memory_order_acquire) == State::done; }

private:
    enum class State : std::uint8_t { open, running, done };

    // False when it was done meanwhile; true when it is the caller's to do.
    bool begin();
    void end(bool returned) noexcept;

    internal::Spin spin_;
    internal::Atomic<State> state_ = State::open;
    std::uint64_t runner_ = 0;  // the id of the thread that runs the function
    internal::WaitList waiters_{"Once"};
};

}  // namespace thrum
