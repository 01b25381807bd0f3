// thrum/threads/internal/call_frames_test.cpp: floor 1, threads
#include <thrum/threads/internal/call_frames.hpp>
#include <thrum/threads/internal/os_thread.hpp>
#include <thrum/threads/internal/os_thread_state.hpp>

#include <alloca.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <thread>

namespace thrum::internal {
namespace {

struct Sleeper {
    std::array<int, 2> pipe{};
    std::atomic<int> os_id = 0;
    std::array<std::uintptr_t, 3> returns{};  // the addresses to which its functions return, innermost first
};

// What it takes from the stack is not known beforehand, so the frame's place is kept in the frame pointer.
__attribute__((noinline)) void inner(Sleeper& sleeper, std::size_t size) {
    void* const room = ::alloca(size);
    std::memset(room, 1, size);
    sleeper.returns[0] = reinterpret_cast<std::uintptr_t>(__builtin_return_address(0));
    sleeper.os_id = own_os_id();
    static_cast<void>(!::read(sleeper.pipe[0], room, 1));
    asm volatile("" ::"r"(room) : "memory");
}
__attribute__((noinline)) void middle(Sleeper& sleeper, std::size_t size) {
    sleeper.returns[1] = reinterpret_cast<std::uintptr_t>(__builtin_return_address(0));
    inner(sleeper, size);
    asm volatile("");
}
__attribute__((noinline)) void outer(Sleeper& sleeper, std::size_t size) {
    void* const room = ::alloca(size);
    asm volatile("" ::"r"(room) : "memory");
    sleeper.returns[2] = reinterpret_cast<std::uintptr_t>(__builtin_return_address(0));
    middle(sleeper, size);
    asm volatile("" ::"r"(room) : "memory");
}

// Every function between a thread's beginning and its system call is found, those with a frame pointer, whose
// value nobody tells, too.
TEST(CallFrames, OfAThreadThatSleeps) {
    if (!has_unwind_from) GTEST_SKIP() << "not on this processor";
#if defined(__SANITIZE_ADDRESS__)
    GTEST_SKIP() << "what alloca() takes is aligned to more than a frame pointer tells";
#endif
    for (const std::size_t size : {16, 1000, 20'000}) {
        Sleeper sleeper;
        ASSERT_EQ(::pipe(sleeper.pipe.data()), 0);
        std::thread thread([&] {
            outer(sleeper, size);
            asm volatile("");
        });
        for (;;) {
            const OsThreadState state(sleeper.os_id);
            if (sleeper.os_id == 0 || state.kind != OsThreadState::Kind::in_system_call ||
                state.system_call != SYS_read) {
                std::this_thread::yield();
                continue;
            }
            const Frames frames = unwind_from(state.stack_pointer, state.program_counter);
            EXPECT_TRUE(OsThreadState(sleeper.os_id).has_slept_since(state));
            const auto* from = frames.addresses.data();
            const auto* const end = from + frames.count;
            for (const std::uintptr_t address : sleeper.returns) {
                from = std::find(from, end, address - 1);
                EXPECT_NE(from, end) << "of " << frames.count << " with " << size << " bytes";
            }
            break;
        }
        EXPECT_EQ(::write(sleeper.pipe[1], "x", 1), 1);
        thread.join();
        ::close(sleeper.pipe[0]);
        ::close(sleeper.pipe[1]);
    }
}

// Whatever the registers hold, the walk comes to its end and touches nothing that is not there.
TEST(CallFrames, OfNonsense) {
    if (!has_unwind_from) GTEST_SKIP() << "not on this processor";
    const auto code = reinterpret_cast<std::uintptr_t>(&inner);
    std::array<std::uintptr_t, 512> stack;
    std::fill(stack.begin(), stack.end(), code + 4);  // returns to where it is, without end
    for (const std::uintptr_t pointer :
         {std::uintptr_t{0}, std::uintptr_t{1}, std::uintptr_t{4096}, ~std::uintptr_t{0}, ~std::uintptr_t{15},
          reinterpret_cast<std::uintptr_t>(stack.data()), reinterpret_cast<std::uintptr_t>(stack.data()) + 3,
          code}) {
        for (const std::uintptr_t counter :
             {std::uintptr_t{0}, std::uintptr_t{1}, ~std::uintptr_t{0}, code, code + 1, code + 20,
              reinterpret_cast<std::uintptr_t>(&::read) + 10,
              reinterpret_cast<std::uintptr_t>(stack.data())}) {
            const Frames frames = unwind_from(pointer, counter);
            EXPECT_GE(frames.count, 1u);
            EXPECT_LE(frames.count, Frames::most);
        }
    }
}

}  // namespace
}  // namespace thrum::internal
