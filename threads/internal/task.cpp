// thrum/threads/internal/task.cpp: floor 1, threads
#include <thrum/base/errors.hpp>
#include <thrum/threads/internal/clock.hpp>
#include <thrum/threads/internal/fiber.hpp>
#include <thrum/threads/internal/os_thread.hpp>
#include <thrum/threads/internal/simulated_time.hpp>
#include <thrum/threads/internal/task.hpp>
#include <thrum/threads/internal/watched.hpp>
#include <thrum/threads/internal/worker.hpp>

#include <cstdio>
#include <cstdlib>

namespace thrum::internal {

std::uint64_t next_thread_id() noexcept {
    static std::atomic<std::uint64_t> last = 0;
    return ++last;
}

void Task::wake() noexcept {
    if (is_fiber_) {
        Worker::make_ready(static_cast<Fiber&>(*this));
        return;
    }
    if (polling_.load()) interrupt_poll();
    futex_wake(word_);
}

Wake Task::park(Deadline deadline) noexcept {
    return is_fiber_ ? park_fiber(deadline) : park_os_thread(deadline);
}

Wake Task::finish_wait() noexcept {
    const Wake how = word_.load(std::memory_order_acquire);
    word_.store(Wake::idle, std::memory_order_relaxed);
    return how;
}

Wake Task::park_fiber(Deadline deadline) noexcept {
    Worker& worker = *Worker::current();
    if (interrupt_if_cancelled()) {
        worker.yield();  // one that catches its cancels and tries again must not keep the others from running
        return finish_wait();
    }
    since_.store(worker.coarse_now(), std::memory_order_relaxed);
    until_.store(deadline, std::memory_order_relaxed);
    worker.counters().parks.add();
    if (deadline != never) worker.timers().add(timer, deadline);
    worker.suspend();
    if (timer.linked()) worker.timers().remove(timer);
    return finish_wait();
}

Wake Task::park_os_thread(Deadline deadline) noexcept {
    if (interrupt_if_cancelled()) return finish_wait();
    since_.store(internal::now(), std::memory_order_relaxed);
    until_.store(deadline, std::memory_order_relaxed);
    if (deadline == never) tell_monitor();
    for (;;) {
        const Wake now = word_.load(std::memory_order_acquire);
        if (now != Wake::armed && now != Wake::shielded) return finish_wait();
        if (deadline != never && deadline <= internal::now()) {
            if (claim(Wake::expired)) return finish_wait();
            continue;
        }
        SimulatedTime* const time = simulated_time.load(std::memory_order_acquire);
        futex_wait(word_, now, time == nullptr ? deadline : time->rest(*this, deadline));
        if (time != nullptr) time->rise(*this);
    }
}

// Whoever interrupts the wait takes one cancel off the count first, so that each is delivered once. The
// canceller counts, then looks at the word; the task arms the word, then looks at the count. All four are
// sequentially consistent, so at least one of the two sees the other.
void Task::cancel() noexcept {
    cancels_.fetch_add(1);
    while (word_.load() == Wake::armed && take_cancel()) {
        if (interrupt(Wake::cancelled)) return wake();
        cancels_.fetch_add(1);  // not delivered
    }
}

bool Task::interrupt_if_cancelled() noexcept {
    if (cancels_.load() == 0 || !take_cancel()) return false;
    if (interrupt(Wake::cancelled)) return true;
    cancels_.fetch_add(1);  // shielded, or notified already: for the next wait
    return false;
}

bool Task::take_cancel() noexcept {
    std::uint32_t count = cancels_.load();
    while (count > 0 && !cancels_.compare_exchange_weak(count, count - 1)) {
    }
    return count > 0;
}

bool settle(Wake how, Task& task, Deadline deadline) {
    switch (how) {
        case Wake::notified: return true;
        case Wake::cancelled: throw Cancelled();
        case Wake::expired:
            if (task.deadline <= deadline) throw TimeoutError();
            return false;
        default: break;
    }
    std::fprintf(stderr, "thrum: a wait ended in state %u, which no wait may end in\n",
                 static_cast<unsigned>(how));
    std::abort();
}

}  // namespace thrum::internal
