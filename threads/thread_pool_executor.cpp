// thrum/threads/thread_pool_executor.cpp: floor 1, threads
#include <thrum/threads/internal/executor_core.hpp>
#include <thrum/threads/internal/runtime.hpp>
#include <thrum/threads/thread_pool_executor.hpp>

#include <algorithm>
#include <atomic>
#include <string>

namespace thrum {

namespace {

constexpr std::size_t default_extra_workers = 4;
constexpr std::size_t default_most_workers = 32;

internal::PoolSettings settings_of(ThreadPoolOptions&& options) {
    if (options.max_workers && *options.max_workers < 1) {
        throw Error("cannot make an executor of " + std::to_string(*options.max_workers) +
                    " workers; one is the least");
    }
    internal::PoolSettings settings;
    settings.most_runners =
        options.max_workers
            ? static_cast<std::size_t>(*options.max_workers)
            : std::min(internal::Runtime::get().worker_count() + default_extra_workers, default_most_workers);
    static std::atomic<unsigned> pools = 0;
    settings.name_prefix = options.thread_name_prefix.empty()
                               ? "ThreadPoolExecutor-" + std::to_string(pools++)
                               : std::move(options.thread_name_prefix);
    settings.initializer = std::move(options.initializer);
    settings.stack_size = options.stack_size;
    return settings;
}

}  // namespace

ThreadPoolExecutor::ThreadPoolExecutor(ThreadPoolOptions options)
    : core_(std::make_shared<internal::ExecutorCore>(settings_of(std::move(options)))) {}

ThreadPoolExecutor::~ThreadPoolExecutor() {
    core_->close(false);
    // One of its own calls cannot wait for itself; the calls go on alone.
    if (!core_->runs_caller()) core_->drain();
}

void ThreadPoolExecutor::submit_call(Call&& call) {
    core_->submit(*call.core_);
    call.core_ = nullptr;
}

void ThreadPoolExecutor::shutdown(bool wait, bool cancel_futures) {
    core_->close(cancel_futures);
    if (!wait) return;
    if (core_->runs_caller()) {
        throw ThreadError(
            "cannot wait in one of an executor's own calls for all of them: it would wait for itself. The "
            "executor is shut down all the same; shutdown(false) does not wait");
    }
    core_->drain();
}

}  // namespace thrum
