// thrum/threads/os_thread_test.cpp: floor 1, threads
// What a plain operating-system thread may do, up to its very end.
#include <thrum/threads.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <thread>

namespace thrum {
namespace {

using namespace std::chrono_literals;

constexpr auto patience = 20s;  // a wait that is longer has failed

// Waits, twice at once with another thread, in its destructor.
struct WaitsAtExit {
    ~WaitsAtExit() {
        Event ours;
        Event theirs;
        const std::uint64_t before = current_thread_id();
        std::uint64_t other = 0;
        std::thread thread([&] {
            other = current_thread_id();
            theirs.set();
            ours.wait_for(patience);
        });
        const bool came = theirs.wait_for(patience);
        const std::uint64_t after = current_thread_id();
        ours.set();
        thread.join();
        std::fprintf(stderr, "%s\n",
                     came && before == after && after != other ? "as ever" : "two threads, one record");
    }
};

// The destructors of static objects run when main's own thread-local objects are gone. They wait as ever, and
// no other thread takes them for itself.
TEST(OsThreadDeathTest, WaitsAfterItsLocalsAreGone) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_EXIT(
        {
            static const WaitsAtExit at_exit;
            static_cast<void>(current_thread_id());  // main has been seen before its end
            std::exit(0);
        },
        testing::ExitedWithCode(0), "^as ever\n$");
}

}  // namespace
}  // namespace thrum
