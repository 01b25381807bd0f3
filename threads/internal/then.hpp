// thrum/threads/internal/then.hpp: floor 1, threads
// How one future follows from another.
#pragma once

#include <thrum/threads/internal/future_state.hpp>

#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace thrum {
class Executor;
template <class T>
class Future;
}  // namespace thrum

namespace thrum::internal {

// What a continuation's result is to the future that stands for it: that of the future it gave, where it gave
// one.
template <class Result>
struct Unwrapped {
    using Value = Result;
    static constexpr bool is_future = false;
};
template <class Result>
struct Unwrapped<Future<Result>> {
    using Value = Result;
    static constexpr bool is_future = true;
};

// They throw InvalidStateError.
[[noreturn]] void throw_result_taken();
[[noreturn]] void throw_empty_result();
[[noreturn]] void throw_follows_itself();

// The call that fills the derived future. Made only where the source has a result.
template <class T, class Function, bool taking>
class ThenCall {
    template <class Value>
    struct Of {
        using Given = std::conditional_t<taking, Value&&, Value&>;
        using Result = std::invoke_result_t<Function&, Given>;
    };
    template <class Value>
    requires std::is_void_v<Value>
    struct Of<Value> {
        using Result = std::invoke_result_t<Function&>;
    };

public:
    using Result = typename Of<T>::Result;

    template <class Given>
    ThenCall(StateHandle<T> source, Given&& function)
        : source_(std::move(source)), function_(std::forward<Given>(function)) {}

    Result operator()() {
        auto& place = source_->result;
        if (taking ? !place.claim() : place.taken()) throw_result_taken();
        if constexpr (std::is_void_v<T>) {
            return function_();
        } else {
            return function_(static_cast<typename Of<T>::Given>(place.get()));
        }
    }

private:
    StateHandle<T> source_;
    Function function_;
};

// Makes that call when the source is done, here or on an executor, or hands on the source's failure.
class Then final : public Continuation {
public:
    // Takes references of its own.
    Then(FutureCore& source, FutureCore& derived, Executor* executor) noexcept;
    ~Then() override;
    void run(Continuations& later) noexcept override;

private:
    FutureCore& source_;
    FutureCore& derived_;
    Executor* executor_;
};

// Ends a future as the one that it follows.
class Following final : public Continuation {
public:
    explicit Following(FutureCore& follower) noexcept : follower_(follower) { follower_.retain(); }
    ~Following() override { follower_.release(); }
    void run(Continuations& later) noexcept override { follower_.end_as_followed(later); }

private:
    FutureCore& follower_;
};

// Filled by the future that a call gives: `Function` returns its state. Cancels are passed to that.
template <class T, class Function>
class FollowingState final : public FutureState<T> {
public:
    explicit FollowingState(Function&& function) : function_(std::move(function)) {}

private:
    ~FollowingState() override {
        if (followed_ != nullptr) followed_->release();
    }

    bool call() override {
        StateHandle<T> given = (*function_)();
        if (given == nullptr) throw_empty_result();
        if (&*given == this) throw_follows_itself();
        following_ = std::make_unique<Following>(*this);
        followed_ = &*given;
        followed_->retain();
        return false;
    }
    void drop_call() noexcept override { function_.reset(); }
    FutureCore* followed() const noexcept override { return followed_; }
    void begin_following(Continuations* later) noexcept override {
        followed_->add_continuation(std::move(following_), later);
    }
    void take_result_of_followed() override {
        if (!followed_->result.claim()) throw_result_taken();
        this->result.fill([this]() -> decltype(auto) { return followed_->result.take(); });
    }
    void forget_followed() noexcept override { followed_ = nullptr; }

    std::optional<Function> function_;
    FutureState<T>* followed_ = nullptr;  // with a reference
    std::unique_ptr<Following> following_;
};

}  // namespace thrum::internal
