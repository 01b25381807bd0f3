// thrum/threads/internal/monitor.hpp: floor 1, threads
// One OS thread that looks on: it reports workers that are kept too long, tells a deadlock, and writes dumps
// that a signal asks for. It sleeps without a timeout while all workers do.
#pragma once

#include <chrono>
#include <optional>

namespace thrum::internal {

struct MonitorOptions {
    std::optional<std::chrono::milliseconds> stall = std::chrono::milliseconds(1000);  // THRUM_STALL
    bool deadlock = true;                                                              // THRUM_DEADLOCK
};

// With the options of the environment; once, when the workers run. Without memory for a thread nobody looks
// on.
void start_monitor() noexcept;
// From a signal handler: a dump on standard error, soon.
void ask_for_dump() noexcept;

}  // namespace thrum::internal
