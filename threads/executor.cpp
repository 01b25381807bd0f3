// thrum/threads/executor.cpp: floor 1, threads
#include <thrum/threads/executor.hpp>
#include <thrum/threads/internal/runtime.hpp>
#include <thrum/threads/thread.hpp>

#include <algorithm>
#include <string>

namespace thrum {

namespace internal {

ExecutorCore::~ExecutorCore() {
    while (FutureCore* const call = take()) call->release();
}

void ExecutorCore::submit(FutureCore& call) {
    bool start = false;
    {
        SpinGuard guard(spin_);
        if (closed_) {
            guard.unlock();
            throw Error("cannot submit to an executor that was shut down");
        }
        call.retain();
        call.next = nullptr;
        (last_ != nullptr ? last_->next : first_) = &call;
        last_ = &call;
        ++queued_;
        start = runners_ < most_runners_;
        if (start) ++runners_;
    }
    if (!start) return;
    try {
        Thread([self = shared_from_this()] { self->run(); }).detach();
    } catch (...) {
        give_up(std::current_exception(), call);
    }
}

// No thread could be started. Where others run they will get to the calls; without any, those of other
// callers end with the error, and so does submit(), whose `latest` call is dropped.
void ExecutorCore::give_up(const std::exception_ptr& error, const FutureCore& latest) {
    SpinGuard guard(spin_);
    if (--runners_ > 0) return;
    bool own = false;
    while (FutureCore* const call = take()) {
        guard.unlock();
        own |= call == &latest;
        call->fail(error);
        call->release();
        guard.lock(spin_);
    }
    drainers_.wake_all();
    guard.unlock();
    if (own) std::rethrow_exception(error);
}

FutureCore* ExecutorCore::take() noexcept {
    FutureCore* const call = first_;
    if (call == nullptr) return nullptr;
    first_ = call->next;
    if (first_ == nullptr) last_ = nullptr;
    --queued_;
    return call;
}

void ExecutorCore::run() noexcept {
    for (;;) {
        FutureCore* call;
        {
            SpinGuard guard(spin_);
            call = take();
            if (call == nullptr) {
                if (--runners_ == 0) drainers_.wake_all();
                return;
            }
        }
        call->execute();
        call->release();
    }
}

void ExecutorCore::close(bool cancel_pending) noexcept {
    FutureCore* pending = nullptr;
    {
        SpinGuard guard(spin_);
        closed_ = true;
        if (cancel_pending) {
            pending = first_;
            first_ = last_ = nullptr;
            queued_ = 0;
        }
    }
    while (pending != nullptr) {
        FutureCore* const call = pending;
        pending = call->next;
        call->cancel();
        call->release();
    }
}

void ExecutorCore::drain() noexcept {
    SpinGuard guard(spin_);
    if (runners_ > 0) wait_on(drainers_, spin_, guard, current_task(), never, true);
}

}  // namespace internal

namespace {

constexpr std::size_t default_extra_workers = 4;
constexpr std::size_t default_most_workers = 32;

}  // namespace

ThreadPoolExecutor::ThreadPoolExecutor()
    : core_(std::make_shared<internal::ExecutorCore>(
          std::min(internal::Runtime::get().worker_count() + default_extra_workers, default_most_workers))) {}

ThreadPoolExecutor::ThreadPoolExecutor(int max_workers) {
    if (max_workers < 1) {
        throw Error("cannot make an executor of " + std::to_string(max_workers) +
                    " workers; one is the least");
    }
    core_ = std::make_shared<internal::ExecutorCore>(static_cast<std::size_t>(max_workers));
}

ThreadPoolExecutor::~ThreadPoolExecutor() { shutdown(); }

void ThreadPoolExecutor::shutdown(bool wait, bool cancel_futures) {
    core_->close(cancel_futures);
    if (wait) core_->drain();
}

}  // namespace thrum
