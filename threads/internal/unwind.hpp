// thrum/threads/internal/unwind.hpp: floor 1, threads
// Return addresses of a stack: of the caller, of a parked fiber, of another OS thread. libgcc's own unwinder,
// so no frame pointers are needed; no memory is allocated.
#pragma once

#include <thrum/threads/deadline.hpp>

#include <array>
#include <cstdint>

namespace thrum::internal {

class Context;

struct Frames {
    static constexpr unsigned most = 64;
    // Innermost first. Addresses within the calling instructions, ready to be looked up.
    std::array<std::uintptr_t, most> addresses{};
    unsigned count = 0;
    const char* missing = nullptr;  // where there are none: why, to be read after "its stack is not known: "

    bool operator==(const Frames& other) const noexcept;
};

Frames no_frames(const char* why) noexcept;
// Of the caller of this function.
Frames unwind_here() noexcept;
// Of a context that was switched away from and is not switched to meanwhile.
Frames unwind_parked(const Context& context) noexcept;
// Of another OS thread of this process. One that sleeps in a system call is not disturbed: a signal would cut
// short a call of the program's own, SA_RESTART or not (signal(7)), so its stack is read from outside. One
// that runs is asked with a signal (SIGURG, ignored by default), which it has a tenth of a second to answer;
// not where it blocks that or the program handles it itself. One caller at a time.
Frames unwind_os_thread(int os_id) noexcept;
// The same for a thread that is known to be in a wait of thrum's own, which it is about to sleep in or to
// leave where it runs: that is waited for, as long as `until`.
Frames unwind_waiting(int os_id, Deadline until) noexcept;

// Whether thrum's own handler answers `signal` with a dump: see dump_threads_on_signal().
bool answers_with_dump(int signal) noexcept;
// The signal of unwind_os_thread(): workers must not block it.
int unwind_signal() noexcept;

}  // namespace thrum::internal
