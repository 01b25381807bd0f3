// thrum/threads/thread.hpp: floor 1, threads
// Thread: a fiber that looks like Python's threading.Thread and joins itself.
#pragma once

#include <thrum/base/errors.hpp>
#include <thrum/threads/deadline.hpp>
#include <thrum/threads/internal/bound_call.hpp>
#include <thrum/threads/internal/fiber_start.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <type_traits>
#include <utility>

namespace thrum {

// A Thread was used as none can be: joined twice, joined by itself, joined in the child of a fork.
class ThreadError : public Error {
public:
    using Error::Error;
};

inline constexpr std::size_t default_stack_size = 64 * 1024;

struct ThreadOptions {
    std::string name = {};  // shown in messages; "Thread-N" where empty
    // Bytes, rounded up to whole pages, other sizes than the default to 32 KB, and to 16 KB at least; with
    // the default, the guard page and about 1 KB of bookkeeping come out of it. There is no upper limit but
    // the address space: what is never touched takes no memory, and where the kernel has no room the thread's
    // constructor throws OSError.
    std::size_t stack_size = default_stack_size;
};

// A running function with a stack of its own. Move-only. Starts at once; one that goes out of scope is
// cancelled and joined. A member may be called from any thread; one object is not to be used by two at once.
class Thread {
public:
    Thread() noexcept = default;

    template <class Function, class... Arguments>
    requires(!std::is_same_v<std::decay_t<Function>, Thread> &&
             !std::is_same_v<std::decay_t<Function>, ThreadOptions> &&
             (std::is_invocable_v<std::decay_t<Function>, std::decay_t<Arguments>...> ||
              std::is_invocable_v<std::decay_t<Function>, std::stop_token,
                                  std::decay_t<Arguments>...>)) explicit Thread(Function&& function,
                                                                                Arguments&&... arguments)
        : Thread(ThreadOptions(), std::forward<Function>(function), std::forward<Arguments>(arguments)...) {}

    // Calls function(arguments...) in the new thread; both are copied or moved there, as by std::thread.
    // A function whose first parameter can be a std::stop_token gets this thread's, as with std::jthread.
    // Throws OSError when there is no memory for a stack.
    template <class Function, class... Arguments>
    requires(std::is_invocable_v<std::decay_t<Function>, std::stop_token,
                                 std::decay_t<Arguments>...>) explicit Thread(const ThreadOptions& options,
                                                                              Function&& function,
                                                                              Arguments&&... arguments)
        : stop_(std::stop_source()),
          fiber_(
              internal::start_fiber({options.name, options.stack_size},
                                    internal::bind_call(std::forward<Function>(function), stop_.get_token(),
                                                        std::forward<Arguments>(arguments)...))) {}
    template <class Function, class... Arguments>
    requires(std::is_invocable_v<std::decay_t<Function>, std::decay_t<Arguments>...> &&
             !std::is_invocable_v<std::decay_t<Function>, std::stop_token,
                                  std::decay_t<Arguments>...>) explicit Thread(const ThreadOptions& options,
                                                                               Function&& function,
                                                                               Arguments&&... arguments)
        : fiber_(internal::start_fiber(
              {options.name, options.stack_size},
              internal::bind_call(std::forward<Function>(function), std::forward<Arguments>(arguments)...))) {
    }

    Thread(Thread&& other) noexcept
        : stop_(std::exchange(other.stop_, std::stop_source(std::nostopstate))),
          cancelled_(other.cancelled_),
          fiber_(std::exchange(other.fiber_, nullptr)) {}
    Thread& operator=(Thread&& other) noexcept;
    // Cancels and joins; an exception nobody joined for goes to the excepthook (excepthook.hpp).
    ~Thread();

    // Waits for the function to end and rethrows what it threw (but Cancelled after cancel()). Throws
    // TimeoutError, Cancelled (of the caller), ThreadError when not joinable. After it returns or rethrows,
    // not joinable.
    void join();
    // Waits up to `timeout`; false when the thread still runs. Otherwise as join().
    bool join_for(std::chrono::nanoseconds timeout);
    bool joinable() const noexcept { return fiber_ != nullptr; }
    // Whether its function has not ended at this moment; false when not joinable.
    bool is_alive() const noexcept;
    // Lets it run on its own. Its uncaught exceptions go to the excepthook (excepthook.hpp).
    void detach();
    // Asks it to stop: its present or next wait throws Cancelled, once for each call, and its
    // std::stop_token says so. Callbacks on that token run in here. Does not wait.
    void cancel();
    // As of std::jthread: asks by the token alone, so that waits go on. False where that was done before.
    bool request_stop();
    std::stop_source get_stop_source();
    std::stop_token get_stop_token() { return get_stop_source().get_token(); }

    // Unique while the process lives; 0 when not joinable.
    std::uint64_t id() const noexcept;
    std::string name() const;
    // The worker that runs it, from 0 up, for good; nothing before it first runs, and when not joinable.
    std::optional<std::size_t> worker() const;

private:
    bool join_until(Deadline deadline);

    std::stop_source stop_{std::nostopstate};  // made when first asked for
    bool cancelled_ = false;
    internal::Fiber* fiber_ = nullptr;
};

// The calling thread, fiber or not, gives way to others that are ready. Not a cancellation point.
void yield();
// Throws Cancelled if the calling thread was asked to stop, TimeoutError when the deadline in force has
// passed.
void check_cancelled();
// The calling thread's id and name; plain threads have them too, and the first one's is "main".
std::uint64_t current_thread_id();
std::string current_thread_name();

// Waits. Throws Cancelled, and TimeoutError when a Timeout scope's deadline comes first.
void sleep_until(Deadline deadline);
inline void sleep(std::chrono::nanoseconds duration) { sleep_until(deadline_after(duration)); }

}  // namespace thrum
