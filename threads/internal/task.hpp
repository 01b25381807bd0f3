// thrum/threads/internal/task.hpp: floor 1, threads
// What a fiber and an OS thread have in common: the word on which exactly one waker wins, and how to wait on
// it.
//
// A wait runs so: arm() the word, publish a Waiter where wakers look, park(). A waker, a timer and a
// canceller each try to claim() the armed word; one succeeds and wakes the task, the others go on to the next
// waiter. So a cancelled or expired waiter never swallows a wake-up, and nobody is woken twice.
#pragma once

#include <thrum/threads/deadline.hpp>
#include <thrum/threads/internal/atomic.hpp>
#include <thrum/threads/internal/timer_wheel.hpp>

#include <cstdint>
#include <string>

namespace thrum::internal {

class Fiber;
class LocalTable;

enum class Wake : std::uint32_t {
    idle,       // not waiting
    armed,      // waiting; anyone may claim
    shielded,   // waiting; only a notifier may claim, neither cancel() nor a deadline
    notified,   // what was waited for has come
    expired,    // the deadline passed
    cancelled,  // cancel()
    closed,     // the descriptor was closed
};

// What a wait is for, as a dump of all threads tells it. `kind` is a string literal, shown with the object's
// address behind it: "Lock 0x7f…"; where it holds a '%', `object` is a number and stands there.
struct WaitReason {
    const char* kind = "something";
    const void* object = nullptr;
};

class Task {
public:
    explicit Task(bool is_fiber) noexcept : is_fiber_(is_fiber) { timer.owner = this; }
    Task(const Task&) = delete;
    Task& operator=(const Task&) = delete;

    bool is_fiber() const noexcept { return is_fiber_; }

    // By the task itself, before it publishes its Waiter. Sequentially consistent: see cancel().
    void arm(bool shielded = false, WaitReason reason = {}) noexcept {
        waits_for_.store(reason.kind, std::memory_order_relaxed);
        waits_on_.store(reason.object, std::memory_order_relaxed);
        word_.store(shielded ? Wake::shielded : Wake::armed);
    }
    // By anyone: true for the one claimer that must now call wake().
    bool claim(Wake reason) noexcept {
        Wake expected = Wake::armed;
        if (word_.compare_exchange_strong(expected, reason, std::memory_order_acq_rel,
                                          std::memory_order_relaxed)) {
            return true;
        }
        return expected == Wake::shielded &&
               word_.compare_exchange_strong(expected, reason, std::memory_order_acq_rel,
                                             std::memory_order_relaxed);
    }
    // Claims for a cancel or an expiry: leaves a shielded wait alone. Sequentially consistent, see cancel().
    bool interrupt(Wake reason) noexcept {
        Wake expected = Wake::armed;
        return word_.compare_exchange_strong(expected, reason);
    }
    // Makes a claimed task run again. Safe although an OS thread may have seen its word change and moved on:
    // task records of OS threads are recycled, never freed.
    void wake() noexcept;

    // By the task itself: waits until claimed, or until `deadline`, and says why it ended. Does not throw.
    Wake park(Deadline deadline = never) noexcept;
    // As park(), but also until `fd` is ready for the poll(2) `events`. Only for tasks that are OS threads.
    Wake park_on_descriptor(int fd, short events, Deadline deadline) noexcept;

    // By anyone who keeps the task alive: its present or next unshielded wait ends with Wake::cancelled.
    void cancel() noexcept;
    bool take_cancel() noexcept;  // by the task itself: true once for each cancel()
    void forget_cancels() noexcept { cancels_.store(0, std::memory_order_relaxed); }

    // By anyone who keeps the task alive. True between arm() and the claim; what follows is of that wait
    // then, give or take a moment.
    bool waiting() const noexcept {
        const Wake word = word_.load(std::memory_order_relaxed);
        return word == Wake::armed || word == Wake::shielded;
    }
    // A claimer has ended its wait, and it has not run since.
    bool woken() const noexcept { return word_.load(std::memory_order_relaxed) > Wake::shielded; }
    WaitReason reason() const noexcept {
        return {waits_for_.load(std::memory_order_relaxed), waits_on_.load(std::memory_order_relaxed)};
    }
    // When it parked; a fiber's by its worker's coarse clock.
    Deadline waiting_since() const noexcept { return since_.load(std::memory_order_relaxed); }
    Deadline waiting_until() const noexcept { return until_.load(std::memory_order_relaxed); }

    Deadline deadline = never;          // of the Timeout scopes; only the task itself looks
    std::atomic<std::uint64_t> id = 0;  // 0: the record of an OS thread that is in use by none
    TimerNode timer;
    LocalTable* locals = nullptr;  // its values of Local<T>; only the task itself looks
    // gettid(2), of an OS thread. Of `id`, where that is the same before and after it is read.
    std::atomic<int> os_id = 0;
    Task* next_record = nullptr;  // of the records of OS threads

private:
    Wake park_fiber(Deadline deadline) noexcept;
    Wake park_os_thread(Deadline deadline) noexcept;
    Wake finish_wait() noexcept;
    bool interrupt_if_cancelled() noexcept;
    void interrupt_poll() noexcept;
    void drain_event() noexcept;

    Atomic<Wake> word_ = Wake::idle;
    Atomic<std::uint32_t> cancels_ = 0;
    Atomic<bool> polling_ = false;  // an OS thread is in poll(2): wake it through event_fd_
    // For those who look on.
    std::atomic<const char*> waits_for_ = nullptr;
    std::atomic<const void*> waits_on_ = nullptr;
    std::atomic<Deadline> since_ = Deadline();
    std::atomic<Deadline> until_ = Deadline();
    const bool is_fiber_;
    int event_fd_ = -1;
};

// The newest record of an OS thread; the others follow by next_record.
Task* first_os_task() noexcept;

// The calling thread's record, fiber or not.
Task& current_task() noexcept;

// Throws what a wait that ended with `how` must throw: Cancelled, or TimeoutError where the deadline in
// force, not the wait's own `deadline`, had passed. Returns true for notified, false for expired by its own
// deadline.
bool settle(Wake how, Task& task, Deadline deadline);
// The earlier of the wait's own deadline and the one in force.
inline Deadline effective_deadline(const Task& task, Deadline deadline) noexcept {
    return deadline < task.deadline ? deadline : task.deadline;
}

// By the task itself, at its end: destroys its values of Local<T>, which may wait. See local.cpp.
void end_locals(Task& task) noexcept;

std::uint64_t next_thread_id() noexcept;
std::string name_of_os_thread(std::uint64_t id, int os_id);

// Calls visit(Task&) for each OS thread that has a record: it has waited here, or asked for its id. Records
// are never freed. `visit` must not wait.
template <class Visit>
void for_each_os_task(Visit&& visit) {
    for (Task* task = first_os_task(); task != nullptr; task = task->next_record) {
        if (task->id.load(std::memory_order_acquire) != 0) visit(*task);
    }
}

}  // namespace thrum::internal
