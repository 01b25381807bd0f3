// thrum/threads/internal/bound_call.hpp: floor 1, threads
// A function and its arguments, kept for a call that is made later and elsewhere: what Thread, TaskGroup,
// Timer, Executor::submit and to_thread do with theirs.
#pragma once

#include <functional>
#include <tuple>
#include <type_traits>
#include <utility>

namespace thrum::internal {

// As of std::thread ([thread.thread.constr]): both are copied or moved in, decayed, so that std::ref is how
// to pass a reference; and they are moved into the call, which can be made once.
template <class Function, class... Arguments>
struct BoundCall {
    std::invoke_result_t<Function, Arguments...> operator()() {
        return std::apply(std::move(function), std::move(arguments));
    }

    Function function;
    std::tuple<Arguments...> arguments;
};

template <class Function, class... Arguments>
BoundCall<std::decay_t<Function>, std::decay_t<Arguments>...> bind_call(Function&& function,
                                                                        Arguments&&... arguments) {
    return {std::decay_t<Function>(std::forward<Function>(function)),
            std::tuple<std::decay_t<Arguments>...>(std::forward<Arguments>(arguments)...)};
}

// What such a call gives.
template <class Function, class... Arguments>
using BoundResult = std::invoke_result_t<std::decay_t<Function>, std::decay_t<Arguments>...>;

}  // namespace thrum::internal
