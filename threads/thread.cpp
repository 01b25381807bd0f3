// thrum/threads/thread.cpp: floor 1, threads
#include <thrum/base/errors.hpp>
#include <thrum/threads/internal/clock.hpp>
#include <thrum/threads/internal/fiber.hpp>
#include <thrum/threads/internal/forked.hpp>
#include <thrum/threads/internal/worker.hpp>
#include <thrum/threads/thread.hpp>

#include <sched.h>
#include <unistd.h>

namespace thrum {

using internal::Fiber;
using internal::Task;
using internal::Worker;

Thread& Thread::operator=(Thread&& other) noexcept {
    if (this != &other) {
        Thread old(std::move(*this));  // cancelled and joined at the end of this block
        stop_ = std::exchange(other.stop_, std::stop_source(std::nostopstate));
        cancelled_ = other.cancelled_;
        fiber_ = std::exchange(other.fiber_, nullptr);
    }
    return *this;
}

Thread::~Thread() {
    if (fiber_ == nullptr) return;
    // A thread that destroys its own handle cannot wait for itself: it goes on alone.
    // Nor can one in the child of a fork, where no other thread is.
    if (!internal::in_forked_child.load(std::memory_order_relaxed) && &internal::current_task() != fiber_) {
        cancel();
        fiber_->wait_finished(never, true);
    }
    fiber_->disown();
    fiber_->release();
}

void Thread::join() { join_until(never); }

bool Thread::join_for(std::chrono::nanoseconds timeout) { return join_until(deadline_after(timeout)); }

bool Thread::join_until(Deadline deadline) {
    if (fiber_ == nullptr)
        throw ThreadError("cannot join this thread: it was joined, detached or moved from");
    internal::not_after_fork("join a thread");
    Task& self = internal::current_task();
    if (&self == fiber_) throw ThreadError("cannot join this thread: it would wait for itself");
    if (!internal::settle(fiber_->wait_finished(deadline, false), self, deadline)) return false;
    Fiber* const fiber = std::exchange(fiber_, nullptr);
    const std::exception_ptr error = std::move(fiber->error());
    fiber->release();
    if (error) std::rethrow_exception(error);
    return true;
}

void Thread::detach() {
    if (fiber_ == nullptr)
        throw ThreadError("cannot detach this thread: it was joined, detached or moved from");
    Fiber* const fiber = std::exchange(fiber_, nullptr);
    fiber->disown();
    fiber->release();
}

void Thread::cancel() {
    if (fiber_ == nullptr) return;
    cancelled_ = true;
    fiber_->cancel();
    if (stop_.stop_possible()) stop_.request_stop();
}

bool Thread::is_alive() const noexcept { return fiber_ != nullptr && !fiber_->finished(); }
std::uint64_t Thread::id() const noexcept { return fiber_ == nullptr ? 0 : fiber_->id.load(); }
std::string Thread::name() const { return fiber_ == nullptr ? "" : fiber_->name(); }

void yield() {
    if (Worker* const worker = Worker::current()) {
        worker->yield();
    } else {
        ::sched_yield();
    }
}

void check_cancelled() {
    Task& task = internal::current_task();
    if (task.take_cancel()) throw Cancelled();
    if (task.deadline != never && task.deadline <= internal::now()) throw TimeoutError();
}

std::uint64_t current_thread_id() { return internal::current_task().id; }

std::string current_thread_name() {
    Task& task = internal::current_task();
    if (task.is_fiber()) return static_cast<Fiber&>(task).name();
    return internal::name_of_os_thread(task.id, task.os_id);
}

std::string internal::name_of_os_thread(std::uint64_t id, int os_id) {
    return os_id == ::getpid() ? "main" : "OS-thread-" + std::to_string(id);
}

void sleep_until(Deadline deadline) {
    Task& task = internal::current_task();
    task.arm(false, {"sleep"});
    internal::settle(task.park(internal::effective_deadline(task, deadline)), task, deadline);
}

void internal::throw_after_fork(const char* what) {
    throw ThreadError("cannot " + std::string(what) +
                      ": this process was made by fork(), which copied no thread but the one that called it. "
                      "Call exec() in the child, or fork before the first use of thrum");
}

}  // namespace thrum
