// thrum/threads/internal/timer_wheel_bench.cpp: floor 1, threads
// Arming and cancelling deadlines costs the same with a thousand in the wheel as with a million, but for the
// memory they take.
#include <thrum/threads/internal/timer_wheel.hpp>

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <vector>

namespace {

using namespace std::chrono_literals;
using thrum::Deadline;
using thrum::internal::TimerNode;
using thrum::internal::TimerWheel;

// So many deadlines within an hour, armed one by one and cancelled one by one, oldest first.
void timer_arm_and_cancel(benchmark::State& state) {
    const auto count = static_cast<std::size_t>(state.range(0));
    const Deadline now = std::chrono::steady_clock::now();
    std::minstd_rand random(1);
    std::uniform_int_distribution<long> milliseconds(1, 3'600'000);
    std::vector<Deadline> deadlines(count);
    std::generate(deadlines.begin(), deadlines.end(),
                  [&] { return now + std::chrono::milliseconds(milliseconds(random)); });
    std::vector<TimerNode> nodes(count);
    TimerWheel wheel(now);
    for (auto _ : state) {
        for (std::size_t i = 0; i < count; ++i) wheel.add(nodes[i], deadlines[i]);
        for (TimerNode& node : nodes) wheel.remove(node);
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(timer_arm_and_cancel)->Arg(1'000)->Arg(1'000'000);

}  // namespace
