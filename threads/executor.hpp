// thrum/threads/executor.hpp: floor 1, threads
// ThreadPoolExecutor: calls made by a bounded number of threads.
#pragma once

#include <thrum/threads/future.hpp>
#include <thrum/threads/internal/executor_core.hpp>

#include <cstddef>
#include <functional>
#include <iterator>
#include <memory>
#include <ranges>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace thrum {

// What map() gives: the results in the order of the input. Iterate it, or wait().
template <class Result>
class MapResult {
public:
    explicit MapResult(std::vector<Future<Result>> futures) noexcept : futures_(std::move(futures)) {}

    // Waits for all calls to end, then rethrows the first exception in the order of the input.
    void wait() {
        for (auto& future : futures_) future.wait();
        for (auto& future : futures_) future.result();
    }

    // Reading an element waits for it and rethrows its exception.
    class Iterator {
    public:
        using value_type = Result;
        using difference_type = std::ptrdiff_t;

        explicit Iterator(typename std::vector<Future<Result>>::iterator at) noexcept : at_(at) {}
        decltype(auto) operator*() const { return at_->result(); }
        Iterator& operator++() {
            ++at_;
            return *this;
        }
        void operator++(int) { ++at_; }
        bool operator==(const Iterator&) const = default;

    private:
        typename std::vector<Future<Result>>::iterator at_;
    };
    Iterator begin() noexcept { return Iterator(futures_.begin()); }
    Iterator end() noexcept { return Iterator(futures_.end()); }
    std::size_t size() const noexcept { return futures_.size(); }

private:
    std::vector<Future<Result>> futures_;
};

// Python's ThreadPoolExecutor. Thread-safe. Its threads are started as calls come, `max_workers` at most, and
// end when there are none. The destructor waits for all calls, those not begun too, as Python's `with` does.
class ThreadPoolExecutor {
public:
    // Throws Error when max_workers is less than 1. The default is Python's: the number of processors + 4, at
    // most 32.
    ThreadPoolExecutor();
    explicit ThreadPoolExecutor(int max_workers);
    ~ThreadPoolExecutor();
    ThreadPoolExecutor(const ThreadPoolExecutor&) = delete;
    ThreadPoolExecutor& operator=(const ThreadPoolExecutor&) = delete;

    // Has function(arguments...) called; both are copied or moved into the call. Throws Error after
    // shutdown().
    template <class Function, class... Arguments>
    requires std::is_invocable_v<std::decay_t<Function>, std::decay_t<Arguments>...>
    auto submit(Function&& function, Arguments&&... arguments) {
        using Result = std::invoke_result_t<std::decay_t<Function>, std::decay_t<Arguments>...>;
        return enqueue<Result>([function = std::decay_t<Function>(std::forward<Function>(function)),
                                bound = std::tuple<std::decay_t<Arguments>...>(
                                    std::forward<Arguments>(arguments)...)]() mutable -> Result {
            return std::apply(std::move(function), std::move(bound));
        });
    }

    // Has the function called with each element, all at once as far as workers go. Elements are copied from
    // an lvalue range, moved from an rvalue; the one function object is called from several threads at a
    // time.
    template <class Function, std::ranges::input_range Range>
    auto map(Function&& function, Range&& range) {
        using Element = std::ranges::range_value_t<Range>;
        using Result = std::invoke_result_t<std::decay_t<Function>&, Element&>;
        const auto shared = std::make_shared<std::decay_t<Function>>(std::forward<Function>(function));
        std::vector<Future<Result>> futures;
        if constexpr (std::ranges::sized_range<Range>) futures.reserve(std::ranges::size(range));
        for (auto&& item : range) {
            auto call = [shared, element = take<Range>(item)]() mutable -> Result {
                return std::invoke(*shared, element);
            };
            futures.push_back(enqueue<Result>(std::move(call)));
        }
        return MapResult<Result>(std::move(futures));
    }

    // No more calls are accepted. `cancel_futures` cancels those that have not begun. Waits for the rest if
    // `wait`.
    void shutdown(bool wait = true, bool cancel_futures = false);

private:
    template <class Range, class Item>
    static std::ranges::range_value_t<Range> take(Item& item) {
        if constexpr (std::is_lvalue_reference_v<Range>) {
            return item;
        } else {
            return std::move(item);
        }
    }

    template <class Result, class Call>
    Future<Result> enqueue(Call&& call) {
        internal::StateHandle<Result> state(
            // NOLINTNEXTLINE(bugprone-move-forwarding-reference): the callers hand over lambdas of their own
            new internal::CallState<Result, std::decay_t<Call>>(std::move(call)));
        core_->submit(*state);
        return Future<Result>(std::move(state));
    }

    std::shared_ptr<internal::ExecutorCore> core_;
};

}  // namespace thrum
