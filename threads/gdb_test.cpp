// thrum/threads/gdb_test.cpp: floor 1, threads
// The gdb commands of gdb/thrum-gdb.py, with gdb itself.
#include <thrum/threads.hpp>

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <string>

#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

namespace thrum {
namespace {

__attribute__((noinline)) void weave_under_gdb(Event& event) {
    event.wait();
    asm volatile("");
}

TEST(GdbProbe, DISABLED_Stops) {
    Event event;
    Thread thread(ThreadOptions{.name = "weaver"}, [&] { weave_under_gdb(event); });
    while (runtime_statistics().parks < 1) yield();
    // These have stacks outside the slabs.
    Thread deep(ThreadOptions{.name = "deep", .stack_size = 256 * 1024}, [&] { event.wait(); });
    Thread large(ThreadOptions{.name = "large"},
                 [&event, cargo = std::array<char, 8192>()] { event.wait(), static_cast<void>(cargo); });
    while (runtime_statistics().parks < 3) yield();
    std::raise(SIGTRAP);
    event.set();
}

// gdb lists the threads with what they wait on, shows the stack of a parked one, refuses a number that is
// none, and the program goes on as if nothing had been.
TEST(Gdb, ListsThreadsAndShowsTheirStacks) {
    if (::access("/usr/bin/gdb", X_OK) != 0) GTEST_SKIP() << "no gdb";
    const std::string script = THRUM_SOURCE_DIR "/threads/gdb/thrum-gdb.py";
    std::array<char, 4096> program{};
    ASSERT_GT(::readlink("/proc/self/exe", program.data(), program.size() - 1), 0);
    const std::string command =
        "gdb -batch -nx -iex 'set debuginfod enabled off' -ex run -x '" + script +
        "' -ex 'info thrum-threads' -ex 'thrum-thread 1' -ex 'thrum-thread 99' -ex continue "
        "--args '" +
        program.data() + "' --gtest_also_run_disabled_tests --gtest_filter=GdbProbe.* 2>&1 </dev/null";
    std::FILE* const gdb = ::popen(command.c_str(), "r");
    ASSERT_NE(gdb, nullptr);
    std::string text;
    std::array<char, 4096> buffer;
    for (std::size_t got; (got = std::fread(buffer.data(), 1, buffer.size(), gdb)) > 0;) {
        text.append(buffer.data(), got);
    }
    ::pclose(gdb);
    if (text.find("ptrace: ") != std::string::npos) GTEST_SKIP() << "not allowed to trace: " << text;
    EXPECT_NE(text.find("1  weaver  waits on Event 0x"), std::string::npos) << text;
    for (const char* const word : {"  deep  waits on Event 0x", "  large  waits on Event 0x"}) {
        EXPECT_NE(text.find(word), std::string::npos) << text;
    }
    EXPECT_NE(text.find("weave_under_gdb (event="), std::string::npos) << text;
    EXPECT_NE(text.find("there is no thrum thread 99"), std::string::npos) << text;
    EXPECT_NE(text.find("[  PASSED  ] 1 test"), std::string::npos) << text;
}

}  // namespace
}  // namespace thrum

#endif
