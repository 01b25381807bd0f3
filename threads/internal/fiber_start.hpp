// thrum/threads/internal/fiber_start.hpp: floor 1, threads
// The part of starting a fiber that depends on the function's type: its closure is built on the fiber's own
// stack.
#pragma once

#include <cstddef>
#include <new>
#include <string>
#include <type_traits>
#include <utility>

namespace thrum::internal {

class Fiber;

struct FiberOptions {
    std::string name;
    std::size_t stack_size;  // bytes, before rounding
};

// Makes a fiber with `closure_size` bytes for its closure. Throws OSError without memory for a stack.
Fiber* make_fiber(FiberOptions options, std::size_t closure_size, std::size_t closure_alignment);
void* closure_of(Fiber* fiber) noexcept;
// Undoes make_fiber() where the closure could not be built.
void discard_fiber(Fiber* fiber) noexcept;
// Hands the fiber to the scheduler; it will call run(closure), which also destroys the closure. The caller
// keeps one of the fiber's two references.
void launch_fiber(Fiber* fiber, void (*run)(void* closure)) noexcept;

template <class Closure>
Fiber* start_fiber(FiberOptions options, Closure&& closure) {
    using Stored = std::decay_t<Closure>;
    Fiber* const fiber = make_fiber(std::move(options), sizeof(Stored), alignof(Stored));
    try {
        ::new (closure_of(fiber)) Stored(std::forward<Closure>(closure));
    } catch (...) {
        discard_fiber(fiber);
        throw;
    }
    launch_fiber(fiber, [](void* memory) {
        struct Destroyer {
            Stored* stored;
            ~Destroyer() { stored->~Stored(); }
        } destroyer{static_cast<Stored*>(memory)};
        (*destroyer.stored)();
    });
    return fiber;
}

}  // namespace thrum::internal
