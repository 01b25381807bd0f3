// thrum/benchmarks/threads/thrum_parked.cpp: yard, benchmarks
// thrum_parked COUNT: starts so many threads that all wait, and prints the resident bytes and the CPU
// nanoseconds of each.
#include <thrum/benchmarks/threads/report.hpp>
#include <thrum/threads.hpp>

#include <cstdlib>

namespace {

void run(int count) {
    thrum::Event go_on;
    thrum::Semaphore waiting(0);
    thrum::TaskGroup threads;
    const double before = resident_bytes();
    const double cpu = cpu_nanoseconds();
    const double wall = wall_nanoseconds();
    for (int i = 0; i < count; ++i) {
        threads.start([&] {
            waiting.release();
            go_on.wait();
        });
    }
    for (int i = 0; i < count; ++i) waiting.acquire();
    print("bytes", (resident_bytes() - before) / count);
    go_on.set();
    threads.wait();
    print("life", (cpu_nanoseconds() - cpu) / count);
    print("seconds", (wall_nanoseconds() - wall) / 1e9);
}

}  // namespace

int main(int, char** arguments) {
    thrum::Thread thread(run, std::atoi(arguments[1]));
    thread.join();
}
