// thrum/threads/internal/future_state.hpp: floor 1, threads
// What a Future and the thread that makes its call share, counted by reference.
#pragma once

#include <thrum/base/errors.hpp>
#include <thrum/threads/internal/wait_list.hpp>

#include <exception>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

namespace thrum::internal {

class FutureCore {
public:
    FutureCore() noexcept = default;
    FutureCore(const FutureCore&) = delete;
    FutureCore& operator=(const FutureCore&) = delete;

    void retain() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
    void release() noexcept {
        if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
    }

    bool done() const noexcept { return status() >= Status::finished; }
    bool running() const noexcept { return status() == Status::running; }
    bool cancelled() const noexcept { return status() == Status::cancelled; }
    const std::exception_ptr& error() const noexcept { return error_; }
    // False when `deadline` passed first. Throws as waits do.
    bool wait_until(Deadline deadline);
    bool cancel();
    void add_callback(std::function<void()> callback);

    // By the thread that makes the call, once: begins it, unless it was cancelled before, and finishes it.
    void execute() noexcept;
    // Instead of execute(): the call will never be made.
    void fail(std::exception_ptr error) noexcept;

    FutureCore* next = nullptr;  // in an executor's queue

protected:
    virtual ~FutureCore() = default;
    // Makes the call and keeps its result. Throws what it throws.
    virtual void call() = 0;
    // Destroys the function, called or not.
    virtual void drop_call() noexcept = 0;

private:
    enum class Status : unsigned char { pending, running, finished, cancelled };
    Status status() const noexcept { return status_.load(std::memory_order_acquire); }
    void finish(Status status, SpinGuard& guard) noexcept;

    Atomic<unsigned> references_ = 1;
    Spin spin_;
    Atomic<Status> status_ = Status::pending;
    Task* runner_ = nullptr;
    WaitList waiters_{"Future"};
    std::exception_ptr error_;
    std::vector<std::function<void()>> callbacks_;
};

template <class T>
class FutureState : public FutureCore {
public:
    std::optional<T> value;
};
template <>
class FutureState<void> : public FutureCore {};

template <class T, class Function>
class CallState final : public FutureState<T> {
public:
    explicit CallState(Function&& function) : function_(std::move(function)) {}

private:
    void call() override {
        if constexpr (std::is_void_v<T>) {
            (*function_)();
        } else {
            this->value.emplace((*function_)());
        }
    }
    void drop_call() noexcept override { function_.reset(); }

    std::optional<Function> function_;
};

// An owning pointer to a state.
template <class T>
class StateHandle {
public:
    StateHandle() noexcept = default;
    StateHandle(std::nullptr_t) noexcept {}
    explicit StateHandle(FutureState<T>* adopted) noexcept : state_(adopted) {}
    StateHandle(const StateHandle& other) noexcept : state_(other.state_) {
        if (state_ != nullptr) state_->retain();
    }
    StateHandle(StateHandle&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
    StateHandle& operator=(StateHandle other) noexcept {
        std::swap(state_, other.state_);
        return *this;
    }
    ~StateHandle() {
        if (state_ != nullptr) state_->release();
    }
    FutureState<T>& operator*() const noexcept { return *state_; }
    FutureState<T>* operator->() const noexcept { return state_; }
    bool operator==(std::nullptr_t) const noexcept { return state_ == nullptr; }

private:
    FutureState<T>* state_ = nullptr;
};

}  // namespace thrum::internal
