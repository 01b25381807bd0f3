// thrum/benchmarks/threads/report.hpp: yard, benchmarks
// What the programs count and how they time and print it: the same for thrum and for its peers in C++. Each
// prints lines of "NAME number", as run.py reads them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <mutex>
#include <string>
#include <vector>

// The switching programs.
constexpr int yields = 5'000'000;
constexpr int spawns = 1'000'000;
constexpr int round_trips = 1'000'000;
constexpr int locks = 20'000'000;
// The parallel ones.
constexpr int tasks = 1'000'000;
constexpr int contenders = 8;
constexpr int locks_each = 500'000;

inline double nanoseconds_of(clockid_t clock) {
    timespec time;
    ::clock_gettime(clock, &time);
    return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}
// The process's CPU time: what else runs on the machine does not count.
inline double cpu_nanoseconds() { return nanoseconds_of(CLOCK_PROCESS_CPUTIME_ID); }
inline double wall_nanoseconds() { return nanoseconds_of(CLOCK_MONOTONIC); }

inline void print(const char* name, double value) {
    std::printf("%s %.2f\n", name, value);
    std::fflush(stdout);
}

// Prints the CPU nanoseconds of one of `count` operations.
template <class Work>
void report(const char* name, int count, Work work) {
    const double start = cpu_nanoseconds();
    work();
    print(name, (cpu_nanoseconds() - start) / count);
}

// For work on several processors: also the nanoseconds that passed, as NAME_wall.
template <class Work>
void report_wall(const char* name, int count, Work work) {
    const double wall = wall_nanoseconds();
    report(name, count, work);
    print((std::string(name) + "_wall").c_str(), (wall_nanoseconds() - wall) / count);
}

// A lock that `contenders` threads want all the time, to count under it.
template <class Lock, class Thread>
void report_contended_lock() {
    report_wall("contended_lock", contenders * locks_each, [] {
        Lock lock;
        long counter = 0;
        std::vector<Thread> threads;
        for (int i = 0; i < contenders; ++i) {
            threads.emplace_back([&] {
                for (int k = 0; k < locks_each; ++k) {
                    const std::scoped_lock guard(lock);
                    ++counter;
                }
            });
        }
        for (Thread& thread : threads) thread.join();
    });
}

// Memory the process has in RAM, in bytes (proc_pid_status(5), VmRSS).
inline double resident_bytes() {
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word;) {
        double kilobytes = 0;
        if (word == "VmRSS:" && status >> kilobytes) return kilobytes * 1024;
    }
    return 0;
}

// Prints NAME_p50 and NAME_p99 of the samples.
inline void report_percentiles(const char* name, std::vector<double>& samples) {
    std::sort(samples.begin(), samples.end());
    print((std::string(name) + "_p50").c_str(), samples[samples.size() / 2]);
    print((std::string(name) + "_p99").c_str(), samples[samples.size() * 99 / 100]);
}
