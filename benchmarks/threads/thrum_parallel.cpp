// thrum/benchmarks/threads/thrum_parallel.cpp: yard, benchmarks
// What several processors do together, on thrum: empty calls through an executor, and a lock that eight
// threads want all the time.
#include <thrum/benchmarks/threads/report.hpp>
#include <thrum/threads.hpp>

namespace {

void run() {
    report_wall("task", tasks, [] {
        thrum::ThreadPoolExecutor pool(2);
        for (int i = 0; i < tasks; ++i) pool.submit([] {});
        pool.shutdown();
    });
    report_contended_lock<thrum::Lock, thrum::Thread>();
}

}  // namespace

int main() {
    thrum::Thread thread(run);
    thread.join();
}
