// thrum/threads/internal/os_thread_state.hpp: floor 1, threads
// What the kernel tells about an OS thread of this process, which is not disturbed by the question. By
// anyone; what is told may be over by the time it is read. Needs no memory.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>

namespace thrum::internal {

// proc_pid_syscall(5). Kernels that were built without it, and processes that prctl(PR_SET_DUMPABLE) hides,
// tell nothing.
struct OsThreadState {
    enum class Kind : unsigned char {
        unknown,
        running,         // or ready to
        in_system_call,  // and asleep in it
        halted,          // asleep elsewhere: it waits for a page of memory, or is stopped
    };
    Kind kind = Kind::unknown;
    long system_call = -1;             // its number
    std::uintptr_t stack_pointer = 0;  // and where it goes on, unless it runs
    std::uintptr_t program_counter = 0;
    // Equal where the thread has slept all the time from one look to the next.
    std::array<char, 256> words{};
    std::array<char, 96> turns{};

    explicit OsThreadState(int os_id) noexcept;
    bool has_slept_since(const OsThreadState& earlier) const noexcept;
};

// The time it has had on a processor: proc_pid_schedstat(5).
std::chrono::nanoseconds processor_time(int os_id) noexcept;
// proc_pid_stat(5): it sleeps in the kernel, whether a signal could end that or not.
bool sleeps_in_kernel(int os_id) noexcept;
// proc_pid_status(5): SigBlk.
bool blocks_signal(int os_id, int signal) noexcept;

// "read", for those in which a thread may stay; nullptr for others.
const char* name_of_system_call(long number) noexcept;

}  // namespace thrum::internal
