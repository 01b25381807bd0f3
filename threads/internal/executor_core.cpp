// thrum/threads/internal/executor_core.cpp: floor 1, threads
#include <thrum/threads/internal/adaptive_spin.hpp>
#include <thrum/threads/internal/clock.hpp>
#include <thrum/threads/internal/executor_core.hpp>
#include <thrum/threads/internal/runtime.hpp>
#include <thrum/threads/internal/uncaught.hpp>
#include <thrum/threads/internal/worker.hpp>
#include <thrum/threads/thread.hpp>
#include <thrum/threads/thread_pool_executor.hpp>

#include <time.h>

#include <algorithm>
#include <utility>

namespace thrum::internal {

namespace {

constexpr std::size_t plenty = 8;  // calls, for which nobody waits any longer
constexpr int patient_looks = 6;   // into the queue, before fewer will do

// A few nanoseconds to read, and some milliseconds to the next value.
long coarse_tick() noexcept {
#if defined(THRUM_MODEL)
    return now().time_since_epoch().count();
#else
    timespec now;
    ::clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return now.tv_nsec;
#endif
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
        queue_.push(call);
        queued_.store(queue_.size(), std::memory_order_relaxed);
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
        const bool ours = [&] {
            SpinGuard guard(spin_);
            return queue_.remove(call);
        }();
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

// With the lock held: from what another runner has taken but does not come to, because the call it makes
// takes its time; else from the queue; else from what another has taken at all.
FutureCore* ExecutorCore::take(CallBatch& own, std::size_t batch) noexcept {
    for (CallBatch* other = batches_; other != nullptr; other = other->next_batch) {
        if (other != &own && other->stuck()) {
            if (FutureCore* const call = other->steal()) return call;
        }
    }
    const std::size_t share = queue_.size() / runners_ + 1;
    if (FutureCore* const call = own.refill(queue_, std::min(batch, share))) {
        queued_.store(queue_.size(), std::memory_order_relaxed);
        return call;
    }
    for (CallBatch* other = batches_; other != nullptr; other = other->next_batch) {
        if (FutureCore* const call = other->steal()) return call;
    }
    return nullptr;
}

// With the lock held: everything that has not begun, as a list, oldest first.
FutureCore* ExecutorCore::take_all() noexcept {
    FutureCore* first = nullptr;
    FutureCore** end = &first;
    const auto append = [&](FutureCore* call) {
        *end = call;
        end = &call->next;
    };
    for (CallBatch* batch = batches_; batch != nullptr; batch = batch->next_batch) {
        while (FutureCore* const call = batch->steal()) append(call);
    }
    while (FutureCore* const call = queue_.pop()) append(call);
    queued_.store(0, std::memory_order_relaxed);
    *end = nullptr;
    return first;
}

void ExecutorCore::join_runners(CallBatch& own) noexcept {
    SpinGuard guard(spin_);
    own.next_batch = batches_;
    batches_ = &own;
}

// With the lock held.
void ExecutorCore::leave_runners(CallBatch& own) noexcept {
    CallBatch** at = &batches_;
    while (*at != &own) at = &(*at)->next_batch;
    *at = own.next_batch;
}

void ExecutorCore::run(std::size_t number) noexcept {
    CallBatch own(current_task(), Worker::current());
    join_runners(own);
    if (stays() && !initialize(own)) return;
    // Many calls at once where many take no time; one by one where each is work, so that they spread.
    std::size_t batch = 1;
    long tick = coarse_tick();
    for (;;) {
        FutureCore* call = own.next();
        if (call == nullptr) {
            const long now = coarse_tick();
            if (now != tick && !stays()) {
                if (hand_over(number, own)) return;
                yield();
            }
            batch = now == tick ? std::min(batch * 2, CallBatch::capacity) : 1;
            tick = now;
            call = next_call(own, batch);
            if (call == nullptr) return;
        }
        call->execute();
        call->release();
        // A Cancelled that came out of a call or a callback was meant for this thread, which goes on.
        current_task().forget_cancels();
        if (stays()) yield();
    }
}

// Whether another of its threads is on the same worker, which has more to run than this one.
bool ExecutorCore::crowds_its_worker(const CallBatch& own) noexcept {
    if (!own.worker->has_others()) return false;
    const SpinGuard guard(spin_);
    for (const CallBatch* other = batches_; other != nullptr; other = other->next_batch) {
        if (other != &own && other->worker == own.worker) return true;
    }
    return false;
}

// Threads stay on the worker that began them, so those of a pool might come to crowd one worker while another
// idles. There this one ends, and a new one, free to go anywhere, takes its place; and only there, for with
// the thread go its values of Local<T>.
bool ExecutorCore::hand_over(std::size_t number, CallBatch& own) noexcept {
    if (queued_.load(std::memory_order_relaxed) == 0 || !crowds_its_worker(own)) return false;
    const auto& workers = Runtime::get().workers();
    if (std::none_of(workers.begin(), workers.end(), [](const auto& each) { return each->asleep(); })) {
        return false;
    }
    try {
        start_runner(number);
    } catch (...) {
        return false;  // no memory for another stack: this one goes on
    }
    SpinGuard guard(spin_);
    leave_runners(own);
    return true;
}

// Whoever submits calls that take no time makes the next while the last is run. To take each by itself, or to
// end and be started again for it, would cost more than to wait for a moment until there are some, as long as
// this worker has nothing else to do.
void ExecutorCore::let_some_come() noexcept {
    const auto few = [this](std::size_t enough) { return queued_.load(std::memory_order_relaxed) < enough; };
    if (!few(plenty) || Worker::current()->has_others()) return;
    AdaptiveSpin::wait(
        [&, looks = 0]() mutable { return !few(plenty) || (++looks >= patient_looks && !few(1)); });
}

// Waits where this runner stays; nullptr when it is to end, and then it counts no more.
FutureCore* ExecutorCore::next_call(CallBatch& own, std::size_t batch) noexcept {
    // Not before the first calls, which somebody may wait for.
    if (batch > 2) let_some_come();
    SpinGuard guard(spin_);
    for (;;) {
        if (FutureCore* const call = take(own, batch)) return call;
        if (!stays() || closed_ || broken_) {
            leave_runners(own);
            if (--runners_ == 0) drainers_.wake_all();
            return nullptr;
        }
        wait_on(idle_, spin_, guard, current_task(), never, true);
        guard.lock(spin_);
    }
}

bool ExecutorCore::initialize(CallBatch& own) noexcept {
    try {
        settings_.initializer();
        return true;
    } catch (const std::exception& error) {
        break_with(error.what(), own);
    } catch (...) {
        break_with("not a std::exception", own);
    }
    return false;
}

void ExecutorCore::break_with(const std::string& why, CallBatch& own) noexcept {
    const std::string what =
        "a thread of the pool could not be initialized, so it makes no more calls: " + why;
    report_initializer(settings_.name_prefix, why);
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
    leave_runners(own);
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

bool ExecutorCore::runs_caller() noexcept {
    const Task& caller = current_task();
    const SpinGuard guard(spin_);
    for (const CallBatch* batch = batches_; batch != nullptr; batch = batch->next_batch) {
        if (batch->runner == &caller) return true;
    }
    return false;
}

void ExecutorCore::drain() noexcept {
    SpinGuard guard(spin_);
    if (runners_ > 0) wait_on(drainers_, spin_, guard, current_task(), never, true);
}

}  // namespace thrum::internal
