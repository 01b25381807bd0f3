// thrum/benchmarks/threads/thrum_parallel.cpp: yard, benchmarks
// What several processors do together, on thrum: empty calls through an executor, and a lock that eight
// threads want all the time.
#include <thrum/benchmarks/threads/report.hpp>
#include <thrum/threads.hpp>

#include <mutex>
#include <vector>

namespace {

void run() {
    report_wall("task", tasks, [] {
        thrum::ThreadPoolExecutor pool(2);
        for (int i = 0; i < tasks; ++i) pool.submit([] {});
        pool.shutdown();
    });
    report_wall("contended_lock", contenders * locks_each, [] {
        thrum::Lock lock;
        long counter = 0;
        std::vector<thrum::Thread> threads;
        for (int i = 0; i < contenders; ++i) {
            threads.emplace_back([&] {
                for (int k = 0; k < locks_each; ++k) {
                    std::scoped_lock guard(lock);
                    ++counter;
                }
            });
        }
        for (auto& thread : threads) thread.join();
    });
}

}  // namespace

int main() {
    thrum::Thread thread(run);
    thread.join();
}
