// thrum/benchmarks/threads/thrum_latency.cpp: yard, benchmarks
// How late sleepers wake, in microseconds, while other threads compute all the time and give way every 20
// microseconds.
#include <thrum/benchmarks/threads/report.hpp>
#include <thrum/threads.hpp>

#include <atomic>
#include <chrono>
#include <random>
#include <vector>

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr int busy_threads = 16;
constexpr int sleepers = 100;
constexpr auto slice = 20us;
constexpr auto span = 2s;
constexpr int shortest_sleep = 1000;  // microseconds
constexpr int longest_sleep = 10000;

void compute(const std::atomic<bool>& ended) {
    while (!ended) {
        const auto until = Clock::now() + slice;
        while (Clock::now() < until) {
        }
        thrum::yield();
    }
}

void sleep_and_look(int seed, std::vector<double>& late) {
    std::minstd_rand random(static_cast<unsigned>(seed + 1));
    std::uniform_int_distribution<int> microseconds(shortest_sleep, longest_sleep);
    for (const auto end = Clock::now() + span; Clock::now() < end;) {
        const auto until = Clock::now() + std::chrono::microseconds(microseconds(random));
        thrum::sleep_until(until);
        late.push_back(std::chrono::duration<double, std::micro>(Clock::now() - until).count());
    }
}

void run() {
    std::atomic<bool> ended = false;
    std::vector<std::vector<double>> late(sleepers);
    thrum::TaskGroup busy;
    thrum::TaskGroup asleep;
    for (int i = 0; i < busy_threads; ++i) busy.start([&] { compute(ended); });
    for (int i = 0; i < sleepers; ++i)
        asleep.start([&, i] { sleep_and_look(i, late[static_cast<std::size_t>(i)]); });
    asleep.wait();
    ended = true;
    busy.wait();
    std::vector<double> all;
    for (const auto& one : late) all.insert(all.end(), one.begin(), one.end());
    report_percentiles("late", all);
}

}  // namespace

int main() {
    thrum::Thread thread(run);
    thread.join();
}
