// thrum/threads/internal/adaptive_spin.cpp: floor 1, threads
#include <thrum/threads/internal/adaptive_spin.hpp>

#include <sched.h>

#include <algorithm>

namespace thrum::internal {

namespace {

// So many failures more than successes, and only one wait in `probes` is tried until one succeeds.
constexpr int patience = 8;
constexpr unsigned probes = 32;

struct Past {
    int failures = 0;
    unsigned waits = 0;
};
constinit thread_local Past past;

// On one processor the holder cannot go on while we spin.
bool several_processors() noexcept {
    static const bool several = [] {
        cpu_set_t set;
        return ::sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 1;
    }();
    return several;
}

}  // namespace

bool AdaptiveSpin::worth_it() noexcept {
    if (!several_processors()) return false;
    return past.failures < patience || ++past.waits % probes == 0;
}

void AdaptiveSpin::tell(bool success) noexcept {
    past.failures = success ? std::max(0, past.failures / 2 - 1) : std::min(patience, past.failures + 1);
}

}  // namespace thrum::internal
