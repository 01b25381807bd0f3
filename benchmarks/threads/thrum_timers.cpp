// thrum/benchmarks/threads/thrum_timers.cpp: yard, benchmarks
// CPU nanoseconds to arm and cancel a Timer, with a thousand armed and with a million.
#include <thrum/benchmarks/threads/report.hpp>
#include <thrum/threads.hpp>

#include <algorithm>
#include <chrono>
#include <random>
#include <string>
#include <vector>

namespace {

void run() {
    for (const int count : {1'000, 1'000'000}) {
        std::minstd_rand random(1);
        std::uniform_int_distribution<long> milliseconds(1, 3'600'000);
        std::vector<std::chrono::milliseconds> intervals(static_cast<std::size_t>(count));
        for (auto& interval : intervals) interval = std::chrono::milliseconds(milliseconds(random));
        std::vector<thrum::Timer> timers(intervals.size());
        const int rounds = std::max(1, 1'000'000 / count);
        report(("timer_" + std::to_string(count)).c_str(), rounds * count, [&] {
            for (int round = 0; round < rounds; ++round) {
                for (std::size_t i = 0; i < timers.size(); ++i) timers[i] = thrum::Timer(intervals[i], [] {});
                for (thrum::Timer& timer : timers) timer.cancel();
            }
        });
    }
}

}  // namespace

int main() {
    thrum::Thread thread(run);
    thread.join();
}
