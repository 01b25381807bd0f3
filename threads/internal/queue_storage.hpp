// thrum/threads/internal/queue_storage.hpp: floor 1, threads
// In which order a queue gives back its items. Each storage has push(item), take(place) and drain(). An item
// is moved once into `place`, and where a push or a take throws, whatever does, every item is where it was.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

namespace thrum::internal {

// A deque never moves what is in it, so only the move of the item that comes or goes can throw.
template <class T>
class FifoStorage {
public:
    template <class Item>
    void push(Item&& item) {
        items_.push_back(std::forward<Item>(item));
    }
    void take(std::optional<T>& place) {
        place.emplace(std::move(items_.front()));
        items_.pop_front();
    }
    // All of them, to be destroyed elsewhere.
    std::deque<T> drain() { return std::exchange(items_, {}); }

private:
    std::deque<T> items_;
};

template <class T>
class LifoStorage {
public:
    template <class Item>
    void push(Item&& item) {
        items_.push_back(std::forward<Item>(item));
    }
    void take(std::optional<T>& place) {
        place.emplace(std::move(items_.back()));
        items_.pop_back();
    }
    std::deque<T> drain() { return std::exchange(items_, {}); }

private:
    std::deque<T> items_;
};

// A binary heap, the least item first. All comparisons are made before anything is moved, so one that throws
// changes nothing. A heap moves what is in it: items whose moves may throw lie apart, and only pointers to
// them are moved.
template <class T, class Compare>
class HeapStorage {
public:
    explicit HeapStorage(Compare compare = Compare()) : compare_(std::move(compare)) {}

    template <class Item>
    void push(Item&& item) {
        std::size_t place = cells_.size();
        while (place > 0 && compare_(std::as_const(item), at(parent(place)))) place = parent(place);
        append(std::forward<Item>(item));
        for (std::size_t at = cells_.size() - 1; at != place; at = parent(at))
            std::swap(cells_[at], cells_[parent(at)]);
    }

    void take(std::optional<T>& taken) {
        const std::size_t last = cells_.size() - 1;
        std::size_t hole = 0;
        for (std::size_t child = 1; child < last; child = 2 * hole + 1) {
            if (child + 1 < last && compare_(at(child + 1), at(child))) ++child;
            if (!compare_(at(child), at(last))) break;
            hole = child;
        }
        taken.emplace(std::move(item_of(cells_.front())));
        // The last item goes to `hole`; those on the way there go up by one.
        for (std::size_t at = hole;; at = parent(at)) {
            if (at != last) std::swap(cells_[at], cells_[last]);
            if (at == 0) break;
        }
        cells_.pop_back();
    }

    auto drain() { return std::exchange(cells_, {}); }

private:
    static constexpr bool apart =
        !std::is_nothrow_move_constructible_v<T> || !std::is_nothrow_move_assignable_v<T>;
    using Cell = std::conditional_t<apart, std::unique_ptr<T>, T>;

    static std::size_t parent(std::size_t child) noexcept { return (child - 1) / 2; }
    static T& item_of(Cell& cell) noexcept {
        if constexpr (apart) {
            return *cell;
        } else {
            return cell;
        }
    }
    const T& at(std::size_t place) noexcept { return item_of(cells_[place]); }

    template <class Item>
    void append(Item&& item) {
        if constexpr (apart) {
            cells_.emplace_back();  // first, so that the item is not moved in vain where there is no memory
            try {
                cells_.back() = std::make_unique<T>(std::forward<Item>(item));
            } catch (...) {
                cells_.pop_back();
                throw;
            }
        } else {
            cells_.push_back(std::forward<Item>(item));
        }
    }

    std::vector<Cell> cells_;
    Compare compare_;
};

}  // namespace thrum::internal
