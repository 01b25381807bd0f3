// thrum/threads/internal/then.hpp: floor 1, threads
// How one future follows from another.
#pragma once

#include <thrum/threads/internal/future_state.hpp>

#include <type_traits>
#include <utility>

namespace thrum {
class Executor;
}

namespace thrum::internal {

struct FutureAccess;

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
    ThenCall(StateHandle<T> source, Given&& function, void (*throw_taken)())
        : source_(std::move(source)), function_(std::forward<Given>(function)), throw_taken_(throw_taken) {}

    Result operator()() {
        auto& place = source_->result;
        if (taking ? !place.claim() : place.taken()) throw_taken_();
        if constexpr (std::is_void_v<T>) {
            return function_();
        } else {
            return function_(static_cast<typename Of<T>::Given>(place.get()));
        }
    }

private:
    StateHandle<T> source_;
    Function function_;
    void (*throw_taken_)();
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

}  // namespace thrum::internal
