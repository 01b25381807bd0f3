// thrum/threads/internal/unwind.hpp: floor 1, threads
// Return addresses of a stack: of the caller, of a parked fiber, of another OS thread. libgcc's own unwinder,
// so no frame pointers are needed; no memory is allocated.
#pragma once

#include <array>
#include <cstdint>

namespace thrum::internal {

class Context;

struct Frames {
    static constexpr unsigned most = 64;
    // Innermost first. Addresses within the calling instructions, ready to be looked up.
    std::array<std::uintptr_t, most> addresses{};
    unsigned count = 0;

    bool operator==(const Frames& other) const noexcept;
};

// Of the caller of this function.
Frames unwind_here() noexcept;
// Of a context that was switched away from and is not switched to meanwhile.
Frames unwind_parked(const Context& context) noexcept;
// Of the OS thread `os_id` of this process, which a signal (SIGURG, ignored by default) interrupts for it.
// Nothing where the thread does not answer in a tenth of a second or the program handles that signal itself.
// One caller at a time.
Frames unwind_os_thread(int os_id) noexcept;

// Whether thrum's own handler answers `signal` with a dump: see dump_threads_on_signal().
bool answers_with_dump(int signal) noexcept;
// The signal of unwind_os_thread(): workers must not block it.
int unwind_signal() noexcept;

}  // namespace thrum::internal
