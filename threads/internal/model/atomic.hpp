// thrum/threads/internal/model/atomic.hpp: floor 1, threads
// An atomic whose every operation is a place where the model's scheduler may let another thread go on. All
// runs in one operating-system thread, so what is explored is sequentially consistent, whatever order was
// asked for; but where stores are late, as a processor's store buffer makes them, one that is not
// std::memory_order_seq_cst is seen by others some time after, and a relaxed one after later ones.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>

namespace thrum::internal::model {

// Where in the code an operation stands, for the trace.
struct Place {
    const char* file;
    int line;
};

// Before an operation on the atomic at `at`: other threads may run first. Fails the schedule where the object
// around it was destroyed. A fence lets the thread's late stores be seen.
void step(const void* at, const char* operation, Place place, bool fence) noexcept;
// After it: the value now there, and whether the operation changed it.
void done(std::uint64_t value, bool changed) noexcept;
// Whether a compare_exchange_weak shall fail without a reason.
bool spurious() noexcept;
// One of so many, where the code draws lots.
std::size_t draw(std::size_t options) noexcept;
// A spinning thread has seen nothing new: it goes on when another has changed something.
void pause() noexcept;

// A store that others do not see yet.
struct LateStore {
    void* at;
    std::uint64_t value;
    bool release;  // after all that the thread stored before
    void (*apply)(void* at, std::uint64_t value);
};
inline bool stores_are_late = false;
void defer(const LateStore& store) noexcept;
// What the running thread has stored at `at` last, where others do not see it yet.
const LateStore* deferred(const void* at) noexcept;
// There is no atomic at `at` any more.
void forget(const void* at) noexcept;

// How many schedules have begun.
inline std::uint64_t schedule = 0;
// What is one for the whole process is one for a schedule here. Never destroyed.
template <class T>
T& of_this_schedule() {
    alignas(T) static unsigned char place[sizeof(T)];
    static std::uint64_t made_in = 0;
    static T* made = nullptr;
    if (made_in != schedule) made = ::new (place) T;
    made_in = schedule;
    return *made;
}

// Which of the faults of faults.py is in force; 0 for none.
inline int fault = 0;

}  // namespace thrum::internal::model

// The place of the caller, as default arguments; clang 14 has no std::source_location.
#define THRUM_PLACE const char *file = __builtin_FILE(), int line = __builtin_LINE()

namespace thrum::internal {

template <class T>
class Atomic {
public:
    Atomic() noexcept = default;
    Atomic(T value) noexcept : value_(value) {}
    ~Atomic() {
        if (model::stores_are_late) model::forget(this);
    }
    Atomic(const Atomic&) = delete;
    Atomic& operator=(const Atomic&) = delete;

    T load(std::memory_order = std::memory_order_seq_cst, THRUM_PLACE) const noexcept {
        model::step(this, "load", {file, line}, false);
        if (model::stores_are_late) {
            if (const model::LateStore* const own = model::deferred(this))
                return result(of(own->value), false);
        }
        return result(value_, false);
    }
    void store(T value, std::memory_order order = std::memory_order_seq_cst, THRUM_PLACE) noexcept {
        const bool late = model::stores_are_late && order != std::memory_order_seq_cst;
        model::step(this, "store", {file, line}, !late);
        if (!late) return static_cast<void>(put(value));
        model::defer({this, bits(value), order == std::memory_order_release,
                      [](void* at, std::uint64_t stored) { static_cast<Atomic*>(at)->value_ = of(stored); }});
        result(value, false);
    }
    T exchange(T value, std::memory_order = std::memory_order_seq_cst, THRUM_PLACE) noexcept {
        model::step(this, "exchange", {file, line}, true);
        return put(value);
    }
    bool compare_exchange_strong(T& expected, T value, std::memory_order = std::memory_order_seq_cst,
                                 std::memory_order = std::memory_order_seq_cst, THRUM_PLACE) noexcept {
        model::step(this, "compare_exchange", {file, line}, true);
        return swap(expected, value);
    }
    bool compare_exchange_weak(T& expected, T value, std::memory_order = std::memory_order_seq_cst,
                               std::memory_order = std::memory_order_seq_cst, THRUM_PLACE) noexcept {
        model::step(this, "compare_exchange_weak", {file, line}, true);
        if (model::spurious()) {
            expected = result(value_, false);
            return false;
        }
        return swap(expected, value);
    }
    T fetch_add(T value, std::memory_order = std::memory_order_seq_cst, THRUM_PLACE) noexcept {
        model::step(this, "fetch_add", {file, line}, true);
        return put(static_cast<T>(value_ + value));
    }
    T fetch_sub(T value, std::memory_order = std::memory_order_seq_cst, THRUM_PLACE) noexcept {
        model::step(this, "fetch_sub", {file, line}, true);
        return put(static_cast<T>(value_ - value));
    }
    T fetch_or(T value, std::memory_order = std::memory_order_seq_cst, THRUM_PLACE) noexcept {
        model::step(this, "fetch_or", {file, line}, true);
        return put(static_cast<T>(value_ | value));
    }
    T fetch_and(T value, std::memory_order = std::memory_order_seq_cst, THRUM_PLACE) noexcept {
        model::step(this, "fetch_and", {file, line}, true);
        return put(static_cast<T>(value_ & value));
    }
    T operator++() noexcept { return static_cast<T>(fetch_add(1) + 1); }
    T operator--() noexcept { return static_cast<T>(fetch_sub(1) - 1); }
    T operator=(T value) noexcept {
        store(value);
        return value;
    }
    operator T() const noexcept { return load(); }

    // What is there, without a step: for the model's own checks.
    T peek() const noexcept { return value_; }

private:
    static std::uint64_t bits(T value) noexcept {
        std::uint64_t all = 0;
        std::memcpy(&all, &value, sizeof(T));  // NOLINT(bugprone-sizeof-expression): T may be a pointer
        return all;
    }
    static T of(std::uint64_t all) noexcept {
        T value;
        std::memcpy(&value, &all, sizeof(T));  // NOLINT(bugprone-sizeof-expression): as above
        return value;
    }
    static T result(T value, bool changed) noexcept {
        model::done(bits(value), changed);
        return value;
    }
    // Gives back the value before.
    T put(T value) noexcept {
        const T before = value_;
        value_ = value;
        model::done(bits(value), before != value);
        return before;
    }
    bool swap(T& expected, T value) noexcept {
        if (value_ == expected) {
            put(value);
            return true;
        }
        expected = result(value_, false);
        return false;
    }

    T value_{};
};

}  // namespace thrum::internal
