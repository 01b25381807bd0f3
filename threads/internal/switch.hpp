// thrum/threads/internal/switch.hpp: floor 1, threads
// The change of stacks itself: a few instructions on x86-64, Boost.Context on every other processor.
//
// A function call that saves every register the ABI says must survive costs more than the switch. Here the
// compiler is told that all of them are lost, and so keeps only those that are in use. The jump back is no
// return, and the one that resumes lands in the same function, so the processor's prediction of the returns
// that follow stays right. The floating-point control words are the caller's to keep.
#pragma once

#include <cstddef>
#include <cstdint>

#if (!defined(__x86_64__) || defined(__ILP32__)) && !defined(THRUM_BOOST_SWITCH)
#define THRUM_BOOST_SWITCH 1
#endif
#if defined(THRUM_BOOST_SWITCH)
#include <boost/context/detail/fcontext.hpp>
#endif

namespace thrum::internal {

// Where a stack was left, for debuggers and dumps: the registers an unwinder starts from. All zero where this
// is not known.
struct SuspendedAt {
    std::uintptr_t instruction = 0;
    std::uintptr_t stack = 0;
    std::uintptr_t frame = 0;
};

#if defined(THRUM_BOOST_SWITCH)

struct BoostSwitch {
    void** left;
    void* argument;
};

// Makes the memory from `bottom` up to `top` (aligned to 16) a stack on which begin(argument) runs when it is
// first switched to; what the first switch hands over is its argument. It must not return.
template <void (*Begin)(void*)>
void* prepare_stack(char* bottom, char* top) noexcept {
    namespace fcontext = boost::context::detail;
    return fcontext::make_fcontext(top, static_cast<std::size_t>(top - bottom),
                                   [](fcontext::transfer_t from) {
                                       const BoostSwitch change = *static_cast<const BoostSwitch*>(from.data);
                                       *change.left = from.fctx;
                                       Begin(change.argument);
                                   });
}

// Saves in `left` where the caller is and goes on where `to` was saved.
inline void switch_stack(void*& left, void* to, void* argument) noexcept {
    namespace fcontext = boost::context::detail;
    BoostSwitch change{&left, argument};
    const fcontext::transfer_t from = fcontext::jump_fcontext(to, &change);
    *static_cast<const BoostSwitch*>(from.data)->left = from.fctx;
}

inline SuspendedAt suspended_at(const void*) noexcept { return {}; }

#else

// What lies at a saved stack pointer, from there upwards; above it the red zone.
struct SwitchFrame {
    std::uintptr_t instruction;
    std::uintptr_t frame;  // rbp, which a compiler may need for itself, so it cannot be declared lost
};

inline constexpr std::size_t red_zone = 128;  // bytes below the stack pointer that a leaf function may use

template <void (*Begin)(void*)>
void* prepare_stack(char*, char* top) noexcept {
    // Begin() finds a return address of 0, where unwinders stop, and the alignment of a function just called.
    auto* const return_address = reinterpret_cast<std::uintptr_t*>(top) - 1;
    *return_address = 0;
    auto* const frame =
        reinterpret_cast<SwitchFrame*>(reinterpret_cast<char*>(return_address) - red_zone) - 1;
    *frame = {reinterpret_cast<std::uintptr_t>(Begin), 0};
    return frame;
}

#if defined(__AVX512F__)
// A compiler that may use them must not keep anything in them either.
#define THRUM_WIDE_REGISTERS                                                                             \
    , "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24", "xmm25", "xmm26", \
        "xmm27", "xmm28", "xmm29", "xmm30", "xmm31", "k1", "k2", "k3", "k4", "k5", "k6", "k7"
#else
#define THRUM_WIDE_REGISTERS
#endif

// Not to be inlined into a user's function, which may keep something on the x87 stack; Context::switch_to()
// sees to that.
inline void switch_stack(void*& left, void* to, void* argument) noexcept {
    void** left_pointer = &left;
    asm volatile(
        "leaq -128(%%rsp), %%rsp\n\t"
        "pushq %%rbp\n\t"
        "leaq 1f(%%rip), %%rax\n\t"
        "pushq %%rax\n\t"
        "movq %%rsp, (%[left])\n\t"
        "movq %[to], %%rsp\n\t"
        "popq %%rax\n\t"
        "popq %%rbp\n\t"
        "leaq 128(%%rsp), %%rsp\n\t"
        "jmpq *%%rax\n"
        "1:"
        : [left] "+S"(left_pointer), [to] "+d"(to), "+D"(argument)
        :
        : "rax", "rbx", "rcx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "cc", "memory", "xmm0",
          "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12",
          "xmm13", "xmm14", "xmm15" THRUM_WIDE_REGISTERS);
}
#undef THRUM_WIDE_REGISTERS

inline SuspendedAt suspended_at(const void* saved) noexcept {
    const auto* const frame = static_cast<const SwitchFrame*>(saved);
    return {frame->instruction, reinterpret_cast<std::uintptr_t>(frame + 1) + red_zone, frame->frame};
}

#endif

}  // namespace thrum::internal
