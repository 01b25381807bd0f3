// thrum/threads/internal/executor_core.cpp: floor 1, threads
#include <thrum/threads/internal/executor_core.hpp>
#include <thrum/threads/thread.hpp>
#include <thrum/threads/thread_pool_executor.hpp>

#include <time.h>

#include <cstdio>
#include <utility>

namespace thrum::internal {

namespace {

// A few nanoseconds to read, and some milliseconds to the next value.
long coarse_tick() noexcept {
    timespec now;
    ::clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return now.tv_nsec;
}

// Ends those of a list that was taken out of the queue.
template <class End>
void end_all(FutureCore* first, End end) noexcept {
    while (first != nullptr) {
        FutureCore* const call = std::exchange(first, first->next);
        end(*call);
        call->release();
    }
}

}  // namespace

ExecutorCore::~ExecutorCore() {
    end_all(take_all(), [](FutureCore& call) { call.give_up(); });
}

void ExecutorCore::submit(FutureCore& call) {
    std::size_t number;
    {
        SpinGuard guard(spin_);
        if (broken_) {
            const std::exception_ptr broken = broken_;
            guard.unlock();
            std::rethrow_exception(broken);
        }
        if (closed_) {
            guard.unlock();
            throw ExecutorShutDown();
        }
        call.next = nullptr;
        (last_ != nullptr ? last_->next : first_) = &call;
        last_ = &call;
        if (Task* const idle = idle_.claim_one()) {
            guard.unlock();
            return idle->wake();
        }
        if (runners_ == settings_.most_runners) return;
        number = runners_++;
        if (number == 0) call.retain();  // with no other runner, the call may come back to us
    }
    try {
        start_runner(number);
    } catch (...) {
        if (number > 0) return lose_runner(std::current_exception());
        const bool ours = unqueue(call);
        lose_runner(std::current_exception());
        call.release();
        if (ours) throw;
        return;
    }
    if (number == 0) call.release();
}

void ExecutorCore::start_runner(std::size_t number) {
    Thread(ThreadOptions{.name = settings_.name_prefix + "_" + std::to_string(number),
                         .stack_size = settings_.stack_size},
           [self = shared_from_this(), number] { self->run(number); })
        .detach();
}

// One runner is missing. Where others run they will get to the calls; without any, the calls end with the
// error.
void ExecutorCore::lose_runner(const std::exception_ptr& error) noexcept {
    FutureCore* lost = nullptr;
    {
        SpinGuard guard(spin_);
        if (--runners_ > 0) return;
        lost = take_all();
        drainers_.wake_all();
    }
    end_all(lost, [&](FutureCore& call) { call.fail(error); });
}

FutureCore* ExecutorCore::take() noexcept {
    FutureCore* const call = first_;
    if (call == nullptr) return nullptr;
    first_ = call->next;
    if (first_ == nullptr) last_ = nullptr;
    return call;
}

FutureCore* ExecutorCore::take_all() noexcept {
    last_ = nullptr;
    return std::exchange(first_, nullptr);
}

bool ExecutorCore::unqueue(const FutureCore& call) noexcept {
    SpinGuard guard(spin_);
    FutureCore* before = nullptr;
    for (FutureCore* at = first_; at != nullptr; before = at, at = at->next) {
        if (at != &call) continue;
        (before != nullptr ? before->next : first_) = at->next;
        if (last_ == at) last_ = before;
        return true;
    }
    return false;
}

void ExecutorCore::run(std::size_t number) noexcept {
    const long began = coarse_tick();
    if (stays() && !initialize()) return;
    while (FutureCore* const call = next_call()) {
        call->execute();
        call->release();
        // A Cancelled that came out of a call or a callback was meant for this thread, which goes on.
        current_task().forget_cancels();
        if (stays()) {
            yield();
        } else if (coarse_tick() != began && hand_over(number)) {
            return;
        }
    }
}

// Threads stay on the worker that began them, so those of a pool might come to crowd one worker while another
// idles. A new thread is free to go anywhere, and lets others run first.
bool ExecutorCore::hand_over(std::size_t number) noexcept {
    {
        SpinGuard guard(spin_);
        if (first_ == nullptr) return false;
    }
    try {
        start_runner(number);
        return true;
    } catch (...) {
        return false;  // no memory for another stack: this one goes on
    }
}

// Waits where this runner stays; nullptr when it is to end, and then it counts no more.
FutureCore* ExecutorCore::next_call() noexcept {
    SpinGuard guard(spin_);
    for (;;) {
        if (FutureCore* const call = take()) return call;
        if (!stays() || closed_ || broken_) {
            if (--runners_ == 0) drainers_.wake_all();
            return nullptr;
        }
        wait_on(idle_, spin_, guard, current_task(), never, true);
        guard.lock(spin_);
    }
}

bool ExecutorCore::initialize() noexcept {
    try {
        settings_.initializer();
        return true;
    } catch (const std::exception& error) {
        break_with(error.what());
    } catch (...) {
        break_with("not a std::exception");
    }
    return false;
}

void ExecutorCore::break_with(const std::string& why) noexcept {
    const std::string what =
        "a thread of the pool could not be initialized, so it makes no more calls: " + why;
    std::fprintf(stderr, "Exception in the initializer of %s: %s\n", settings_.name_prefix.c_str(),
                 why.c_str());
    const std::exception_ptr error = std::make_exception_ptr(BrokenThreadPool(what));
    FutureCore* lost = nullptr;
    {
        SpinGuard guard(spin_);
        if (!broken_) broken_ = error;
        lost = take_all();
        idle_.wake_all();
    }
    end_all(lost, [&](FutureCore& call) { call.fail(error); });
    SpinGuard guard(spin_);
    if (--runners_ == 0) drainers_.wake_all();
}

void ExecutorCore::close(bool cancel_pending) noexcept {
    FutureCore* pending = nullptr;
    {
        SpinGuard guard(spin_);
        closed_ = true;
        if (cancel_pending) pending = take_all();
        idle_.wake_all();
    }
    end_all(pending, [](FutureCore& call) { call.give_up(); });
}

void ExecutorCore::drain() noexcept {
    SpinGuard guard(spin_);
    if (runners_ > 0) wait_on(drainers_, spin_, guard, current_task(), never, true);
}

}  // namespace thrum::internal
