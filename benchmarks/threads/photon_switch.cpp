// thrum/benchmarks/threads/photon_switch.cpp: yard, benchmarks
// The same as thrum_switch on Photon, on pooled stacks of 64 KB.
#include <thrum/benchmarks/threads/report.hpp>

#include <photon/common/alog.h>
#include <photon/photon.h>
#include <photon/thread/stack-allocator.h>
#include <photon/thread/thread11.h>

namespace {

constexpr std::uint64_t stack_bytes = 64 * 1024;

// Photon has no queue that parks; two semaphores around one place are the cheapest it can say.
class Place {
public:
    void put(int item) {
        empty_.wait(1);
        item_ = item;
        full_.signal(1);
    }
    int get() {
        full_.wait(1);
        const int item = item_;
        empty_.signal(1);
        return item;
    }

private:
    photon::semaphore empty_{1};
    photon::semaphore full_{0};
    int item_ = 0;
};

template <class Function>
photon::join_handle* start(Function function) {
    return photon::thread_enable_join(photon::thread_create11(stack_bytes, function));
}

}  // namespace

int main() {
    set_log_output_level(ALOG_ERROR);
    photon::use_pooled_stack_allocator();
    if (photon::init(photon::INIT_EVENT_EPOLL, photon::INIT_IO_NONE) != 0) return 1;
    report("yield", 2 * yields, [] {
        photon::join_handle* const other = start([] {
            for (int i = 0; i < yields; ++i) photon::thread_yield();
        });
        for (int i = 0; i < yields; ++i) photon::thread_yield();
        photon::thread_join(other);
    });
    report("spawn_join", spawns, [] {
        for (int i = 0; i < spawns; ++i) photon::thread_join(start([] {}));
    });
    report("round_trip", round_trips, [] {
        Place there;
        Place back;
        photon::join_handle* const other = start([&] {
            while (there.get() >= 0) back.put(0);
        });
        for (int i = 0; i < round_trips; ++i) {
            there.put(i);
            back.get();
        }
        there.put(-1);
        photon::thread_join(other);
    });
    report("lock", locks, [] {
        photon::mutex lock;
        for (int i = 0; i < locks; ++i) {
            lock.lock();
            lock.unlock();
        }
    });
    photon::fini();
}
