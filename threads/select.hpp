// thrum/threads/select.hpp: floor 1, threads
// select: waits for several queues and futures at once, and for a time, and does the one thing that comes
// first.
#pragma once

#include <thrum/threads/future.hpp>
#include <thrum/threads/internal/select_case.hpp>
#include <thrum/threads/queue.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <utility>

namespace thrum {

// The cases of select(). They are made inside its parentheses and hold references to what they were given.
// case.when(false) leaves a case out of this select, as a nil channel does in Go.

// Ready when there is an item, which `handler(item)` is then given as an rvalue, and which is out of the
// queue whatever the handler throws; and when the queue is shut down and drained: a handler that takes
// std::optional<T> is given an empty one, with any other select() throws QueueShutDown.
template <class T, class Storage, class Handler>
[[nodiscard]] auto on_get(BasicQueue<T, Storage>& queue, Handler handler) {
    return internal::GetCase<T, Storage, Handler>(queue, std::move(handler));
}

// Ready when there is room: then the value is in, and `handler()` is called. An rvalue is moved from only
// then. Ready too when the queue is shut down: select() throws QueueShutDown.
template <class T, class Storage, class Value, class Handler = internal::DoNothing>
[[nodiscard]] auto on_put(BasicQueue<T, Storage>& queue, Value&& value, Handler handler = {}) {
    return internal::PutCase<T, Storage, Value&&, Handler>(queue, std::forward<Value>(value),
                                                           std::move(handler));
}

// Ready when the future is done, in whichever way; `handler(future)` is called. Throws InvalidStateError when
// it is empty.
template <class T, class Handler>
[[nodiscard]] auto on_done(Future<T>& future, Handler handler) {
    return internal::DoneCase<T, Handler>(future, std::move(handler));
}

// Ready when nothing else was for so long.
template <class Handler = internal::DoNothing>
[[nodiscard]] auto after(std::chrono::nanoseconds duration, Handler handler = {}) {
    return internal::TimeCase<Handler>(deadline_after(duration), std::move(handler));
}

// Ready when nothing else is: select() does not wait then.
template <class Handler = internal::DoNothing>
[[nodiscard]] auto otherwise(Handler handler = {}) {
    return internal::OtherwiseCase<Handler>(std::move(handler));
}

// Go's select. Waits until one case is ready, does that one alone, calls its handler with nothing locked, and
// returns its number, from 0, in the order of the arguments. Among several that are ready each is as likely.
// Costs as much as there are cases. Throws what the handler throws, Cancelled, and TimeoutError when the
// deadline in force passes first; nothing was taken or put then. Callable from threads of every kind.
template <class... Cases>
std::size_t select(Cases&&... cases) {
    static_assert(sizeof...(Cases) > 0, "a select without cases would wait for ever");
    const std::array<internal::SelectCase*, sizeof...(Cases)> table{&cases...};
    std::array<std::size_t, sizeof...(Cases)> order;
    const std::size_t chosen = internal::select_among(table.data(), order.data(), table.size());
    std::size_t number = 0;
    ((number++ == chosen ? cases.run() : void()), ...);
    return chosen;
}

}  // namespace thrum
