// thrum/threads/internal/executor_core.hpp: floor 1, threads
// The queue of calls behind an executor, and the threads that make them.
#pragma once

#include <thrum/threads/internal/future_state.hpp>

#include <cstddef>
#include <memory>

namespace thrum::internal {

// Thread-safe.
class ExecutorCore : public std::enable_shared_from_this<ExecutorCore> {
public:
    explicit ExecutorCore(std::size_t most_runners) noexcept : most_runners_(most_runners) {}
    ~ExecutorCore();

    // Throws Error after close().
    void submit(FutureCore& call);
    void close(bool cancel_pending) noexcept;
    // Until all calls are done, whatever the caller's cancels and deadlines.
    void drain() noexcept;

private:
    void run() noexcept;
    FutureCore* take() noexcept;
    void give_up(const std::exception_ptr& error, const FutureCore& latest);

    const std::size_t most_runners_;
    Spin spin_;
    FutureCore* first_ = nullptr;
    FutureCore* last_ = nullptr;
    std::size_t queued_ = 0;
    std::size_t runners_ = 0;
    bool closed_ = false;
    WaitList drainers_{"executor shutdown"};
};

}  // namespace thrum::internal
