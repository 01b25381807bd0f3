// thrum/threads/internal/deadlock.hpp: floor 1, threads
// Whether anything can ever wake this process's threads.
#pragma once

#include <cstdint>

namespace thrum::internal {

class Runtime;

// Changes whenever a fiber runs.
std::uint64_t activity(const Runtime& runtime) noexcept;

// True only where it is certain, at this moment, that each thread waits for another: all OS threads of the
// process are workers, the monitor and threads that wait in thrum without a deadline; no fiber is ready; none
// waits with a deadline or for a descriptor; the program handles no signals, which could wake one. An OS
// thread of which thrum knows nothing could, so where there is one, the answer is no.
bool all_wait_without_end(Runtime& runtime) noexcept;

// Says so on standard error, with every thread, and aborts.
[[noreturn]] void report_deadlock() noexcept;

}  // namespace thrum::internal
