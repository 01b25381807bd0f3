// thrum/benchmarks/threads/boost_parked.cpp: yard, benchmarks
// The same as thrum_parked on Boost.Fiber: stacks of 64 KB, each mapped, without guards.
#include <thrum/benchmarks/threads/report.hpp>

#include <boost/fiber/all.hpp>
#include <cstdlib>
#include <vector>

int main(int, char** arguments) {
    const int count = std::atoi(arguments[1]);
    boost::fibers::mutex lock;
    boost::fibers::condition_variable changed;
    bool go_on = false;
    int waiting = 0;
    boost::fibers::fixedsize_stack stacks(64 * 1024);
    const double before = resident_bytes();
    const double cpu = cpu_nanoseconds();
    const double wall = wall_nanoseconds();
    std::vector<boost::fibers::fiber> fibers;
    fibers.reserve(static_cast<std::size_t>(count));
    for (int i = 0; i < count; ++i) {
        fibers.emplace_back(std::allocator_arg, stacks, [&] {
            std::unique_lock guard(lock);
            ++waiting;
            changed.wait(guard, [&] { return go_on; });
        });
    }
    while (waiting < count) boost::this_fiber::yield();
    print("bytes", (resident_bytes() - before) / count);
    go_on = true;
    changed.notify_all();
    for (auto& fiber : fibers) fiber.join();
    print("life", (cpu_nanoseconds() - cpu) / count);
    print("seconds", (wall_nanoseconds() - wall) / 1e9);
}
