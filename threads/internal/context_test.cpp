// thrum/threads/internal/context_test.cpp: floor 1, threads
// What a thread keeps across a switch: its registers, its rounding mode, its exceptions; and that a dump can
// tell where it was left.
#include <thrum/threads/internal/context.hpp>
#include <thrum/threads/thread.hpp>

#include <gtest/gtest.h>

#include <cfenv>
#include <cmath>
#include <cstdint>
#include <vector>

namespace thrum {
namespace {

volatile double one_and_a_half = 1.5;  // volatile: rounded when it is asked, not by the compiler

// A thread starts with its maker's rounding mode, and what it changes is its own.
TEST(Context, RoundingModeBelongsToTheThread) {
    Thread outer([] {
        std::fesetround(FE_UPWARD);
        Thread heir([] { EXPECT_EQ(std::fegetround(), FE_UPWARD); });
        heir.join();
        Thread other([] {
            std::fesetround(FE_DOWNWARD);
            for (int i = 0; i < 100; ++i) {
                yield();
                EXPECT_EQ(std::fegetround(), FE_DOWNWARD);
                EXPECT_EQ(std::nearbyint(one_and_a_half), 1);
            }
        });
        for (int i = 0; i < 100; ++i) {
            yield();
            EXPECT_EQ(std::fegetround(), FE_UPWARD);
            EXPECT_EQ(std::nearbyint(one_and_a_half), 2);
        }
        other.join();
    });
    outer.join();
    EXPECT_EQ(std::fegetround(), FE_TONEAREST);
}

// Values that live in registers, whole and floating, are there again after a switch, at any optimisation.
TEST(Context, ValuesSurviveSwitches) {
    std::vector<Thread> threads;
    for (int n = 0; n < 8; ++n) {
        threads.emplace_back([n] {
            long a = n;
            long b = n + 1;
            long c = n + 2;
            long d = n + 3;
            long e = n + 4;
            double x = n + 0.5;
            double y = n + 0.25;
            for (int i = 0; i < 1000; ++i) {
                yield();
                a += 1;
                b += a & 1;
                c += b & 1;
                d += c & 1;
                e += d & 1;
                x += 1;
                y += x > y ? 1 : 0;
            }
            EXPECT_EQ(a, n + 1000);
            EXPECT_EQ(x, n + 1000.5);
            EXPECT_EQ(y, n + 1000.25);
            EXPECT_GT(b + c + d + e, 4 * n);
        });
    }
    for (auto& thread : threads) thread.join();
}

#if !defined(THRUM_BOOST_SWITCH)
internal::Context* home = nullptr;

// What a dump reads of a context that does not run points into its own stack and to code.
TEST(Context, TellsWhereAStackWasLeft) {
    std::vector<char> memory(256 * 1024);
    char* const top = memory.data() + memory.size() / 16 * 16;
    char* const aligned = top - reinterpret_cast<std::uintptr_t>(top) % 16;
    internal::Context root;
    internal::Context visitor(memory.data(), aligned, [](internal::Context& self) {
        internal::Context::switch_to(self, *home);
        internal::Context::switch_to(self, *home, true);
    });
    home = &root;
    const internal::SuspendedAt unused = visitor.suspended();
    internal::Context::switch_to(root, visitor);
    const internal::SuspendedAt left = visitor.suspended();
    internal::Context::switch_to(root, visitor);
    for (const internal::SuspendedAt& at : {unused, left}) {
        EXPECT_NE(at.instruction, 0U);
        EXPECT_GT(at.stack, reinterpret_cast<std::uintptr_t>(memory.data()));
        EXPECT_LT(at.stack, reinterpret_cast<std::uintptr_t>(aligned));
    }
    EXPECT_NE(unused.instruction, left.instruction);
    EXPECT_EQ(unused.stack, reinterpret_cast<std::uintptr_t>(aligned) - sizeof(void*));
}
#endif

}  // namespace
}  // namespace thrum
