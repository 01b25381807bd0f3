// thrum/threads/internal/stack_test.cpp: floor 1, threads
// Every stack has a guard below it, however many there were, and however the kernel makes guards.
#include <thrum/threads/internal/stack.hpp>
#include <thrum/threads/thread.hpp>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <vector>

namespace thrum::internal {
namespace {

constexpr std::size_t page = 4096;

// Whether the byte can be read, as the kernel sees it: it says EFAULT instead of raising a signal.
bool is_readable(const char* byte) {
    std::array<int, 2> pipe;
    if (::pipe2(pipe.data(), O_NONBLOCK | O_CLOEXEC) != 0) std::abort();
    const bool readable = ::write(pipe[1], byte, 1) == 1;
    if (!readable && errno != EFAULT) std::abort();
    ::close(pipe[0]);
    ::close(pipe[1]);
    return readable;
}

bool is_guarded(const Stack& stack) {
    return !is_readable(stack.base) && !is_readable(stack.base + page - 1) &&
           is_readable(stack.base + page) && is_readable(stack.top() - 1);
}

// madvise(2) fails where it is to place a guard, MADV_GUARD_INSTALL (102), at an address with one of these
// bits set.
void refuse_installed_guards(unsigned error, unsigned bits) {
    std::array<sock_filter, 8> filter = {
        sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_madvise, 0, 5),
        sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[2])),
        sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 102, 0, 3),
        sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[0])),
        sock_filter BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, bits, 0, 1),
        sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
        sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog program{filter.size(), filter.data()};
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
        std::fprintf(stderr, "no filter\n");
        std::exit(1);
    }
}

// Stacks of every kind are whole above their guard, and none below.
TEST(Stack, HasAGuard) {
    for (const std::size_t size : {default_stack_size, std::size_t{16 * 1024}, std::size_t{1 << 20}}) {
        std::vector<Stack> stacks;
        for (int i = 0; i < 100; ++i) stacks.push_back(allocate_stack(stack_size_for(size)));
        for (const Stack& stack : stacks) EXPECT_TRUE(is_guarded(stack)) << size;
        for (const Stack& stack : stacks) release_stack(stack);
    }
    const StackStatistics statistics = stack_statistics();
    EXPECT_EQ(statistics.guarded, statistics.mapped);
}

// A stack of another than the default size is kept for the next one who wants such a one, whole and with its
// guard, so that nothing is mapped any more.
TEST(Stack, OtherSizesAreKeptToo) {
    const std::size_t sizes[] = {16 * 1024, 48 * 1024, 100 * 1024, 2 * default_stack_size + 5000, 1 << 20};
    const auto round = [&] {
        std::vector<Stack> stacks;
        for (const std::size_t size : sizes) {
            for (int i = 0; i < 10; ++i) {
                const Stack stack = allocate_stack(size);
                EXPECT_GE(stack.size, size);
                EXPECT_TRUE(is_guarded(stack)) << size;
                stacks.push_back(stack);
            }
        }
        for (const Stack& stack : stacks) release_stack(stack);
    };
    round();
    const std::size_t mapped = stack_statistics().mapped;
    for (int i = 0; i < 3; ++i) round();
    EXPECT_EQ(stack_statistics().mapped, mapped);
}

// Of those that idle at once there is a bound, by their bytes; and very large ones are not kept at all.
TEST(Stack, NotMoreThanSoManyAreKept) {
    const auto mapped_again = [](std::size_t size, std::size_t count) {
        const auto round = [&] {
            std::vector<Stack> stacks;
            for (std::size_t i = 0; i < count; ++i) stacks.push_back(allocate_stack(size));
            for (const Stack& stack : stacks) release_stack(stack);
        };
        round();
        const std::size_t before = stack_statistics().mapped;
        round();
        return stack_statistics().mapped - before;
    };
    const std::size_t most = idle_stack_bytes_kept / largest_kept_stack;
    EXPECT_EQ(mapped_again(largest_kept_stack + 1, 3), 3u);
    EXPECT_GE(mapped_again(largest_kept_stack, most + 5), 5u);
}

// How deep a thread with a stack of its own size has been is seen as well.
TEST(Stack, DepthOfOtherSizes) {
    const Stack stack = allocate_stack(1 << 20);
    volatile char* const deep = stack.top() - 900 * 1024;
    *deep = 1;
    EXPECT_GE(deepest_stack(), std::size_t{900} * 1024);
    release_stack(stack);
}

// Where a guard costs mappings there may be so many at once; a very large stack that has gone gives its
// guard back, so that those who come later have one too.
TEST(StackDeathTest, GuardsOfSingleStacksAreGivenBack) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_EXIT(
        {
            refuse_installed_guards(EINVAL, ~0U);  // as a kernel before 6.13
            std::size_t most_mappings = 65530;
            std::ifstream("/proc/sys/vm/max_map_count") >> most_mappings;
            const std::size_t size = largest_kept_stack + page;
            for (std::size_t i = 0; i < most_mappings / 2; ++i) release_stack(allocate_stack(size));
            const Stack last = allocate_stack(size);
            const StackStatistics statistics = stack_statistics();
            std::fprintf(stderr, "%s, %zu unguarded\n", is_guarded(last) ? "guarded" : "bare",
                         statistics.mapped - statistics.guarded);
            std::exit(0);
        },
        testing::ExitedWithCode(0), "guarded, 0 unguarded");
}

#if !defined(__SANITIZE_ADDRESS__)
// A guard that the kernel has no memory for at the moment is placed by mprotect(2); the next is installed
// again. Nothing is said, as all have one.
TEST(StackDeathTest, OneRefusalIsNoMoreThanThat) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_EXIT(
        {
            const std::size_t size = stack_size_for(default_stack_size);
            // Of neighbours in a slab one in two is refused.
            refuse_installed_guards(ENOMEM, static_cast<unsigned>(size & -size));
            int guarded = 0;
            int by_mprotect = 0;
            for (int i = 0; i < 100; ++i) {
                const Stack stack = allocate_stack(size);
                guarded += is_guarded(stack) ? 1 : 0;
                by_mprotect += stack.mprotected ? 1 : 0;
            }
            std::fprintf(stderr, "%d guarded, %d by mprotect", guarded, by_mprotect);
            std::exit(0);
        },
        testing::ExitedWithCode(0), "^100 guarded, [45][0-9] by mprotect$");
}
#endif

}  // namespace
}  // namespace thrum::internal
