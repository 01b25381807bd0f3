// thrum/threads/internal/os_thread_state_test.cpp: floor 1, threads
#include <thrum/threads/internal/os_thread.hpp>
#include <thrum/threads/internal/os_thread_state.hpp>

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/syscall.h>

#include <climits>
#include <string>

namespace thrum::internal {
namespace {

// The caller runs, in the system call that asks; what it blocks is told signal by signal.
TEST(OsThreadState, OfTheCaller) {
    const OsThreadState state(own_os_id());
    EXPECT_NE(state.kind, OsThreadState::Kind::halted);
    EXPECT_FALSE(sleeps_in_kernel(own_os_id()));
    EXPECT_GT(processor_time(own_os_id()).count(), 0);
    sigset_t some;
    sigset_t before;
    ::sigemptyset(&some);
    ::sigaddset(&some, SIGURG);
    ::pthread_sigmask(SIG_SETMASK, &some, &before);
    EXPECT_TRUE(blocks_signal(own_os_id(), SIGURG));
    EXPECT_FALSE(blocks_signal(own_os_id(), SIGURG - 1));
    EXPECT_FALSE(blocks_signal(own_os_id(), SIGURG + 1));
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    EXPECT_FALSE(blocks_signal(own_os_id(), SIGURG));
}

// Of a thread that there is not, nothing is told, and it has not slept either.
TEST(OsThreadState, OfNobody) {
    for (const int os_id : {0, -1, INT_MAX}) {
        const OsThreadState state(os_id);
        EXPECT_EQ(state.kind, OsThreadState::Kind::unknown) << os_id;
        EXPECT_FALSE(OsThreadState(os_id).has_slept_since(state));
        EXPECT_FALSE(sleeps_in_kernel(os_id));
        EXPECT_FALSE(blocks_signal(os_id, SIGURG));
        EXPECT_EQ(processor_time(os_id).count(), 0);
    }
}

// Calls in which a thread may stay have names, others a number only.
TEST(OsThreadState, NamesOfSystemCalls) {
    EXPECT_EQ(name_of_system_call(SYS_read), std::string("read"));
    EXPECT_EQ(name_of_system_call(SYS_ppoll), std::string("ppoll"));
    EXPECT_EQ(name_of_system_call(SYS_getpid), nullptr);
    EXPECT_EQ(name_of_system_call(-1), nullptr);
}

}  // namespace
}  // namespace thrum::internal
