// thrum/threads/internal/counter.hpp: floor 1, threads
// Counts that one thread makes and any may read.
#pragma once

#include <atomic>
#include <cstdint>

namespace thrum::internal {

class Counter {
public:
    // By its owner alone: a plain addition.
    void add(std::uint64_t more = 1) noexcept {
        value_.store(value_.load(std::memory_order_relaxed) + more, std::memory_order_relaxed);
    }
    std::uint64_t get() const noexcept { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::uint64_t> value_ = 0;
};

// A worker's.
struct Counters {
    Counter switches;  // looks for the next fiber to run
    Counter started;   // fibers that began here
    Counter stolen;    // of these, taken over from other workers
    Counter parks;     // waits that gave the worker to another fiber
    Counter arrived;   // wake-ups and new fibers sent by other OS threads
    Counter polls;     // looks at the kernel
};

}  // namespace thrum::internal
