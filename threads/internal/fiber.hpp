// thrum/threads/internal/fiber.hpp: floor 1, threads
// The control block of a fiber. It lies at the top of the fiber's stack, so a parked thread touches one page.
#pragma once

#include <thrum/threads/internal/atomic.hpp>
#include <thrum/threads/internal/context.hpp>
#include <thrum/threads/internal/stack.hpp>
#include <thrum/threads/internal/task.hpp>
#include <thrum/threads/internal/wait_list.hpp>

#include <exception>
#include <string>

namespace thrum::internal {

class Worker;

class Fiber final : public Task {
public:
    // Where the fiber of a stack lies: below its header.
    static Fiber& at(StackHeader& header) noexcept;

    Fiber(const Stack& stack, void* closure, char* stack_top, std::string name) noexcept;

    // Two references: the handle's and the run's. The last one frees the fiber.
    void release() noexcept;

    // Parks the caller until the function has ended. Wake::notified then; else why the wait ended first.
    Wake wait_finished(Deadline deadline, bool shielded) noexcept;
    bool finished() const noexcept { return finished_.load(std::memory_order_acquire); }
    // After it has finished: what the function threw, if it was not Cancelled.
    std::exception_ptr& error() noexcept { return error_; }
    // Nobody will join: an error is reported on standard error, now or when it comes.
    void disown() noexcept;
    void report_error() noexcept;

    // What the reason of those who wait for its end holds.
    const void* joining_key() const noexcept { return &spin_; }

    const std::string& given_name() const noexcept { return name_; }
    std::string name() const { return name_.empty() ? "Thread-" + std::to_string(id) : name_; }

    Context context;
    Fiber* next = nullptr;                  // in a queue of ready or new fibers
    std::atomic<Worker*> worker = nullptr;  // pinned to it from the first run on
    void (*run)(void*) = nullptr;
    void* const closure;
    const Stack stack;

private:
    static void entry(Context& context);
    void execute() noexcept;
    void finish() noexcept;

    static constexpr unsigned disowned_bit = 1;
    static constexpr unsigned ended_bit = 2;

    Spin spin_;
    WaitList joiners_{"Thread.join"};
    Atomic<bool> finished_ = false;
    Atomic<unsigned> fate_ = 0;
    std::exception_ptr error_;
    std::string name_;
};

// First in, first out, linked through Fiber::next. Not thread-safe.
class FiberQueue {
public:
    bool empty() const noexcept { return seems_empty(); }
    // By any thread; true or not by the time it returns.
    bool seems_empty() const noexcept { return first_.load(std::memory_order_relaxed) == nullptr; }
    std::size_t size() const noexcept { return size_; }
    Fiber* front() const noexcept { return first_.load(std::memory_order_relaxed); }
    void push_back(Fiber& fiber) noexcept {
        fiber.next = nullptr;
        if (last_ != nullptr) {
            last_->next = &fiber;
        } else {
            first_.store(&fiber, std::memory_order_relaxed);
        }
        last_ = &fiber;
        ++size_;
    }
    Fiber* pop_front() noexcept {
        Fiber* const fiber = first_.load(std::memory_order_relaxed);
        if (fiber == nullptr) return nullptr;
        first_.store(fiber->next, std::memory_order_relaxed);
        if (fiber->next == nullptr) last_ = nullptr;
        --size_;
        return fiber;
    }

private:
    std::atomic<Fiber*> first_ = nullptr;
    Fiber* last_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace thrum::internal
