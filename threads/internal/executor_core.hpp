// thrum/threads/internal/executor_core.hpp: floor 1, threads
// The queue of calls behind a thread pool, and the threads that make them.
#pragma once

#include <thrum/threads/internal/call_queue.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

namespace thrum::internal {

struct PoolSettings {
    std::size_t most_runners;
    std::string name_prefix;
    std::function<void()> initializer;
    std::size_t stack_size;
};

// Thread-safe.
class ExecutorCore : public std::enable_shared_from_this<ExecutorCore> {
public:
    explicit ExecutorCore(PoolSettings settings) noexcept : settings_(std::move(settings)) {}
    ~ExecutorCore();

    // Takes over a reference to the call; if it throws, the caller has it still. Throws ExecutorShutDown
    // after close(), BrokenThreadPool after a failed initializer, and what starting a thread throws.
    void submit(FutureCore& call);
    void close(bool cancel_pending) noexcept;
    // Until all calls are done, whatever the caller's cancels and deadlines.
    void drain() noexcept;
    // Whether the calling thread is one of its own, in a call, a callback or the initializer.
    bool runs_caller() noexcept;

private:
    void start_runner(std::size_t number);
    void run(std::size_t number) noexcept;
    bool initialize(CallBatch& own) noexcept;
    FutureCore* next_call(CallBatch& own, std::size_t batch) noexcept;
    FutureCore* take(CallBatch& own, std::size_t batch) noexcept;
    void let_some_come() noexcept;
    bool crowds_its_worker(const CallBatch& own) noexcept;
    bool hand_over(std::size_t number, CallBatch& own) noexcept;
    FutureCore* take_all() noexcept;
    void join_runners(CallBatch& own) noexcept;
    void leave_runners(CallBatch& own) noexcept;
    void break_with(const std::string& why, CallBatch& own) noexcept;
    void lose_runner(const std::exception_ptr& error) noexcept;
    bool stays() const noexcept { return settings_.initializer != nullptr; }

    const PoolSettings settings_;
    Spin spin_;
    CallQueue queue_;
    Atomic<std::size_t> queued_ = 0;  // its size, for a look without the lock
    CallBatch* batches_ = nullptr;    // of the runners
    std::size_t runners_ = 0;
    bool closed_ = false;
    std::exception_ptr broken_;
    WaitList idle_{"the next call"};  // runners that stay, between calls
    WaitList drainers_{"executor shutdown"};
};

}  // namespace thrum::internal
