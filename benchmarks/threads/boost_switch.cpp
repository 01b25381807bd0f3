// thrum/benchmarks/threads/boost_switch.cpp: yard, benchmarks
// The same as thrum_switch on Boost.Fiber: pooled stacks of 64 KB, its default scheduler on one OS thread.
#include <boost/fiber/all.hpp>
#include <cstdio>
#include <ctime>
#include <memory>

namespace {

constexpr int yields = 5'000'000;
constexpr int spawns = 1'000'000;
constexpr int round_trips = 1'000'000;

// The process's CPU time: what else runs on the machine does not count.
double cpu_nanoseconds() {
    timespec time;
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

template <class Work>
void report(const char* name, int count, Work work) {
    const double start = cpu_nanoseconds();
    work();
    std::printf("%s %.2f\n", name, (cpu_nanoseconds() - start) / count);
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
