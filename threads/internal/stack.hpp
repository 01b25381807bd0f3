// thrum/threads/internal/stack.hpp: floor 1, threads
// Stacks with a guard page below each: carved from slabs, recycled last in, first out.
#pragma once

#include <cstddef>
#include <cstdint>

namespace thrum::internal {

struct Stack {
    char* base = nullptr;     // the guard page starts here
    std::size_t size = 0;     // bytes, guard included
    bool pooled = false;      // of the default size, to be recycled
    bool mprotected = false;  // its guard counts against vm.max_map_count
    std::uint32_t colour =
        0;  // bytes to leave free at the top, so that stack tops fall into different cache sets

    char* top() const noexcept { return base + size - colour; }
};

struct StackStatistics {
    std::size_t mapped = 0;   // stacks made so far
    std::size_t guarded = 0;  // of these, how many have a guard page
};

// The size a request gets: whole pages, one of them the guard.
std::size_t stack_size_for(std::size_t requested) noexcept;

// From the process-wide pool; thread-safe. Throws OSError when there is no memory.
Stack allocate_stack(std::size_t size);
// Gives stacks back. Beyond a bound of idle ones their memory goes back to the kernel.
void release_stack(const Stack& stack) noexcept;
StackStatistics stack_statistics() noexcept;

}  // namespace thrum::internal
