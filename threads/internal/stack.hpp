// thrum/threads/internal/stack.hpp: floor 1, threads
// Stacks with a guard page below each, recycled last in, first out: those of the default size carved from
// slabs, others mapped one by one, in classes of size. At the top of each lies a word that says whether
// somebody lives there, so that slabs and list are the registry of all fibers as well.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace thrum::internal {

struct Stack {
    char* base = nullptr;     // the guard page starts here
    std::size_t size = 0;     // bytes, guard included
    bool pooled = false;      // of the default size, from a slab
    bool mprotected = false;  // its guard counts against vm.max_map_count
    std::uint32_t colour =
        0;  // bytes to leave free at the top, so that stack tops fall into different cache sets

    char* top() const noexcept { return base + size - colour; }
};

// The topmost bytes of a stack. Never constructed: fresh memory is zero, and what was there before stays. The
// count of references is what keeps a fiber alive, so a visitor of all stacks can take one of its own.
struct StackHeader {
    std::uint32_t references;  // 0 where nobody lives
    std::uint32_t pages;       // and of the stacks outside the slabs: how large it is,
    StackHeader* previous;     // and its neighbours
    StackHeader* next;

    static StackHeader& of(const Stack& stack) noexcept {
        return *reinterpret_cast<StackHeader*>(stack.top() - size);
    }
    // From here on visitors may meet what lies beneath.
    void publish(std::uint32_t count) noexcept { counter().store(count, std::memory_order_release); }
    // False where nobody lives any more.
    bool retain() noexcept {
        std::uint32_t count = counter().load(std::memory_order_relaxed);
        while (count > 0) {
            if (counter().compare_exchange_weak(count, count + 1, std::memory_order_acquire,
                                                std::memory_order_relaxed)) {
                return true;
            }
        }
        return false;
    }
    // True for the one who gave back the last reference.
    bool drop() noexcept { return counter().fetch_sub(1, std::memory_order_acq_rel) == 1; }

    static constexpr std::size_t size = 32;

private:
    std::atomic_ref<std::uint32_t> counter() noexcept { return std::atomic_ref<std::uint32_t>(references); }
};
static_assert(sizeof(StackHeader) <= StackHeader::size);

struct StackStatistics {
    std::size_t mapped = 0;   // stacks made so far
    std::size_t guarded = 0;  // of these, how many have a guard page
};

// The size a request gets: whole pages, one of them the guard.
std::size_t stack_size_for(std::size_t requested) noexcept;

// The steps in which stacks of another than the default size are made, and the largest that is kept for the
// next one who wants such a stack.
inline constexpr std::size_t stack_size_step = 32 * 1024;
inline constexpr std::size_t largest_kept_stack = 2 * 1024 * 1024;
// Idle stacks outside the slabs, all together: as many bytes as the idle default ones that stay warm.
inline constexpr std::size_t idle_stack_bytes_kept = 64 * 1024 * 1024;

// At least `size` bytes, from the process-wide pool, without a system call where one is idle; thread-safe.
// Throws OSError when there is no memory.
Stack allocate_stack(std::size_t size);
// Gives stacks back. Beyond a bound of idle ones their memory goes back to the kernel.
void release_stack(const Stack& stack) noexcept;
StackStatistics stack_statistics() noexcept;
// The most bytes, in whole pages, that any stack there is has in memory: how deep one has been.
std::size_t deepest_stack();

// Calls visit(header, argument) for each stack on which somebody lives, with a reference taken that `visit`
// gives back in its own time, until it returns false. Thread-safe.
void visit_stacks(bool (*visit)(StackHeader& header, void* argument), void* argument);

}  // namespace thrum::internal
