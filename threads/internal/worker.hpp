// thrum/threads/internal/worker.hpp: floor 1, threads
// One OS thread that runs fibers: its ready queue, its new fibers, its timers and its reactor.
#pragma once

#include <thrum/threads/internal/atomic.hpp>
#include <thrum/threads/internal/counter.hpp>
#include <thrum/threads/internal/fiber.hpp>
#include <thrum/threads/internal/nursery.hpp>
#include <thrum/threads/internal/reactor.hpp>
#include <thrum/threads/internal/timer_wheel.hpp>

#include <cstddef>
#include <memory>
#include <vector>

namespace thrum::internal {

class Runtime;

// Members are called by the worker's own OS thread unless they say otherwise.
class Worker {
public:
    Worker(Runtime& runtime, std::unique_ptr<Reactor> reactor);

    // The worker whose OS thread calls; nullptr on any other thread.
    static Worker* current() noexcept { return current_; }

    // The OS thread's main function; never returns.
    [[noreturn]] void run();

    Fiber* running() const noexcept { return running_.load(std::memory_order_relaxed); }
    // gettid(2) of its OS thread; 0 before it runs. By any thread.
    int os_id() const noexcept { return os_id_.load(std::memory_order_relaxed); }
    void set_os_id(int id) noexcept { os_id_.store(id, std::memory_order_relaxed); }
    TimerWheel& timers() noexcept { return timers_; }
    // A moment not long ago, without asking a clock: as of the last look at the kernel or the clock.
    Deadline coarse_now() const noexcept { return now_; }
    Reactor& reactor() noexcept { return *reactor_; }

    // From a fiber: runs others until this one is made ready.
    void suspend() noexcept;
    // From a fiber: lets the others that are ready go first.
    void yield() noexcept;
    // From a fiber that has ended; does not return.
    [[noreturn]] void leave() noexcept;
    // First thing in a fiber that is switched to: cleans up after the one before.
    void arrived() noexcept;

    // By any thread: `fiber` is claimed and shall run, on the worker it is pinned to.
    static void make_ready(Fiber& fiber) noexcept;
    // A fiber that never ran, started by a fiber of this worker.
    void add_new(Fiber& fiber) noexcept;
    // By any thread: puts a fiber that is pinned here into the inbox and wakes the worker if it sleeps.
    void post(Fiber& fiber) noexcept;
    // The same with a new one, which it pins.
    void pin_and_post(Fiber& fiber) noexcept;
    // By any thread: wakes the worker, which seems to sleep, to run a new fiber; others may take it over.
    void offer(Fiber& fiber) noexcept;
    // By any thread: wakes the worker if it sleeps, and says whether it did.
    bool nudge() noexcept;

    // By the worker that will run it: pins a new fiber.
    Fiber& adopt(Fiber& fiber) noexcept;
    Nursery& nursery() noexcept { return nursery_; }
    // Whether a fiber besides the running one could run here at this moment.
    bool has_others() const noexcept {
        return !ready_.empty() || !expired_.empty() || inbox_.load(std::memory_order_relaxed) != nullptr ||
               nursery_.size() > 0;
    }
    std::size_t live() const noexcept { return live_.load(std::memory_order_relaxed); }
    bool asleep() const noexcept { return asleep_.load(std::memory_order_relaxed); }
    Counters& counters() noexcept { return counters_; }
    const Counters& counters() const noexcept { return counters_; }
    // By any thread: fibers wait for the running one to let them run here.
    bool others_wait() const noexcept {
        return !ready_.seems_empty() || inbox_.load(std::memory_order_relaxed) != nullptr;
    }

    // Stacks of the default size come from the calling worker's own few, then from the common pool.
    static Stack take_stack(std::size_t size);
    static void give_stack(const Stack& stack) noexcept;

private:
    friend struct ModelAccess;  // internal/model/

    Fiber* pick() noexcept;
    void look_at_clock() noexcept;
    static void warm_up(const Fiber& next) noexcept;
    Fiber* pick_new() noexcept;
    void drain_inbox() noexcept;
    static bool is_new(const Fiber& fiber) noexcept;
    // Others go first, however long they take: somebody else shall run the new fibers.
    void share_new() noexcept;
    void poll(Deadline until) noexcept;
    void wake_expired() noexcept;
    static Fiber* fiber_of(TimerNode& node) noexcept;
    void resume(Fiber& next, bool ending = false) noexcept;
    void go_idle(bool ending) noexcept;
    void sleep_until_work() noexcept;

    static constinit thread_local Worker* current_;

    Runtime& runtime_;
    std::unique_ptr<Reactor> reactor_;
    Context* root_ = nullptr;  // the OS thread's own context, which runs the idle loop
    Context* here_ = nullptr;
    std::atomic<Fiber*> running_ = nullptr;
    std::atomic<int> os_id_ = 0;
    Fiber* ended_ = nullptr;  // switched away from for good; freed by whoever runs next
    FiberQueue ready_;
    FiberQueue expired_;  // ready as well: their deadlines passed
    bool expired_turn_ = true;
    TimerWheel timers_;
    Counters counters_;
    std::uint64_t counted_from_ = 0;  // switches before this one do not decide whose turn it is
    unsigned look_span_ = 1;          // switches between looks at the clock
    unsigned until_look_ = 1;         // those left
    unsigned fresh_ = 0;
    std::uint64_t round_end_ = 0;  // the switch by which all that were ready at the last poll have run
    Deadline polled_;
    Deadline ticked_;  // when the timers were looked at
    Deadline now_;
    std::vector<Stack> stacks_;

    Nursery nursery_;
    Atomic<Fiber*> inbox_ = nullptr;
    Atomic<bool> asleep_ = false;
    Atomic<std::size_t> live_ = 0;  // fibers pinned here that have not ended
};

}  // namespace thrum::internal
