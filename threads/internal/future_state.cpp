// thrum/threads/internal/future_state.cpp: floor 1, threads
#include <thrum/threads/future.hpp>
#include <thrum/threads/internal/future_state.hpp>
#include <thrum/threads/internal/wait_set.hpp>

#include <cstdio>

namespace thrum::internal {

void Callback::run(Continuations&) noexcept {
    try {
        call();
    } catch (const Cancelled&) {
        current_task().cancel();  // it was meant for this thread, whose next wait will throw it
    } catch (const std::exception& error) {
        std::fprintf(stderr, "Exception in a future's callback: %s\n", error.what());
    } catch (...) {
        std::fprintf(stderr, "Exception in a future's callback: not a std::exception\n");
    }
}

bool FutureCore::wait_until(Deadline deadline) {
    if (done()) return true;
    SpinGuard guard(spin_);
    if (done()) return true;
    Task& task = current_task();
    return settle(wait_on(waiters_, spin_, guard, task, deadline), task, deadline);
}

// A loop, not a recursion, along a chain of futures each of which follows the next.
bool FutureCore::cancel(bool running_too) {
    FutureCore* next = nullptr;
    bool asked = cancel_one(running_too, next);
    while (FutureCore* const core = std::exchange(next, nullptr)) {
        asked = core->cancel_one(true, next);
        core->release();
    }
    return asked;
}

// `next` is, with a reference, whom to ask instead: the future that this one follows.
bool FutureCore::cancel_one(bool running_too, FutureCore*& next) noexcept {
    SpinGuard guard(spin_);
    switch (status()) {
        case Status::pending: finish(Status::cancelled, guard, nullptr); return true;
        case Status::running:
            if (!running_too) return false;
            if (runner_ != nullptr) {
                ++cancels_sent_;
                runner_->cancel();
                return true;
            }
            next = followed();
            if (next != nullptr) next->retain();
            return false;
        case Status::cancelled: return true;
        default: return false;
    }
}

void FutureCore::add_continuation(std::unique_ptr<Continuation> continuation, Continuations* later) noexcept {
    Continuations at_once;
    {
        SpinGuard guard(spin_);
        if (!done()) return continuations_.push(std::move(continuation));
        (later != nullptr ? *later : at_once).push(std::move(continuation));
    }
    at_once.run_all();
}

bool FutureCore::enlist(Waiter& waiter) noexcept {
    const SpinGuard guard(spin_);
    if (done()) return false;
    waiters_.push_back(waiter);
    return true;
}

void FutureCore::withdraw(Waiter& waiter) noexcept {
    const SpinGuard guard(spin_);
    if (waiter.linked) waiters_.remove(waiter);
}

void FutureCore::watch(Watch& watch) noexcept {
    SpinGuard guard(spin_);
    if (done()) {
        guard.unlock();
        watch.set->finished(watch, error_ != nullptr);
        return;
    }
    watch.next = watches_;
    if (watches_ != nullptr) watches_->previous = &watch;
    watches_ = &watch;
    watch.linked = true;
}

void FutureCore::unwatch(Watch& watch) noexcept {
    SpinGuard guard(spin_);
    if (!watch.linked) return;
    (watch.previous != nullptr ? watch.previous->next : watches_) = watch.next;
    if (watch.next != nullptr) watch.next->previous = watch.previous;
    watch.linked = false;
}

void FutureCore::execute(Continuations* later) noexcept {
    Task& task = current_task();
    {
        SpinGuard guard(spin_);
        if (status() != Status::pending) return;
        runner_ = &task;
        status_.store(Status::running, std::memory_order_release);
    }
    Status outcome = Status::finished;
    bool follows = false;
    std::exception_ptr error;
    try {
        follows = !call();
    } catch (const Cancelled&) {
        outcome = Status::cancelled;
    } catch (...) {
        error = std::current_exception();
    }
    drop_call();
    SpinGuard guard(spin_);
    runner_ = nullptr;
    const bool cancel_came_late = settle_cancels(task, outcome == Status::cancelled);
    if (follows) {
        guard.unlock();
        begin_following(later);
        if (cancel_came_late) cancel();
        return;
    }
    error_ = std::move(error);
    finish(outcome, guard, later);
}

// A cancel of this call that came too late must not hit what the thread does next: true where there was one.
// A cancel of the thread itself that ended this call must.
bool FutureCore::settle_cancels(Task& task, bool ended_by_one) noexcept {
    if (ended_by_one && cancels_sent_ == 0) {
        task.cancel();
        return false;
    }
    if (ended_by_one) --cancels_sent_;
    bool came_late = false;
    for (; cancels_sent_ > 0 && task.take_cancel(); --cancels_sent_) came_late = true;
    return came_late;
}

void FutureCore::end_as_followed(Continuations& later) noexcept {
    FutureCore& source = *followed();
    Status outcome = source.cancelled() ? Status::cancelled : Status::finished;
    std::exception_ptr error = source.error();
    try {
        if (outcome == Status::finished && !error) take_result_of_followed();
    } catch (const Cancelled&) {
        outcome = Status::cancelled;
        current_task().cancel();  // it was meant for this thread, whose next wait will throw it
    } catch (...) {
        error = std::current_exception();
    }
    {
        SpinGuard guard(spin_);
        forget_followed();
        error_ = std::move(error);
        finish(outcome, guard, &later);
    }
    source.release();
}

void FutureCore::fail(std::exception_ptr error, Continuations* later) noexcept {
    SpinGuard guard(spin_);
    if (status() != Status::pending) return;
    error_ = std::move(error);
    finish(Status::finished, guard, later);
    drop_call();
}

void FutureCore::give_up(Continuations* later) noexcept {
    SpinGuard guard(spin_);
    if (status() == Status::pending) finish(Status::cancelled, guard, later);
}

bool FutureCore::begin() {
    SpinGuard guard(spin_);
    if (status() == Status::cancelled) return false;
    if (status() != Status::pending) {
        guard.unlock();
        throw InvalidStateError("this future runs already or is done: it cannot be set running again");
    }
    status_.store(Status::running, std::memory_order_release);
    began_ = true;
    return true;
}

bool FutureCore::claim_completion() noexcept {
    SpinGuard guard(spin_);
    if (status() != Status::pending && status() != Status::running) return false;
    status_.store(Status::completing, std::memory_order_release);
    return true;
}

void FutureCore::unclaim_completion() noexcept {
    SpinGuard guard(spin_);
    status_.store(began_ ? Status::running : Status::pending, std::memory_order_release);
}

void FutureCore::complete(std::exception_ptr error) noexcept {
    SpinGuard guard(spin_);
    error_ = std::move(error);
    finish(Status::finished, guard, nullptr);
}

void FutureCore::finish(Status status, SpinGuard& guard, Continuations* later) noexcept {
    status_.store(status, std::memory_order_release);
    waiters_.wake_all();
    while (watches_ != nullptr) {
        Watch& watch = *watches_;
        watches_ = watch.next;
        watch.linked = false;
        watch.set->finished(watch, error_ != nullptr);
    }
    Continuations due = std::move(continuations_);
    guard.unlock();
    // A call that never began is dropped by whoever cancelled it; one that ran has been dropped before.
    if (status == Status::cancelled) drop_call();
    if (later != nullptr) {
        later->append(std::move(due));
    } else {
        due.run_all();
    }
}

}  // namespace thrum::internal
