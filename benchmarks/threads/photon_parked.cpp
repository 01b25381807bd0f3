// thrum/benchmarks/threads/photon_parked.cpp: yard, benchmarks
// The same as thrum_parked on Photon, on pooled stacks of 64 KB.
#include <thrum/benchmarks/threads/report.hpp>

#include <photon/common/alog.h>
#include <photon/photon.h>
#include <photon/thread/stack-allocator.h>
#include <photon/thread/thread11.h>

#include <cstdlib>

int main(int, char** arguments) {
    const int count = std::atoi(arguments[1]);
    set_log_output_level(ALOG_ERROR);
    photon::use_pooled_stack_allocator();
    if (photon::init(photon::INIT_EVENT_EPOLL, photon::INIT_IO_NONE) != 0) return 1;
    photon::semaphore waiting(0);
    photon::semaphore go_on(0);
    const double before = resident_bytes();
    const double cpu = cpu_nanoseconds();
    const double wall = wall_nanoseconds();
    std::vector<photon::join_handle*> threads;
    threads.reserve(static_cast<std::size_t>(count));
    for (int i = 0; i < count; ++i) {
        photon::thread* const thread = photon::thread_create11(64 * 1024, [&] {
            waiting.signal(1);
            go_on.wait(1);
        });
        if (thread == nullptr) return 1;
        threads.push_back(photon::thread_enable_join(thread));
    }
    waiting.wait(static_cast<std::uint64_t>(count));
    print("bytes", (resident_bytes() - before) / count);
    go_on.signal(static_cast<std::uint64_t>(count));
    for (photon::join_handle* const thread : threads) photon::thread_join(thread);
    print("life", (cpu_nanoseconds() - cpu) / count);
    print("seconds", (wall_nanoseconds() - wall) / 1e9);
}
