// thrum/threads/future.cpp: floor 1, threads
#include <thrum/threads/future.hpp>

#include <cstdio>

namespace thrum::internal {

namespace {

void run_callbacks(std::vector<std::function<void()>>& callbacks) noexcept {
    for (auto& callback : callbacks) {
        try {
            callback();
        } catch (const std::exception& error) {
            std::fprintf(stderr, "Exception in a future's callback: %s\n", error.what());
        } catch (...) {
            std::fprintf(stderr, "Exception in a future's callback: not a std::exception\n");
        }
    }
}

}  // namespace

bool FutureCore::wait_until(Deadline deadline) {
    SpinGuard guard(spin_);
    if (done()) return true;
    Task& task = current_task();
    return settle(wait_on(waiters_, spin_, guard, task, deadline), task, deadline);
}

bool FutureCore::cancel() {
    SpinGuard guard(spin_);
    if (status() == Status::running) {
        runner_->cancel();
        return true;
    }
    if (status() != Status::pending) return false;
    finish(Status::cancelled, guard);
    return true;
}

void FutureCore::add_callback(std::function<void()> callback) {
    {
        SpinGuard guard(spin_);
        if (!done()) {
            callbacks_.push_back(std::move(callback));
            return;
        }
    }
    std::vector<std::function<void()>> one;
    one.push_back(std::move(callback));
    run_callbacks(one);
}

void FutureCore::execute() noexcept {
    Task& task = current_task();
    {
        SpinGuard guard(spin_);
        if (status() != Status::pending) return;
        runner_ = &task;
        status_.store(Status::running, std::memory_order_release);
    }
    Status outcome = Status::finished;
    std::exception_ptr error;
    try {
        call();
    } catch (const Cancelled&) {
        outcome = Status::cancelled;
    } catch (...) {
        error = std::current_exception();
    }
    drop_call();
    SpinGuard guard(spin_);
    runner_ = nullptr;
    // A cancel that came too late for this call must not hit the runner's next one.
    task.forget_cancels();
    error_ = std::move(error);
    finish(outcome, guard);
}

void FutureCore::fail(std::exception_ptr error) noexcept {
    SpinGuard guard(spin_);
    if (status() != Status::pending) return;
    error_ = std::move(error);
    finish(Status::finished, guard);
    drop_call();
}

void FutureCore::finish(Status status, SpinGuard& guard) noexcept {
    status_.store(status, std::memory_order_release);
    waiters_.wake_all();
    auto callbacks = std::move(callbacks_);
    guard.unlock();
    // A call that never began is dropped by whoever cancelled it; one that ran has been dropped before.
    if (status == Status::cancelled) drop_call();
    run_callbacks(callbacks);
}

}  // namespace thrum::internal
