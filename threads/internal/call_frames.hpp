// thrum/threads/internal/call_frames.hpp: floor 1, threads
// Walks the stack of an OS thread that sleeps in a system call, from outside: nothing runs on that thread.
#pragma once

#include <thrum/threads/internal/unwind.hpp>

#include <cstdint>

namespace thrum::internal {

// Whether unwind_from() is there for this processor: for x86-64. On others the kernel does not tell enough.
constexpr bool has_unwind_from =
#if defined(__x86_64__)
    true;
#else
    false;
#endif

// From where a system call of this process was made to where the thread began. The stack is read so that one
// that changes or goes away meanwhile does no harm; what was found is right only if the thread has slept all
// the time. Only the two registers are known: the walk ends early at a function that keeps its frame's place
// in another one, which nobody has put on the stack and whose caller was not called by name. Needs no memory.
Frames unwind_from(std::uintptr_t stack_pointer, std::uintptr_t program_counter) noexcept;

}  // namespace thrum::internal
