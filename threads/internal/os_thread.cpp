// thrum/threads/internal/os_thread.cpp: floor 1, threads
#include <thrum/threads/internal/clock.hpp>
#include <thrum/threads/internal/fiber.hpp>
#include <thrum/threads/internal/os_thread.hpp>
#include <thrum/threads/internal/spin.hpp>
#include <thrum/threads/internal/worker.hpp>

#include <linux/futex.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <vector>

namespace thrum::internal {

namespace {

// Records of OS threads. A waker may hold a pointer to one a little longer than its thread lives, so they are
// recycled and never freed.
struct OsTasks {
    Spin spin;
    std::vector<Task*> free;
    std::atomic<Task*> first = nullptr;  // of all, in use or not
};

OsTasks& os_tasks() {
    static OsTasks* const tasks = new OsTasks;
    return *tasks;
}
// Made before there are threads: a fork() in the midst of the first call would leave its child waiting for a
// thread it does not have.
[[maybe_unused]] const OsTasks& made_at_start = os_tasks();

// Trivially destroyed, so it can be asked after the thread's other locals are gone.
thread_local Task* own_task = nullptr;

Task& take_os_task() {
    OsTasks& tasks = os_tasks();
    SpinGuard guard(tasks.spin);
    if (tasks.free.empty()) {
        own_task = new Task(false);
        own_task->next_record = tasks.first.load(std::memory_order_relaxed);
        tasks.first.store(own_task, std::memory_order_release);
    } else {
        own_task = tasks.free.back();
        tasks.free.pop_back();
    }
    own_task->deadline = never;
    own_task->forget_cancels();
    own_task->os_id.store(own_os_id(), std::memory_order_release);
    own_task->id.store(next_thread_id(), std::memory_order_release);
    return *own_task;
}

// Gives the record back when the thread ends. A wait after that, in a destructor of a static object for one,
// takes another record, which is never given back.
struct OsTaskReturn {
    ~OsTaskReturn() {
        if (own_task->locals != nullptr) end_locals(*own_task);
        OsTasks& tasks = os_tasks();
        SpinGuard guard(tasks.spin);
        own_task->id.store(0, std::memory_order_relaxed);
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

}  // namespace

Task* first_os_task() noexcept { return os_tasks().first.load(std::memory_order_acquire); }

Task& current_task() noexcept {
    if (Worker* const worker = Worker::current()) return *worker->running();
    return os_task();
}

void futex_wait(Atomic<Wake>& word, Wake value, Deadline deadline) noexcept {
    timespec storage;
    ::syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, static_cast<std::uint32_t>(value),
              time_left(deadline, storage), nullptr, 0);
}

void futex_wake(Atomic<Wake>& word) noexcept {
    ::syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}

int own_os_id() noexcept { return static_cast<int>(::syscall(SYS_gettid)); }

timespec* time_left(Deadline deadline, timespec& storage) noexcept {
    if (deadline == never) return nullptr;
    const auto now = internal::now();
    // Compared before they are subtracted: Deadline::min() is far away.
    const auto left = deadline <= now ? 0 : std::chrono::nanoseconds(deadline - now).count();
    storage.tv_sec = left / 1'000'000'000;
    storage.tv_nsec = left % 1'000'000'000;
    return &storage;
}

Wake Task::park_on_descriptor(int fd, short events, Deadline deadline) noexcept {
    if (event_fd_ < 0) {
        event_fd_ = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        if (event_fd_ < 0 && claim(Wake::closed)) return finish_wait();
    }
    since_.store(internal::now(), std::memory_order_relaxed);
    until_.store(deadline, std::memory_order_relaxed);
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

void Task::interrupt_poll() noexcept {
    const std::uint64_t one = 1;
    // The counter cannot overflow in practice, and a full one is readable all the same.
    [[maybe_unused]] const ssize_t written = ::write(event_fd_, &one, sizeof one);
}

void Task::drain_event() noexcept {
    std::uint64_t count;
    [[maybe_unused]] const ssize_t got = ::read(event_fd_, &count, sizeof count);
}

}  // namespace thrum::internal
