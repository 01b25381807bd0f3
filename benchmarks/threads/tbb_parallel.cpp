// thrum/benchmarks/threads/tbb_parallel.cpp: yard, benchmarks
// The same as thrum_parallel on oneTBB, whose arena has as many threads as there are processors.
#include <thrum/benchmarks/threads/report.hpp>

#include <oneapi/tbb/mutex.h>
#include <oneapi/tbb/task_group.h>

#include <thread>

int main() {
    report_wall("task", tasks, [] {
        tbb::task_group group;
        for (int i = 0; i < tasks; ++i) group.run([] {});
        group.wait();
    });
    report_contended_lock<tbb::mutex, std::thread>();
}
