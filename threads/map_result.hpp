// thrum/threads/map_result.hpp: floor 1, threads
// What Executor::map gives back: the results in the order of the input.
#pragma once

#include <thrum/threads/future.hpp>

#include <algorithm>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <ranges>
#include <type_traits>
#include <utility>
#include <vector>

namespace thrum {

namespace internal {

struct ExecutorAccess;

template <class Range, class Item>
std::ranges::range_value_t<Range> take_element(Item& item) {
    if constexpr (std::is_lvalue_reference_v<Range>) {
        return item;
    } else {
        return std::move(item);
    }
}

template <class Result>
struct MapSlot {
    ResultPlace<Result> place;
    std::exception_ptr error;
};

// The slots, which are read; written by the calls before their futures are done.
template <class Result>
class MapSlots {
public:
    explicit MapSlots(std::size_t count) : slots(count) {}
    std::vector<MapSlot<Result>> slots;
};

template <class Result, class Function, class Element>
class MapWork final : public MapSlots<Result> {
public:
    template <class Given>
    MapWork(Given&& function, std::vector<Element> elements)
        : MapSlots<Result>(elements.size()),
          function_(std::forward<Given>(function)),
          elements_(std::move(elements)) {}

    // A failure is its element's alone; a cancel ends the chunk.
    void run(std::size_t first, std::size_t last) {
        for (std::size_t i = first; i < last; ++i) {
            Element element = std::move(elements_[i]);  // so that it goes as soon as its call is over
            try {
                this->slots[i].place.fill(
                    [&]() -> decltype(auto) { return std::invoke(function_, element); });
            } catch (const Cancelled&) {
                throw;
            } catch (...) {
                this->slots[i].error = std::current_exception();
            }
        }
    }

private:
    Function function_;
    std::vector<Element> elements_;
};

}  // namespace internal

// The results of a map, in the order of the input. Iterate it, or wait(). Dropping it does not stop the
// calls. Where map() was given a timeout, reading past it throws TimeoutError, and the calls that have not
// begun are cancelled. Used by one thread at a time.
template <class Result>
class MapResult {
public:
    // Waits for all calls to end, then rethrows the first exception in the order of the input.
    void wait() {
        for (auto& chunk : chunks_) await(chunk);
        for (std::size_t i = 0; i < size(); ++i) read(i);
    }

    // Reading an element waits for it and rethrows its exception; one may go on to the next after that.
    class Iterator {
    public:
        using value_type = Result;
        using difference_type = std::ptrdiff_t;

        Iterator(MapResult& results, std::size_t at) noexcept : results_(&results), at_(at) {}
        decltype(auto) operator*() const { return results_->read(at_); }
        Iterator& operator++() {
            ++at_;
            return *this;
        }
        void operator++(int) { ++at_; }
        bool operator==(const Iterator&) const = default;

    private:
        MapResult* results_;
        std::size_t at_;
    };
    Iterator begin() noexcept { return Iterator(*this, 0); }
    Iterator end() noexcept { return Iterator(*this, size()); }
    std::size_t size() const noexcept { return slots_->slots.size(); }

private:
    friend class Executor;
    MapResult(std::shared_ptr<internal::MapSlots<Result>> slots, std::vector<Future<void>> chunks,
              std::size_t chunk_size, Deadline deadline) noexcept
        : slots_(std::move(slots)),
          chunks_(std::move(chunks)),
          chunk_size_(chunk_size),
          deadline_(deadline) {}

    void await(Future<void>& chunk) {
        if (chunk.done()) return;
        if (internal::FutureAccess::core(chunk).wait_until(deadline_)) return;
        for (auto& other : chunks_) internal::FutureAccess::core(other).cancel(false);
        throw TimeoutError("not all results of the map came in time; calls not begun were cancelled");
    }
    std::add_lvalue_reference_t<Result> read(std::size_t index) {
        auto& chunk = chunks_[index / chunk_size_];
        await(chunk);
        chunk.result();  // of a cancelled one, CancelledError
        auto& slot = slots_->slots[index];
        if (slot.error) std::rethrow_exception(slot.error);
        return slot.place.get();
    }

    std::shared_ptr<internal::MapSlots<Result>> slots_;
    std::vector<Future<void>> chunks_;
    std::size_t chunk_size_;
    Deadline deadline_;
};

}  // namespace thrum
