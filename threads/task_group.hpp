// thrum/threads/task_group.hpp: floor 1, threads
// TaskGroup: threads that live no longer than their block (structured concurrency).
#pragma once

#include <thrum/base/errors.hpp>
#include <thrum/threads/exception_group.hpp>
#include <thrum/threads/internal/bound_call.hpp>
#include <thrum/threads/internal/fiber_start.hpp>
#include <thrum/threads/internal/wait_list.hpp>
#include <thrum/threads/thread.hpp>

#include <cstddef>
#include <exception>
#include <type_traits>
#include <utility>
#include <vector>

namespace thrum {

// Like Python's asyncio.TaskGroup: the first thread that throws makes the others be cancelled, and wait()
// rethrows once all have ended: a single error as itself, so that it is caught as if called straight; where
// others failed too before they heard of the cancel, or in stopping, an ExceptionGroup of all. The destructor
// cancels and waits; call wait() to let them finish and to hear of errors. start() and cancel() may be called
// from any thread, members of the group included.
class TaskGroup {
public:
    TaskGroup() noexcept = default;
    ~TaskGroup();
    TaskGroup(const TaskGroup&) = delete;
    TaskGroup& operator=(const TaskGroup&) = delete;

    template <class Function, class... Arguments>
    requires std::is_invocable_v<std::decay_t<Function>, std::decay_t<Arguments>...>
    void start(Function&& function, Arguments&&... arguments) {
        start(ThreadOptions(), std::forward<Function>(function), std::forward<Arguments>(arguments)...);
    }
    template <class Function, class... Arguments>
    requires std::is_invocable_v<std::decay_t<Function>, std::decay_t<Arguments>...>
    void start(const ThreadOptions& options, Function&& function, Arguments&&... arguments) {
        auto call =
            internal::bind_call(std::forward<Function>(function), std::forward<Arguments>(arguments)...);
        Member& member = announce();
        try {
            adopt(member, internal::start_fiber({options.name, options.stack_size},
                                                [this, &member, call = std::move(call)]() mutable {
                                                    run(member, std::move(call));
                                                }));
        } catch (...) {
            end(member, nullptr);
            delete &member;
            throw;
        }
    }

    // Asks all of them to stop.
    void cancel() noexcept;
    // Waits until all have ended, those started meanwhile too, then rethrows what failed, and the group can
    // be used again. Throws Cancelled when the caller was asked to stop, TimeoutError when the deadline in
    // force passed; the threads go on then.
    void wait();
    std::size_t size() const noexcept;

private:
    // One thread of the group. Freed by whichever comes last: the end of its call or adopt().
    struct Member {
        internal::Fiber* fiber = nullptr;
        Member* previous = nullptr;
        Member* next = nullptr;
        bool ended = false;
    };

    template <class Call>
    void run(Member& member, Call&& call) noexcept {
        std::exception_ptr error;
        try {
            // Moved out of the thread's closure: all it holds is gone before wait() can return.
            auto once = std::move(call);  // NOLINT(bugprone-move-forwarding-reference)
            once();
        } catch (const Cancelled&) {
            // It was asked to stop, and has.
        } catch (...) {
            error = std::current_exception();
        }
        end(member, std::move(error));
    }

    Member& announce();
    void adopt(Member& member, internal::Fiber* fiber) noexcept;
    void end(Member& member, std::exception_ptr error) noexcept;
    void keep(std::exception_ptr error) noexcept;
    void cancel_locked() noexcept;

    mutable internal::Spin spin_;
    Member* first_ = nullptr;
    std::size_t running_ = 0;
    std::exception_ptr error_;  // the first
    std::vector<std::exception_ptr> more_errors_;
    bool cancelled_ = false;
    internal::WaitList waiters_{"TaskGroup"};
};

}  // namespace thrum
