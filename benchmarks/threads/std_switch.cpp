// thrum/benchmarks/threads/std_switch.cpp: yard, benchmarks
// The same as thrum_switch on the operating system's own threads: std::thread, std::mutex, and a queue of one
// place made of them.
#include <thrum/benchmarks/threads/report.hpp>

#include <sched.h>

#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

namespace {

// Fewer than elsewhere: each takes microseconds.
constexpr int few_yields = 500'000;
constexpr int few_spawns = 20'000;
constexpr int few_round_trips = 50'000;

class Place {
public:
    void put(int item) {
        std::unique_lock guard(lock_);
        changed_.wait(guard, [this] { return !item_; });
        item_ = item;
        changed_.notify_one();
    }
    int get() {
        std::unique_lock guard(lock_);
        changed_.wait(guard, [this] { return item_.has_value(); });
        const int item = *item_;
        item_.reset();
        changed_.notify_one();
        return item;
    }

private:
    std::mutex lock_;
    std::condition_variable changed_;
    std::optional<int> item_;
};

}  // namespace

int main() {
    report("yield", 2 * few_yields, [] {
        std::thread other([] {
            for (int i = 0; i < few_yields; ++i) ::sched_yield();
        });
        for (int i = 0; i < few_yields; ++i) ::sched_yield();
        other.join();
    });
    report("spawn_join", few_spawns, [] {
        for (int i = 0; i < few_spawns; ++i) std::thread([] {}).join();
    });
    report("round_trip", few_round_trips, [] {
        Place there;
        Place back;
        std::thread other([&] {
            while (there.get() >= 0) back.put(0);
        });
        for (int i = 0; i < few_round_trips; ++i) {
            there.put(i);
            back.get();
        }
        there.put(-1);
        other.join();
    });
    report("lock", locks, [] {
        std::mutex lock;
        for (int i = 0; i < locks; ++i) std::scoped_lock guard(lock);
    });
}
