// thrum/threads/internal/unwind.cpp: floor 1, threads
// A parked fiber is unwound by a function in assembler whose call frame information says that its caller's
// registers are where the switch left them. The unwinder steps from it into the parked stack as if that
// had called it.
#include <thrum/threads/internal/call_frames.hpp>
#include <thrum/threads/internal/context.hpp>
#include <thrum/threads/internal/os_thread_state.hpp>
#include <thrum/threads/internal/unwind.hpp>

#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <unwind.h>

#include <algorithm>
#include <atomic>
#include <cerrno>

// thrum_unwind_parked(stack pointer of the parked stack, callback, argument)
#if defined(__x86_64__) && !defined(THRUM_BOOST_SWITCH)
// The layout is SwitchFrame's: all but rbp and the place to go on at lies in the frame that was left.
asm(R"(
    .text
    .p2align 4
    .hidden thrum_unwind_parked
    .globl thrum_unwind_parked
    .type thrum_unwind_parked, @function
thrum_unwind_parked:
    .cfi_startproc
    pushq %rbx
    .cfi_adjust_cfa_offset 8
    .cfi_offset rbx, -16
    movq %rdi, %rbx
    movq %rsi, %rdi
    movq %rdx, %rsi
    .cfi_remember_state
    .cfi_def_cfa rbx, 0
    .cfi_offset rip, -0x90
    .cfi_offset rbp, -0x88
    call _Unwind_Backtrace@PLT
    nop
    .cfi_restore_state
    popq %rbx
    .cfi_adjust_cfa_offset -8
    ret
    .cfi_endproc
    .size thrum_unwind_parked, . - thrum_unwind_parked
)");
#elif defined(__aarch64__)
// The layout is Boost.Context's.
asm(R"(
    .text
    .p2align 4
    .hidden thrum_unwind_parked
    .globl thrum_unwind_parked
    .type thrum_unwind_parked, %function
thrum_unwind_parked:
    .cfi_startproc
    stp x19, x30, [sp, #-16]!
    .cfi_adjust_cfa_offset 16
    .cfi_offset x19, -16
    .cfi_offset x30, -8
    mov x19, x0
    mov x0, x1
    mov x1, x2
    .cfi_remember_state
    .cfi_def_cfa x19, 0
    .cfi_offset x19, -0x70
    .cfi_offset x20, -0x68
    .cfi_offset x21, -0x60
    .cfi_offset x22, -0x58
    .cfi_offset x23, -0x50
    .cfi_offset x24, -0x48
    .cfi_offset x25, -0x40
    .cfi_offset x26, -0x38
    .cfi_offset x27, -0x30
    .cfi_offset x28, -0x28
    .cfi_offset x29, -0x20
    .cfi_offset x30, -0x10
    bl _Unwind_Backtrace
    nop
    .cfi_restore_state
    ldp x19, x30, [sp], #16
    .cfi_adjust_cfa_offset -16
    .cfi_restore x19
    .cfi_restore x30
    ret
    .cfi_endproc
    .size thrum_unwind_parked, . - thrum_unwind_parked
)");
#endif

extern "C" void thrum_unwind_parked(const void* stack, _Unwind_Trace_Fn callback, void* argument);

namespace thrum::internal {

namespace {

constexpr auto answer_wait_ns = 100'000'000L;  // for an OS thread to be interrupted
constexpr long answer_look_ns = 100'000;
constexpr int most_tries = 3;  // to read the stack of a thread that sleeps before it runs again

// TSan must not take the unwinder's walk over foreign stacks for accesses of ours.
_Unwind_Reason_Code add_frame(_Unwind_Context* context, void* argument) {
    Frames& frames = *static_cast<Frames*>(argument);
    int before = 0;
    const std::uintptr_t address = _Unwind_GetIPInfo(context, &before);
    if (address == 0 || frames.count == Frames::most) return _URC_END_OF_STACK;
    frames.addresses[frames.count++] = before != 0 ? address : address - 1;
    return _URC_NO_REASON;
}

void drop_first(Frames& frames) noexcept {
    if (frames.count == 0) return;
    std::copy(frames.addresses.begin() + 1, frames.addresses.begin() + frames.count,
              frames.addresses.begin());
    --frames.count;
}

// One question to one OS thread. Who moves `state` on owns `frames`.
struct Question {
    enum State : int { none, asked, answering, answered };
    std::atomic<int> state = none;
    std::atomic<int> os_id = 0;
    Frames frames;
};
Question question;

void answer(int) {
    const int saved = errno;
    if (question.os_id.load() == static_cast<int>(::syscall(SYS_gettid))) {
        int expected = Question::asked;
        if (question.state.compare_exchange_strong(expected, Question::answering)) {
            question.frames.count = 0;
            _Unwind_Backtrace(&add_frame, &question.frames);
            drop_first(question.frames);  // this function
            drop_first(question.frames);  // what the kernel made it return to
            question.state.store(Question::answered);
        }
    }
    errno = saved;
}

// Only where the program has no handler of its own.
bool install_handler() noexcept {
    struct sigaction old {};
    if (::sigaction(unwind_signal(), nullptr, &old) != 0) return false;
    if (old.sa_handler == &answer) return true;
    if ((old.sa_flags & SA_SIGINFO) != 0 || (old.sa_handler != SIG_DFL && old.sa_handler != SIG_IGN)) {
        return false;
    }
    struct sigaction ours {};
    ours.sa_handler = &answer;
    ours.sa_flags = SA_RESTART | SA_ONSTACK;
    ::sigfillset(&ours.sa_mask);
    return ::sigaction(unwind_signal(), &ours, nullptr) == 0;
}

Frames ask(int os_id) noexcept {
    // Those would only be waited for, and a fiber may go on to another wait before it lets the signal in.
    if (blocks_signal(os_id, unwind_signal())) return no_frames("the thread blocks SIGURG");
    if (!install_handler()) return no_frames("the program handles SIGURG itself");
    int state = question.state.load();
    if (state == Question::answering)
        return no_frames("a thread has not answered yet");  // from the last time
    question.os_id.store(os_id);
    question.state.store(Question::asked);
    if (::syscall(SYS_tgkill, ::getpid(), os_id, unwind_signal()) == 0) {
        const timespec nap{0, answer_look_ns};
        for (long waited = 0; waited < answer_wait_ns; waited += answer_look_ns) {
            if (question.state.load() == Question::answered) break;
            ::nanosleep(&nap, nullptr);
        }
    }
    state = Question::asked;
    if (question.state.compare_exchange_strong(state, Question::none))
        return no_frames("the thread did not answer in 0.1 s");
    // It is answering now, which takes microseconds.
    for (int i = 0; i < 1000 && question.state.load() == Question::answering; ++i) {
        const timespec nap{0, answer_look_ns};
        ::nanosleep(&nap, nullptr);
    }
    if (question.state.load() != Question::answered) return no_frames("the thread did not answer in 0.1 s");
    return question.frames;
}

// Of a thread that sleeps; nothing, and no reason, where it runs.
Frames watch(int os_id) noexcept {
    OsThreadState state(os_id);
    for (int i = 0; i < most_tries && state.kind != OsThreadState::Kind::running; ++i) {
        if (state.kind == OsThreadState::Kind::unknown)
            return sleeps_in_kernel(os_id) ? no_frames("the kernel does not tell where the thread sleeps")
                                           : Frames();
        if (state.kind == OsThreadState::Kind::halted)
            return no_frames("the thread waits for memory to be read, or is stopped");
        if (!has_unwind_from) return no_frames("a signal, to ask for it, might cut the system call short");
        const Frames frames = unwind_from(state.stack_pointer, state.program_counter);
        const OsThreadState now(os_id);
        if (now.has_slept_since(state)) return frames;
        state = now;
    }
    return {};
}

}  // namespace

bool Frames::operator==(const Frames& other) const noexcept {
    return count == other.count &&
           std::equal(addresses.begin(), addresses.begin() + count, other.addresses.begin());
}

Frames no_frames(const char* why) noexcept {
    Frames frames;
    frames.missing = why;
    return frames;
}

int unwind_signal() noexcept { return SIGURG; }

__attribute__((noinline)) Frames unwind_here() noexcept {
    Frames frames;
    _Unwind_Backtrace(&add_frame, &frames);
    drop_first(frames);
    return frames;
}

Frames unwind_parked(const Context& context) noexcept {
    Frames frames;
    if (context.saved() == nullptr) return frames;
#if defined(__x86_64__) && !defined(THRUM_BOOST_SWITCH)
    thrum_unwind_parked(reinterpret_cast<const void*>(context.suspended().stack), &add_frame, &frames);
#elif defined(__aarch64__)
    constexpr std::size_t saved_registers = 0xb0;
    thrum_unwind_parked(static_cast<const char*>(context.saved()) + saved_registers, &add_frame, &frames);
#endif
    drop_first(frames);  // thrum_unwind_parked
    return frames;
}

Frames unwind_os_thread(int os_id) noexcept {
    Frames frames = watch(os_id);
    return frames.count == 0 && frames.missing == nullptr ? ask(os_id) : frames;
}

Frames unwind_waiting(int os_id, Deadline until) noexcept {
    if (!has_unwind_from) return ask(os_id);  // which thrum's own waits survive
    for (;;) {
        const Frames frames = watch(os_id);
        if (frames.count != 0 || frames.missing != nullptr) return frames;
        if (std::chrono::steady_clock::now() >= until) return no_frames("the thread goes on at this moment");
        const timespec nap{0, answer_look_ns};
        ::nanosleep(&nap, nullptr);
    }
}

}  // namespace thrum::internal
