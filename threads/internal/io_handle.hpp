// thrum/threads/internal/io_handle.hpp: floor 1, threads
// What is known of one descriptor, and who waits on it. Handles are recycled and never freed, so a completion
// that comes late meets a living handle; at worst it wakes somebody who then asks the kernel again.
#pragma once

#include <thrum/threads/descriptor.hpp>
#include <thrum/threads/internal/wait_list.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace thrum::internal {

class Reactor;

// The readiness word: three bits that say "do not ask the kernel, it has nothing", the sticky hang-up bit,
// and above them a count of events, so that a thread that saw EAGAIN does not overwrite news that came
// meanwhile.
namespace readiness {
inline constexpr unsigned dry_read = 1;
inline constexpr unsigned dry_write = 2;
inline constexpr unsigned dry_error = 4;
inline constexpr unsigned hung_up = 8;
inline constexpr unsigned event = 16;
constexpr unsigned dry(Direction direction) noexcept { return dry_read << static_cast<unsigned>(direction); }
}  // namespace readiness

// One thread's wait on a descriptor, on its stack.
struct IoWait : Waiter {
    IoWait(Task& task, Direction towards) noexcept : Waiter(task), direction(towards) {}
    Direction direction;
    std::uint32_t slot = 0;  // of PollSlots
    int polled = -1;         // by io_uring: the descriptor, or a direct file's place in its table
    int error = 0;           // an errno value where the kernel would not watch
};

// What an event touches lies in one cache line.
struct alignas(64) IoHandle {
    Spin spin;
    std::atomic<unsigned> word = 0;
    Reactor* registered = nullptr;  // the epoll reactor that tells of it; nullptr while none does
    // Who waited last, to be brought into the caches when news comes; it may be gone.
    std::atomic<const Task*> last_task = nullptr;
    std::atomic<const IoWait*> last_wait = nullptr;
    WaitList waiters[directions];  // by Direction
    IoHandle* next_free = nullptr;
    bool closed = false;
};

// Brings a waiter into the processor's caches before it is woken. Neither need be there any more.
inline void warm_up_waiter(const IoWait* wait, const Task* task) noexcept {
    constexpr std::size_t line = 64;
    constexpr std::size_t task_lines = 4;
    __builtin_prefetch(wait, 1);
    if (task == nullptr) return;
    for (std::size_t i = 0; i < task_lines; ++i) {
        __builtin_prefetch(reinterpret_cast<const char*>(task) + i * line, 1);
    }
}

IoHandle* allocate_handle();
void recycle_handle(IoHandle* handle) noexcept;

// News from the kernel: marks the directions as worth asking and wakes their waiters. A hang-up is also an
// error.
void deliver(IoHandle& handle, bool readable, bool writable, bool hung_up) noexcept;

}  // namespace thrum::internal
