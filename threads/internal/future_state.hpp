// thrum/threads/internal/future_state.hpp: floor 1, threads
// What a Future and whoever will finish it share, counted by reference.
#pragma once

#include <thrum/base/errors.hpp>
#include <thrum/threads/internal/block_pool.hpp>
#include <thrum/threads/internal/continuation.hpp>
#include <thrum/threads/internal/wait_list.hpp>

#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>

namespace thrum::internal {

struct Watch;

// Thread-safe. Pending, perhaps running, then finished (with a result or an error) or cancelled for good.
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
    bool running() const noexcept { return status() == Status::running || status() == Status::completing; }
    bool cancelled() const noexcept { return status() == Status::cancelled; }
    const std::exception_ptr& error() const noexcept { return error_; }
    // False when `deadline` passed first. Throws as waits do.
    bool wait_until(Deadline deadline);
    // Has it cancelled where it has not begun; else, if `running_too`, asks the thread that makes it to stop.
    bool cancel(bool running_too = true);
    // Run once done, by whoever finishes it; at once, by the caller, where it is done, or left in `later`.
    void add_continuation(std::unique_ptr<Continuation> continuation,
                          Continuations* later = nullptr) noexcept;
    // For select(). False when it is done; else the waiter is woken when it is, or withdrawn before.
    bool enlist(Waiter& waiter) noexcept;
    void withdraw(Waiter& waiter) noexcept;
    // Tells the watch's set once done, at once where it is.
    void watch(Watch& watch) noexcept;
    void unwatch(Watch& watch) noexcept;

    // By the thread that makes the call, once: begins it, unless it was cancelled before, and finishes it.
    // With `later`, its continuations are left there instead of being run.
    void execute(Continuations* later = nullptr) noexcept;
    // Instead of execute(): the call will never be made. Nothing where it is no longer pending.
    void fail(std::exception_ptr error, Continuations* later = nullptr) noexcept;
    void give_up(Continuations* later = nullptr) noexcept;  // as a cancel of what is pending

    // For who finishes it by hand. begin(): pending to running; false when cancelled, throws where it began
    // before. claim_completion(): from here on nobody else may finish it; then complete(), or
    // unclaim_completion() when there is no result after all.
    bool begin();
    bool claim_completion() noexcept;
    void unclaim_completion() noexcept;
    void complete(std::exception_ptr error) noexcept;

    // Once the future that this one follows is done: ends as that did.
    void end_as_followed(Continuations& later) noexcept;

    FutureCore* next = nullptr;  // among those that an executor gave up

    // Made by one thread and most often freed by another.
    static void* operator new(std::size_t size) { return take_block(size); }
    static void operator delete(void* memory, std::size_t size) noexcept { give_block(memory, size); }
    static void* operator new(std::size_t size, std::align_val_t alignment) {
        return ::operator new(size, alignment);
    }
    static void operator delete(void* memory, std::size_t, std::align_val_t alignment) noexcept {
        ::operator delete(memory, alignment);
    }

protected:
    virtual ~FutureCore() = default;
    // Makes the call and keeps its result. Throws what it throws. False where the call gave another future,
    // whose end will be this one's too: then begin_following() comes next.
    virtual bool call() = 0;
    // Destroys the function, called or not.
    virtual void drop_call() noexcept = 0;
    // For those whose call() returns false. The followed one; has it call end_as_followed() when it is done;
    // takes its result; leaves its reference to the caller.
    virtual FutureCore* followed() const noexcept { return nullptr; }
    virtual void begin_following(Continuations*) noexcept {}
    virtual void take_result_of_followed() {}
    virtual void forget_followed() noexcept {}

private:
    enum class Status : unsigned char { pending, running, completing, finished, cancelled };
    Status status() const noexcept { return status_.load(std::memory_order_acquire); }
    void finish(Status status, SpinGuard& guard, Continuations* later) noexcept;
    bool settle_cancels(Task& task, bool ended_by_one) noexcept;
    bool cancel_one(bool running_too, FutureCore*& next) noexcept;

    Atomic<unsigned> references_ = 1;
    Spin spin_;
    Atomic<Status> status_ = Status::pending;
    bool began_ = false;
    unsigned cancels_sent_ = 0;  // to the runner
    Task* runner_ = nullptr;
    WaitList waiters_{"Future"};
    Watch* watches_ = nullptr;
    std::exception_ptr error_;
    Continuations continuations_;
};

// The place of a result, which can be taken out once.
template <class T>
class ResultPlace {
public:
    template <class Maker>
    void fill(Maker&& maker) {
        value_.emplace(std::forward<Maker>(maker)());
    }
    bool taken() const noexcept { return taken_.load(std::memory_order_relaxed); }
    T& get() noexcept { return *value_; }
    // False for all but the first.
    bool claim() noexcept { return !taken_.exchange(true); }
    T take() { return std::move(*value_); }

private:
    std::optional<T> value_;
    Atomic<bool> taken_ = false;
};
template <class T>
class ResultPlace<T&> {
public:
    template <class Maker>
    void fill(Maker&& maker) {
        value_ = std::addressof(std::forward<Maker>(maker)());
    }
    bool taken() const noexcept { return false; }
    T& get() noexcept { return *value_; }
    bool claim() noexcept { return true; }
    T& take() noexcept { return *value_; }

private:
    T* value_ = nullptr;
};
template <>
class ResultPlace<void> {
public:
    template <class Maker>
    void fill(Maker&& maker) {
        std::forward<Maker>(maker)();
    }
    bool taken() const noexcept { return false; }
    void get() noexcept {}
    bool claim() noexcept { return true; }
    void take() noexcept {}
};

template <class T>
class FutureState : public FutureCore {
public:
    ResultPlace<T> result;
};

// Filled by calling a function.
template <class T, class Function>
class CallState final : public FutureState<T> {
public:
    explicit CallState(Function&& function) : function_(std::move(function)) {}

private:
    bool call() override {
        this->result.fill(*function_);
        return true;
    }
    void drop_call() noexcept override { function_.reset(); }

    std::optional<Function> function_;
};

// Filled by hand.
template <class T>
class PromiseState final : public FutureState<T> {
private:
    bool call() override { return true; }
    void drop_call() noexcept override {}
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
