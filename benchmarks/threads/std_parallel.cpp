// thrum/benchmarks/threads/std_parallel.cpp: yard, benchmarks
// The same as thrum_parallel on std::thread and std::mutex. The standard library has no executor.
#include <thrum/benchmarks/threads/report.hpp>

#include <mutex>
#include <thread>
#include <vector>

int main() {
    report_wall("contended_lock", contenders * locks_each, [] {
        std::mutex lock;
        long counter = 0;
        std::vector<std::thread> threads;
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
