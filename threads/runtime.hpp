// thrum/threads/runtime.hpp: floor 1, threads
// What the threads of this process run on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace thrum {

// "epoll", or "io_uring" where THRUM_REACTOR says so and the kernel allows it.
// Starts the workers if nothing has yet. Thread-safe.
std::string_view reactor_name();

// How many OS threads carry the fibers: THRUM_WORKERS, or as many as this process may use processors.
std::size_t worker_count();

// Counts since the start. Those of threads are of thrum::Thread and what stands on it; a switch that is
// counted twice or not yet does no harm.
struct RuntimeStatistics {
    std::uint64_t started = 0;   // threads that began to run
    std::uint64_t live = 0;      // threads that have a worker and have not ended
    std::uint64_t switches = 0;  // times that a worker looked for the next thread to run
    std::uint64_t parks = 0;     // waits that let another thread run
    std::uint64_t steals = 0;    // times that an idle worker took over threads that had not begun
    std::uint64_t arrived = 0;   // wake-ups and new threads that came to a worker from another OS thread
    std::uint64_t polls = 0;     // looks at the kernel for descriptors, timers aside
    std::uint64_t stalls = 0;    // times that the monitor found a worker kept by one thread for too long
    std::uint64_t stacks = 0;    // mapped so far, in use or not
    std::uint64_t guarded_stacks = 0;       // of these, how many have a guard page
    std::uint64_t direct_descriptors = 0;   // open now (Descriptor::make_direct())
    std::uint64_t deepest_stack_bytes = 0;  // the most that a thread has touched of its stack, in whole
                                            // pages
};

// Thread-safe. All zero while nothing has started the workers. Walks the stacks: microseconds for each
// thousand.
RuntimeStatistics runtime_statistics();

}  // namespace thrum
