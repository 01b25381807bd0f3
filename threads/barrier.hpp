// thrum/threads/barrier.hpp: floor 1, threads
// Barrier: a number of threads that wait for one another, time and again.
#pragma once

#include <thrum/base/errors.hpp>
#include <thrum/threads/internal/wait_list.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace thrum {

// Thrown by the waits of a Barrier that was broken, or reset under them.
class BrokenBarrierError : public Error {
public:
    using Error::Error;
};

struct BarrierOptions {
    std::function<void()> action = {};                                   // see Barrier::wait()
    std::chrono::nanoseconds timeout = std::chrono::nanoseconds::max();  // for wait() without one of its own
};

// Python's threading.Barrier. Thread-safe; may be destroyed when all waits have returned.
//
// All come through, or none: a wait that ends early, by its timeout, by the deadline in force or because its
// thread was cancelled, breaks the barrier, and so does an action that throws. Then the others' waits throw
// BrokenBarrierError, and so do later ones until reset().
class Barrier {
public:
    // Throws Error when there are fewer than 1 parties.
    explicit Barrier(std::ptrdiff_t parties, BarrierOptions options = {});
    Barrier(const Barrier&) = delete;
    Barrier& operator=(const Barrier&) = delete;

    // Waits until as many threads as there are parties have called it, and returns the caller's place among
    // them, 0 for the first that came. The last one calls the action before any of them goes on; what that
    // throws passes to it. While the action runs, later comers wait for it, and then for each other; one that
    // gives up before it ends breaks nothing.
    // Throws BrokenBarrierError (after its own timeout too), Cancelled, and TimeoutError when the deadline in
    // force passes first.
    std::size_t wait() { return wait_for(options_.timeout); }
    std::size_t wait_for(std::chrono::nanoseconds timeout) { return wait_until(deadline_after(timeout)); }
    std::size_t wait_until(Deadline deadline);

    // Breaks it. Those that wait, and all that come until reset(), get BrokenBarrierError.
    void abort() noexcept;
    // Makes it whole and empty. Those that wait get BrokenBarrierError.
    void reset() noexcept;

    std::size_t parties() const noexcept { return parties_; }
    // How many have come and wait, and whether it is broken, at this moment.
    std::size_t n_waiting() const noexcept;
    bool broken() const noexcept;

private:
    struct Arrival;
    enum class Outcome : std::uint8_t { open, passed, broken };

    Outcome wait_in(internal::WaitList& list, internal::SpinGuard& guard, Deadline deadline);
    void act(internal::SpinGuard& guard);
    void end_round(Outcome outcome) noexcept;
    static void end_waits(internal::WaitList& list, Outcome outcome) noexcept;
    [[noreturn]] static void throw_broken(internal::SpinGuard& guard);

    mutable internal::Spin spin_;
    internal::WaitList waiters_{"Barrier"};
    internal::WaitList late_{"Barrier"};  // those that came while the action ran
    std::size_t count_ = 0;               // of this round
    std::uint64_t round_ = 0;
    bool acting_ = false;
    bool broken_ = false;
    const std::size_t parties_;
    const BarrierOptions options_;
};

}  // namespace thrum
