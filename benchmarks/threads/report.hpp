// thrum/benchmarks/threads/report.hpp: yard, benchmarks
// What the switching programs count and how they time it: the same for thrum and for its peers in C++.
#pragma once

#include <cstdio>
#include <ctime>

constexpr int yields = 5'000'000;
constexpr int spawns = 1'000'000;
constexpr int round_trips = 1'000'000;

// The process's CPU time: what else runs on the machine does not count.
inline double cpu_nanoseconds() {
    timespec time;
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

// Runs `work` and prints "NAME nanoseconds" for each of its `count` operations, as run.py reads it.
template <class Work>
void report(const char* name, int count, Work work) {
    const double start = cpu_nanoseconds();
    work();
    std::printf("%s %.2f\n", name, (cpu_nanoseconds() - start) / count);
}
