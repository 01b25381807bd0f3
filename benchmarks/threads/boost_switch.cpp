// thrum/benchmarks/threads/boost_switch.cpp: yard, benchmarks
// The same as thrum_switch on Boost.Fiber: pooled stacks of 64 KB, its default scheduler on one OS thread.
#include <boost/fiber/all.hpp>

#include <chrono>
#include <cstdio>
#include <memory>

namespace {

constexpr int yields = 5'000'000;
constexpr int spawns = 1'000'000;
constexpr int round_trips = 1'000'000;

template <class Work>
void report(const char* name, int count, Work work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - start;
    std::printf("%s %.2f\n", name, took.count() / count);
}

}  // namespace

int main() {
    boost::fibers::pooled_fixedsize_stack stacks(64 * 1024);
    report("yield", 2 * yields, [&] {
        boost::fibers::fiber other(std::allocator_arg, stacks, [] {
            for (int i = 0; i < yields; ++i) boost::this_fiber::yield();
        });
        for (int i = 0; i < yields; ++i) boost::this_fiber::yield();
        other.join();
    });
    report("spawn_join", spawns, [&] {
        for (int i = 0; i < spawns; ++i) boost::fibers::fiber(std::allocator_arg, stacks, [] {}).join();
    });
    report("round_trip", round_trips, [&] {
        boost::fibers::buffered_channel<int> there(2);
        boost::fibers::buffered_channel<int> back(2);
        boost::fibers::fiber other(std::allocator_arg, stacks, [&] {
            int item;
            while (there.pop(item) == boost::fibers::channel_op_status::success) back.push(item);
        });
        for (int i = 0; i < round_trips; ++i) {
            there.push(i);
            int item;
            back.pop(item);
        }
        there.close();
        other.join();
    });
}
