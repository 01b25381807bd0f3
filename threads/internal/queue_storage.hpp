// thrum/threads/internal/queue_storage.hpp: floor 1, threads
// In which order a queue gives back its items. Each storage has push(item), which leaves the item alone if it
// throws, take(place), which leaves the items alone if it throws, and drain().
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

namespace thrum::internal {

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
    std::vector<T> drain() { return std::exchange(items_, {}); }

private:
    std::vector<T> items_;
};

// A binary heap, the least item first. All comparisons are made before anything is moved, so one that throws
// changes nothing.
template <class T, class Compare>
class HeapStorage {
public:
    explicit HeapStorage(Compare compare = Compare()) : compare_(std::move(compare)) {}

    template <class Item>
    void push(Item&& item) {
        std::size_t place = items_.size();
        while (place > 0 && compare_(std::as_const(item), std::as_const(items_[parent(place)])))
            place = parent(place);
        items_.push_back(std::forward<Item>(item));
        for (std::size_t at = items_.size() - 1; at != place; at = parent(at))
            std::swap(items_[at], items_[parent(at)]);
    }

    void take(std::optional<T>& taken) {
        const std::size_t last = items_.size() - 1;
        std::size_t hole = 0;
        for (std::size_t child = 1; child < last; child = 2 * hole + 1) {
            const auto& items = items_;
            if (child + 1 < last && compare_(items[child + 1], items[child])) ++child;
            if (!compare_(items[child], items[last])) break;
            hole = child;
        }
        taken.emplace(std::move(items_.front()));
        // The last item goes to `hole`; those on the way there go up by one.
        for (std::size_t at = hole;; at = parent(at)) {
            if (at != last) std::swap(items_[at], items_[last]);
            if (at == 0) break;
        }
        items_.pop_back();
    }

    std::vector<T> drain() { return std::exchange(items_, {}); }

private:
    static std::size_t parent(std::size_t child) noexcept { return (child - 1) / 2; }

    std::vector<T> items_;
    Compare compare_;
};

}  // namespace thrum::internal
