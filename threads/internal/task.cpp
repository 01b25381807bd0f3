// thrum/threads/internal/task.cpp: floor 1, threads
#include <thrum/base/errors.hpp>
#include <thrum/threads/internal/fiber.hpp>
#include <thrum/threads/internal/spin.hpp>
#include <thrum/threads/internal/task.hpp>
#include <thrum/threads/internal/worker.hpp>

#include <linux/futex.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <vector>

namespace thrum::internal {

namespace {

// Records of OS threads. A waker may hold a pointer to one a little longer than its thread lives, so they are
// recycled and never freed.
struct OsTasks {
    Spin spin;
    std::vector<Task*> free;
};

OsTasks& os_tasks() {
    static OsTasks* const tasks = new OsTasks;
    return *tasks;
}

class OsTaskHandle {
public:
    OsTaskHandle() {
        OsTasks& tasks = os_tasks();
        SpinGuard guard(tasks.spin);
        if (tasks.free.empty()) {
            task_ = new Task(false);
        } else {
            task_ = tasks.free.back();
            tasks.free.pop_back();
        }
        task_->id = next_thread_id();
        task_->deadline = never;
        task_->forget_cancels();
    }
    ~OsTaskHandle() {
        OsTasks& tasks = os_tasks();
        SpinGuard guard(tasks.spin);
        tasks.free.push_back(task_);
    }
    Task& task() noexcept { return *task_; }

private:
    Task* task_;
};

Task& os_task() noexcept {
    thread_local OsTaskHandle handle;
    return handle.task();
}

// A timespec of what is left until `deadline`; nullptr for never.
timespec* time_left(Deadline deadline, timespec& storage) noexcept {
    if (deadline == never) return nullptr;
    auto left =
        std::chrono::duration_cast<std::chrono::nanoseconds>(deadline - std::chrono::steady_clock::now())
            .count();
    if (left < 0) left = 0;
    storage.tv_sec = left / 1'000'000'000;
    storage.tv_nsec = left % 1'000'000'000;
    return &storage;
}

}  // namespace

std::uint64_t next_thread_id() noexcept {
    static std::atomic<std::uint64_t> last = 0;
    return ++last;
}

Task& current_task() noexcept {
    if (Worker* const worker = Worker::current()) return *worker->running();
    return os_task();
}

void Task::wake() noexcept {
    if (is_fiber_) {
        Worker::make_ready(static_cast<Fiber&>(*this));
        return;
    }
    if (polling_.load()) {
        const std::uint64_t one = 1;
        // The counter cannot overflow in practice, and a full one is readable all the same.
        [[maybe_unused]] const ssize_t written = ::write(event_fd_, &one, sizeof one);
    }
    ::syscall(SYS_futex, &word_, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}

Wake Task::park(Deadline deadline) noexcept {
    return is_fiber_ ? park_fiber(deadline) : park_os_thread(deadline);
}

Wake Task::finish_wait() noexcept {
    const Wake how = word_.load(std::memory_order_acquire);
    word_.store(Wake::idle, std::memory_order_relaxed);
    if (how == Wake::cancelled) take_cancel();
    return how;
}

Wake Task::park_fiber(Deadline deadline) noexcept {
    // The canceller counts first and claims second; we armed first and look at the count second. One of us
    // sees the other, both operations being sequentially consistent.
    if (cancel_pending() && interrupt(Wake::cancelled)) return finish_wait();
    Worker& worker = *Worker::current();
    if (deadline != never) worker.timers().add(timer, deadline);
    worker.suspend();
    if (timer.linked()) worker.timers().remove(timer);
    return finish_wait();
}

Wake Task::park_os_thread(Deadline deadline) noexcept {
    if (cancel_pending() && interrupt(Wake::cancelled)) return finish_wait();
    for (;;) {
        const Wake now = word_.load(std::memory_order_acquire);
        if (now != Wake::armed && now != Wake::shielded) return finish_wait();
        timespec storage;
        const timespec* const left = time_left(deadline, storage);
        if (left != nullptr && left->tv_sec == 0 && left->tv_nsec == 0) {
            if (claim(Wake::expired)) return finish_wait();
            continue;
        }
        ::syscall(SYS_futex, &word_, FUTEX_WAIT_PRIVATE, static_cast<std::uint32_t>(now), left, nullptr, 0);
    }
}

Wake Task::park_on_descriptor(int fd, short events, Deadline deadline) noexcept {
    if (event_fd_ < 0) {
        event_fd_ = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        if (event_fd_ < 0 && claim(Wake::closed)) return finish_wait();
    }
    polling_.store(true);
    if (cancel_pending()) interrupt(Wake::cancelled);
    for (;;) {
        if (word_.load() != Wake::armed) break;
        pollfd polled[2] = {{fd, events, 0}, {event_fd_, POLLIN, 0}};
        timespec storage;
        const timespec* const left = time_left(deadline, storage);
        const int ready = ::ppoll(polled, 2, left, nullptr);
        if (ready == 0 ||
            (left != nullptr && left->tv_sec == 0 && left->tv_nsec == 0 && polled[0].revents == 0)) {
            interrupt(Wake::expired);
        } else if (ready > 0 && polled[0].revents != 0) {
            claim(Wake::notified);
        }
    }
    polling_.store(false);
    std::uint64_t count;
    while (::read(event_fd_, &count, sizeof count) > 0) {
    }
    return finish_wait();
}

void Task::cancel() noexcept {
    cancels_.fetch_add(1);
    if (interrupt(Wake::cancelled)) wake();
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
