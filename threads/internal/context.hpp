// thrum/threads/internal/context.hpp: floor 1, threads
// One suspended point of execution: its stack, exception and floating-point state, and what the sanitizers
// must know.
#pragma once

#include <thrum/threads/internal/stack.hpp>
#include <thrum/threads/internal/switch.hpp>

#include <cstddef>
#include <cstdint>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) && !defined(__SANITIZE_ADDRESS__)
#define __SANITIZE_ADDRESS__ 1
#endif
#if __has_feature(thread_sanitizer) && !defined(__SANITIZE_THREAD__)
#define __SANITIZE_THREAD__ 1
#endif
#endif

namespace thrum::internal {

// The two words libstdc++ and libc++abi keep per OS thread for exceptions in flight (__cxa_eh_globals in the
// Itanium C++ ABI, 2.2.2). Without saving them at each switch, one fiber's `throw;` rethrows another's
// exception.
struct ExceptionState {
    void* caught = nullptr;
    unsigned int uncaught = 0;
};

// Rounding and exception masks, which a function keeps for its caller (System V ABI for x86-64, 3.2.3).
struct FloatState {
    std::uint32_t mxcsr = 0;
    std::uint16_t x87 = 0;
    bool operator==(const FloatState&) const noexcept = default;
};

class Context {
public:
    using Entry = void (*)(Context& self);

    // A context that is running already: the OS thread's own.
    Context() noexcept;
    // A context that will run entry(*this) on the memory from `bottom` up to `top` when first switched to.
    Context(char* bottom, char* top, Entry entry) noexcept;
    ~Context();
    Context(const Context&) = delete;
    Context& operator=(const Context&) = delete;

    // Saves the running context in `from` and goes on with `to`; returns when something switches back to
    // `from`. `ending` says that `from` never runs again. Both belong to the calling OS thread.
    static void switch_to(Context& from, Context& to, bool ending = false) noexcept;

    // Where it was left, while it does not run.
    SuspendedAt suspended() const noexcept { return suspended_at(stack_pointer_); }
    // What switch_stack() left; nullptr before the first switch.
    const void* saved() const noexcept { return stack_pointer_; }

    // Brings what it will touch first into the processor's caches: its innermost frames, which after
    // thousands of others are in none.
    void prefetch() const noexcept {
        const char* const stack = static_cast<const char*>(stack_pointer_);
        for (int line = 0; line < warm_lines; ++line) __builtin_prefetch(stack + line * 64, 1);
    }

private:
    static constexpr int warm_lines = 16;

    static void begin(void* self) noexcept;

    void* stack_pointer_ = nullptr;
    ExceptionState exceptions_;
    FloatState floats_;
    Entry entry_ = nullptr;
#if defined(__SANITIZE_ADDRESS__)
    void* fake_stack_ = nullptr;
    const void* bottom_ = nullptr;
    std::size_t size_ = 0;
#endif
#if defined(__SANITIZE_THREAD__)
    void* tsan_fiber_ = nullptr;
    bool own_tsan_fiber_ = false;
#endif
};

}  // namespace thrum::internal
