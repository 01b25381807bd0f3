// thrum/threads/internal/blocking_pool.hpp: floor 1, threads
// Ordinary OS threads for calls that block: started when needed, ended when idle for long.
#pragma once

namespace thrum::internal {

class SimulatedTime;

// Something to run on an OS thread; it must live until run() is over.
class BlockingJob {
public:
    virtual void run() noexcept = 0;
    BlockingJob* next = nullptr;
    SimulatedTime* time = nullptr;  // that goes on as the real one does until run() is over

protected:
    ~BlockingJob() = default;
};

// Thread-safe. Jobs start in order; beyond the most threads they wait their turn. Throws OSError where not
// one thread can be started.
void run_blocking(BlockingJob& job);

}  // namespace thrum::internal
