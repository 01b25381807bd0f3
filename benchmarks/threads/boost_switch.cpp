// thrum/benchmarks/threads/boost_switch.cpp: yard, benchmarks
// The same as thrum_switch on Boost.Fiber: pooled stacks of 64 KB, its default scheduler on one OS thread.
#include <thrum/benchmarks/threads/report.hpp>

#include <boost/fiber/all.hpp>
#include <memory>

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
