// thrum/benchmarks/threads/tbb_parallel.cpp: yard, benchmarks
// The same as thrum_parallel on oneTBB, whose arena has as many threads as there are processors.
#include <thrum/benchmarks/threads/report.hpp>

#include <oneapi/tbb/mutex.h>
#include <oneapi/tbb/task_group.h>

#include <thread>
#include <vector>

int main() {
    report_wall("task", tasks, [] {
        tbb::task_group group;
        for (int i = 0; i < tasks; ++i) group.run([] {});
        group.wait();
    });
    report_wall("contended_lock", contenders * locks_each, [] {
        tbb::mutex lock;
        long counter = 0;
        std::vector<std::thread> threads;
        for (int i = 0; i < contenders; ++i) {
            threads.emplace_back([&] {
                for (int k = 0; k < locks_each; ++k) {
                    const tbb::mutex::scoped_lock guard(lock);
                    ++counter;
                }
            });
        }
        for (auto& thread : threads) thread.join();
    });
}
