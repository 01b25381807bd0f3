// thrum/benchmarks/threads/bs_parallel.cpp: yard, benchmarks
// The calls of thrum_parallel on BS::thread_pool. It has no lock of its own.
#include <thrum/benchmarks/threads/report.hpp>

#include <BS_thread_pool.hpp>

int main() {
    report_wall("task", tasks, [] {
        BS::thread_pool<> pool(2);
        for (int i = 0; i < tasks; ++i) pool.detach_task([] {});
        pool.wait();
    });
}
