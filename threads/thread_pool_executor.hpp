// thrum/threads/thread_pool_executor.hpp: floor 1, threads
// ThreadPoolExecutor: calls made by a bounded number of threads.
#pragma once

#include <thrum/threads/executor.hpp>
#include <thrum/threads/thread.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace thrum {

namespace internal {
class ExecutorCore;
}

// The initializer of a pool's thread has thrown: its calls that had not begun end with this, and so does
// every later submit(). Python's concurrent.futures.thread.BrokenThreadPool.
class BrokenThreadPool : public BrokenExecutor {
public:
    using BrokenExecutor::BrokenExecutor;
};

struct ThreadPoolOptions {
    std::optional<int> max_workers = {};     // where empty Python's: processors + 4, at most 32
    std::string thread_name_prefix = {};     // "ThreadPoolExecutor-N" where empty; threads are PREFIX_0 ...
    std::function<void()> initializer = {};  // called by each thread before its first call
    std::size_t stack_size = default_stack_size;  // bytes, of each thread
};

// Python's ThreadPoolExecutor. Thread-safe. Its threads are started as calls come, `max_workers` at most, and
// run on all processors. They end when there are no calls, but with an initializer, which then need not run
// more than `max_workers` times, they stay until shutdown(). A thread may be replaced by one of the same name
// where several share one worker while another idles. The destructor waits for all calls, those not begun
// too, as Python's `with` does; in one of the executor's own calls, which cannot wait for itself, it does
// not.
class ThreadPoolExecutor final : public Executor {
public:
    // Throws Error when max_workers is less than 1.
    ThreadPoolExecutor() : ThreadPoolExecutor(ThreadPoolOptions()) {}
    explicit ThreadPoolExecutor(int max_workers)
        : ThreadPoolExecutor(ThreadPoolOptions{.max_workers = max_workers}) {}
    explicit ThreadPoolExecutor(ThreadPoolOptions options);
    ~ThreadPoolExecutor() override;

    // Waits, where it does, whatever the caller's cancels and deadlines. Throws ThreadError, having shut
    // down, where one of the executor's own calls is to wait.
    void shutdown(bool wait = true, bool cancel_futures = false) override;

protected:
    // Throws OSError where not one thread could be started.
    void submit_call(Call&& call) override;

private:
    std::shared_ptr<internal::ExecutorCore> core_;
};

}  // namespace thrum
