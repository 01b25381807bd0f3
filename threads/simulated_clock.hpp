// thrum/threads/simulated_clock.hpp: floor 1, threads
// SimulatedClock: for tests. While it stands, a sleep of an hour takes no time.
#pragma once

#include <thrum/threads/deadline.hpp>

#include <cstdint>

namespace thrum {

// Every deadline, sleep and timeout of the process is then of a clock of its own, which stands still while a
// thread of thrum or the thread that made it runs, and jumps to the nearest deadline once all of them wait.
// What runs with it on one worker (THRUM_WORKERS=1) runs in the same order each time.
//
// - Waits for a descriptor and calls in to_thread() take the time they take: while one is under way the clock
// goes
//   on as the real one does.
// - Other plain threads do not hold it up: their waits count, their work does not.
// - A thread that waits by other means than thrum's, in std::thread::join() for one, runs as far as the clock
// knows.
// - std::chrono::steady_clock is not changed: ask now(), or make deadlines with deadline_after().
// - When it begins and when it ends, no thread may be waiting for a deadline.
//
// To be made and destroyed by a plain thread (main, or a test): throws Error in a fiber, and where there is
// one already.
class SimulatedClock {
public:
    // With a seed other than 0 it jumps up to a millisecond too far, as a busy kernel does, by a different
    // amount for each seed: deadlines close to each other then come together, in many ways.
    explicit SimulatedClock(std::uint64_t seed = 0);
    ~SimulatedClock();
    SimulatedClock(const SimulatedClock&) = delete;
    SimulatedClock& operator=(const SimulatedClock&) = delete;

    // What time it is. Thread-safe.
    Deadline now() const noexcept;
    // How often it has jumped.
    std::uint64_t jumps() const noexcept;
};

}  // namespace thrum
