// thrum/benchmarks/threads/thrum_switch.cpp: yard, benchmarks
// Prints nanoseconds per yield, per spawn and join, per queue round trip and per lock, on thrum.
#include <thrum/benchmarks/threads/report.hpp>
#include <thrum/threads.hpp>

#include <mutex>

namespace {

void measure() {
    report("yield", 2 * yields, [] {
        thrum::Thread other([] {
            for (int i = 0; i < yields; ++i) thrum::yield();
        });
        for (int i = 0; i < yields; ++i) thrum::yield();
        other.join();
    });
    report("spawn_join", spawns, [] {
        for (int i = 0; i < spawns; ++i) thrum::Thread([] {}).join();
    });
    report("round_trip", round_trips, [] {
        thrum::Queue<int> there(1);
        thrum::Queue<int> back(1);
        thrum::Thread other([&] {
            while (auto item = there.get()) back.put(*item);
        });
        for (int i = 0; i < round_trips; ++i) {
            there.put(i);
            back.get();
        }
        there.shutdown();
        other.join();
    });
    report("lock", locks, [] {
        thrum::Lock lock;
        for (int i = 0; i < locks; ++i) std::scoped_lock guard(lock);
    });
}

}  // namespace

int main() {
    thrum::Thread thread(measure);
    thread.join();
}
