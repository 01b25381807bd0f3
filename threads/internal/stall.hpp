// thrum/threads/internal/stall.hpp: floor 1, threads
// Notices a worker that one fiber keeps for too long, and says which, and where, once for each place.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace thrum::internal {

class Fiber;
class Runtime;
class Worker;

// How often a worker was found kept, told or not. Read by anyone.
inline std::atomic<std::uint64_t> stalls_seen = 0;

// Used by the monitor alone.
class StallDetector {
public:
    StallDetector(Runtime& runtime, std::chrono::milliseconds limit);

    // To be called every so often, best twice in the limit.
    void look() noexcept;
    // The workers have slept.
    void forget() noexcept;

private:
    struct Watched {
        std::uint64_t switches = 0;
        std::chrono::steady_clock::time_point since = {};
        std::chrono::nanoseconds processor_time = {};
        int looks = 0;  // of this stall, each after twice the time of the one before
    };

    void look_at(std::size_t number, Worker& worker, Watched& watched);
    void report(std::size_t number, const Worker& worker, const Fiber& fiber, std::chrono::nanoseconds kept,
                bool blocked);

    Runtime& runtime_;
    const std::chrono::milliseconds limit_;
    std::vector<Watched> watched_;
    std::set<std::string> places_;
};

}  // namespace thrum::internal
