// thrum/threads/executor.hpp: floor 1, threads
// Executor: whatever makes calls for others. submit() and map() come with it; how the calls are made is for
// those who derive from it, such as ThreadPoolExecutor.
#pragma once

#include <thrum/threads/future.hpp>
#include <thrum/threads/internal/bound_call.hpp>
#include <thrum/threads/map_result.hpp>

#include <concepts>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <ranges>
#include <type_traits>
#include <utility>

namespace thrum {

// submit() after shutdown().
class ExecutorShutDown : public Error {
public:
    ExecutorShutDown() : Error("cannot submit to an executor that was shut down") {}
};

// The executor can no longer make calls. Python's concurrent.futures.BrokenExecutor.
class BrokenExecutor : public Error {
public:
    using Error::Error;
};

// A call to be made once, whatever its type: what an executor is given. Move-only; any thread may make it,
// or, instead, end its future in another way. One that is dropped unmade ends its future as cancelled.
class Call {
public:
    Call(Call&& other) noexcept : core_(std::exchange(other.core_, nullptr)) {}
    Call& operator=(Call&& other) noexcept {
        std::swap(core_, other.core_);
        return *this;
    }
    ~Call() { end(&internal::FutureCore::give_up); }

    // Makes the call, unless it was cancelled meanwhile; its result or exception is then its future's, whose
    // callbacks run before this returns. A Future::cancel() meanwhile cancels the calling thread's next wait.
    // A second time does nothing.
    void operator()() noexcept { end(&internal::FutureCore::execute); }
    // Instead: ends the future with an exception, or as cancelled.
    void fail(std::exception_ptr error) noexcept {
        if (core_ != nullptr) core_->fail(std::move(error));
        end(nullptr);
    }
    void cancel() noexcept { end(&internal::FutureCore::give_up); }
    // There is nothing left to do: its future was cancelled, or it was made.
    bool done() const noexcept { return core_ == nullptr || core_->done(); }

private:
    friend class Executor;
    friend class ThreadPoolExecutor;
    friend struct internal::ExecutorAccess;
    explicit Call(internal::FutureCore& adopted) noexcept : core_(&adopted) {}

    void end(void (internal::FutureCore::*how)(internal::Continuations*)) noexcept {
        internal::FutureCore* const core = std::exchange(core_, nullptr);
        if (core == nullptr) return;
        if (how != nullptr) (core->*how)(nullptr);
        core->release();
    }

    internal::FutureCore* core_;
};

struct MapOptions {
    std::size_t chunk_size = 1;  // elements per call, one after another; more where one costs next to nothing
    std::chrono::nanoseconds timeout = std::chrono::nanoseconds::max();  // for all results, from map() on
};

// Python's concurrent.futures.Executor. To make one's own, override submit_call() and shutdown().
class Executor {
public:
    Executor() = default;
    Executor(const Executor&) = delete;
    Executor& operator=(const Executor&) = delete;
    virtual ~Executor() = default;

    // Has function(arguments...) called; both are copied or moved into the call. Throws ExecutorShutDown
    // after shutdown(), BrokenExecutor where no calls can be made.
    template <class Function, class... Arguments>
    requires std::is_invocable_v<std::decay_t<Function>, std::decay_t<Arguments>...>
    auto submit(Function&& function, Arguments&&... arguments) {
        return enqueue<internal::BoundResult<Function, Arguments...>>(
            internal::bind_call(std::forward<Function>(function), std::forward<Arguments>(arguments)...));
    }

    // Has the function called with each element, all at once as far as workers go, `chunk_size` after one
    // another. Elements are copied from an lvalue range, moved from an rvalue; the one function object is
    // called from several threads at a time. See MapResult for reading the results and for the timeout.
    // Throws as submit() does, and Error for a chunk size of 0.
    template <class Function, std::ranges::input_range Range>
    auto map(Function&& function, Range&& range, const MapOptions& options = {}) {
        using Element = std::ranges::range_value_t<Range>;
        std::vector<Element> elements;
        if constexpr (std::ranges::sized_range<Range>) elements.reserve(std::ranges::size(range));
        for (auto&& item : range) elements.push_back(internal::take_element<Range>(item));
        return map_elements(std::forward<Function>(function), std::move(elements), options);
    }
    // function(a, b) for the elements of two ranges side by side, as many as the shorter has.
    template <class Function, std::ranges::input_range First, std::ranges::input_range Second>
    auto map(Function&& function, First&& first, Second&& second, const MapOptions& options = {}) {
        using A = std::ranges::range_value_t<First>;
        using B = std::ranges::range_value_t<Second>;
        std::vector<std::pair<A, B>> elements;
        auto b = std::ranges::begin(second);
        for (auto&& item : first) {
            if (b == std::ranges::end(second)) break;
            auto&& other = *b;
            elements.emplace_back(internal::take_element<First>(item), internal::take_element<Second>(other));
            ++b;
        }
        auto both = [function = std::decay_t<Function>(std::forward<Function>(function))](
                        std::pair<A, B>& pair) mutable -> decltype(auto) {
            return std::invoke(function, pair.first, pair.second);
        };
        return map_elements(std::move(both), std::move(elements), options);
    }

    // No more calls are accepted. `cancel_futures` cancels those that have not begun. Waits for the rest if
    // `wait`. May be called again.
    virtual void shutdown(bool wait = true, bool cancel_futures = false) = 0;

protected:
    // Has the call made, now or later, here or elsewhere, once. By any thread. Throws ExecutorShutDown or
    // BrokenExecutor when no more are accepted; best before it takes over the call, which then ends with
    // that.
    virtual void submit_call(Call&& call) = 0;

private:
    friend struct internal::ExecutorAccess;

    template <class Result, class Function>
    Future<Result> enqueue(Function&& function) {
        internal::StateHandle<Result> state(
            // NOLINTNEXTLINE(bugprone-move-forwarding-reference): the callers hand over calls of their own
            new internal::CallState<Result, std::decay_t<Function>>(std::move(function)));
        state->retain();
        submit_call(Call(*state));
        return Future<Result>(std::move(state));
    }

    template <class Function, class Element>
    auto map_elements(Function&& function, std::vector<Element> elements, const MapOptions& options) {
        using Result = std::invoke_result_t<std::decay_t<Function>&, Element&>;
        using Work = internal::MapWork<Result, std::decay_t<Function>, Element>;
        if (options.chunk_size == 0) throw Error("cannot map in chunks of 0 elements; one is the least");
        const Deadline deadline = deadline_after(options.timeout);
        const std::size_t count = elements.size();
        const auto work = std::make_shared<Work>(std::forward<Function>(function), std::move(elements));
        std::vector<Future<void>> chunks;
        chunks.reserve(count / options.chunk_size + 1);
        for (std::size_t first = 0; first < count;) {
            const std::size_t last = first + std::min(options.chunk_size, count - first);
            chunks.push_back(enqueue<void>([work, first, last] { work->run(first, last); }));
            first = last;
        }
        return MapResult<Result>(work, std::move(chunks), options.chunk_size, deadline);
    }
};

namespace internal {

struct ExecutorAccess {
    // Has `core` called by the executor, which gets a reference of its own; it fails where that throws.
    static void submit(Executor& executor, FutureCore& core) noexcept {
        core.retain();
        Call call(core);
        try {
            executor.submit_call(std::move(call));
        } catch (const Cancelled&) {
            call.cancel();
            current_task().cancel();  // for this thread's next wait
        } catch (...) {
            call.fail(std::current_exception());
        }
    }
};

}  // namespace internal

}  // namespace thrum
