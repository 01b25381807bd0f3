// thrum/threads/runtime_test.cpp: floor 1, threads
// How the environment and the kernel choose the reactor and the workers: each case in a process of its own.
#include <thrum/base/errors.hpp>
#include <thrum/threads.hpp>
#include <thrum/threads/child_fixture.hpp>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace thrum {
namespace {

using namespace std::chrono_literals;

// What the child of each case runs: says what it got, and uses it: timers, cross-thread wakes and a
// descriptor.
TEST(RuntimeProbe, DISABLED_SaysWhatItRunsOn) {
    Queue<int> queue;
    std::array<int, 2> pipe;
    ASSERT_EQ(::pipe2(pipe.data(), O_NONBLOCK | O_CLOEXEC), 0);
    Descriptor from(pipe[0]);
    Descriptor to(pipe[1]);
    Thread reader([&] {
        from.wait(Direction::read);
        queue.put(7);
    });
    Thread writer([&] {
        sleep(1ms);
        EXPECT_EQ(::write(to.fd(), "x", 1), 1);
    });
    const auto got = queue.get();
    std::printf("reactor %s workers %zu item %d\n", std::string(reactor_name()).c_str(), worker_count(),
                *got);
}

// As a kernel or a container does that forbids io_uring: io_uring_setup(2) fails with EPERM.
void refuse_io_uring() {
    std::array<sock_filter, 4> filter = {
        sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_io_uring_setup, 0, 1),
        sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog program{filter.size(), filter.data()};
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
        ::_exit(99);
    }
}

// What the probe writes in a process with this environment.
std::string probe(const std::string& reactor, const std::string& workers, void (*prepare)() = nullptr) {
    Child child("RuntimeProbe.DISABLED_SaysWhatItRunsOn",
                {{"THRUM_REACTOR", reactor}, {"THRUM_WORKERS", workers}}, prepare);
    const int status = child.end();
    return status == 0 ? child.text() : "status " + std::to_string(status) + ": " + child.text();
}

testing::AssertionResult says(const std::string& text, const std::string& expected) {
    if (text.find(expected) != std::string::npos) return testing::AssertionSuccess();
    return testing::AssertionFailure() << "'" << expected << "' is not in: " << text;
}

// THRUM_REACTOR and THRUM_WORKERS decide; where nothing is said it is epoll.
TEST(Runtime, TheEnvironmentDecides) {
    EXPECT_TRUE(says(probe("", "1"), "reactor epoll workers 1 item 7"));
    EXPECT_TRUE(says(probe("epoll", "1"), "reactor epoll workers 1 item 7"));
    EXPECT_TRUE(says(probe("epoll", "3"), "reactor epoll workers 3 item 7"));
}

// Where the kernel refuses io_uring, epoll takes its place, and nothing is said of it.
TEST(Runtime, FallsBackSilently) {
    const std::string text = probe("io_uring", "2", &refuse_io_uring);
    EXPECT_TRUE(says(text, "reactor epoll workers 2 item 7"));
    EXPECT_EQ(text.find("thrum:"), std::string::npos) << text;
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
std::ptrdiff_t open_descriptors() {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return std::distance(begin(all), end(all));
}

TEST(RuntimeProbe, DISABLED_StartsInVain) {
    std::size_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    rlimit limit{};
    ::getrlimit(RLIMIT_AS, &limit);
    // Room for rings, not for the stack of a std::thread.
    const rlimit tight{pages * 4096 + (std::size_t{4} << 20), limit.rlim_max};
    std::ptrdiff_t before = 0;
    for (int attempt = 0; attempt < 5; ++attempt) {
        ::setrlimit(RLIMIT_AS, &tight);
        EXPECT_THROW(worker_count(), OSError);
        ::setrlimit(RLIMIT_AS, &limit);
        if (attempt == 0) before = open_descriptors();
    }
    std::printf("%td more, ", open_descriptors() - before);
    std::printf("then %zu workers\n", worker_count());
}

// Where no worker's thread can be started, the attempt throws, leaves no descriptor behind, and can be made
// again.
TEST(Runtime, AStartInVainLeavesNothing) {
    for (const char* const reactor : {"io_uring", "epoll"}) {
        Child child("RuntimeProbe.DISABLED_StartsInVain",
                    {{"THRUM_REACTOR", reactor}, {"THRUM_WORKERS", "2"}});
        EXPECT_EQ(child.end(), 0) << child.text();
        EXPECT_TRUE(says(child.text(), "0 more, then 2 workers"));
    }
}
#endif

// Nonsense in the environment is reported and ignored.
TEST(Runtime, NonsenseIsReported) {
    const std::string text = probe("kqueue", "many");
    EXPECT_TRUE(says(text, "THRUM_WORKERS=many is not a number from 1 to 256; ignored"));
    EXPECT_TRUE(says(text, "THRUM_REACTOR=kqueue is neither io_uring nor epoll; ignored"));
    EXPECT_TRUE(says(text, "item 7"));
}

}  // namespace
}  // namespace thrum
