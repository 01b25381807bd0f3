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

// Trivially destroyed, so it can be asked after the thread's other locals are gone.
thread_local Task* own_task = nullptr;

Task& take_os_task() {
    OsTasks& tasks = os_tasks();
    SpinGuard guard(tasks.spin);
    if (tasks.free.empty()) {
        own_task = new Task(false);
    } else {
        own_task = tasks.free.back();
        tasks.free.pop_back();
    }
    own_task->id = next_thread_id();
    own_task->deadline = never;
    own_task->forget_cancels();
    return *own_task;
}

// Gives the record back when the thread ends. A wait after that, in a destructor of a static object for one,
// takes another record, which is never given back.
struct OsTaskReturn {
    ~OsTaskReturn() {
        OsTasks& tasks = os_tasks();
        SpinGuard guard(tasks.spin);
        tasks.free.push_back(own_task);
        own_task = nullptr;
    }
    bool used = false;
};

Task& os_task() noexcept {
    if (own_task != nullptr) return *own_task;
    Task& task = take_os_task();
    static thread_local bool returned_once = false;
    if (!returned_once) {
        returned_once = true;
        thread_local OsTaskReturn at_exit;
        at_exit.used = true;
    }
    return task;
}

// A timespec of what is left until `deadline`; nullptr for never.
timespec* time_left(Deadline deadline, timespec& storage) noexcept {
    if (deadline == never) return nullptr;
    const auto now = std::chrono::steady_clock::now();
    // Compared before they are subtracted: Deadline::min() is far away.
    const auto left = deadline <= now ? 0 : std::chrono::nanoseconds(deadline - now).count();
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
    return how;
}

Wake Task::park_fiber(Deadline deadline) noexcept {
    if (interrupt_if_cancelled()) return finish_wait();
    Worker& worker = *Worker::current();
    if (deadline != never) worker.timers().add(timer, deadline);
    worker.suspend();
    if (timer.linked()) worker.timers().remove(timer);
    return finish_wait();
}

Wake Task::park_os_thread(Deadline deadline) noexcept {
    if (interrupt_if_cancelled()) return finish_wait();
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
    interrupt_if_cancelled();
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
        // Perhaps a waker of the wait before, that came late: not to be met again and again.
        if (ready > 0 && polled[1].revents != 0) drain_event();
    }
    polling_.store(false);
    drain_event();
    return finish_wait();
}

void Task::drain_event() noexcept {
    std::uint64_t count;
    [[maybe_unused]] const ssize_t got = ::read(event_fd_, &count, sizeof count);
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
