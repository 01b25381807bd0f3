// thrum/threads/internal/reactor_test.cpp: floor 1, threads
// Waits end for their own reasons: not because a signal interrupted them, nor because the kernel does not
// watch that kind of descriptor.
#include <thrum/threads.hpp>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace thrum {
namespace {

using namespace std::chrono_literals;

void expect_in_every_kind(const std::function<void()>& body) {
    Thread(body).join();
    std::thread(body).join();
    body();
}

std::atomic<int> interrupts = 0;

// Workers block all signals but those of faults.
#if !defined(__SANITIZE_THREAD__)
constexpr int storm_signal = SIGTRAP;
#else
// ThreadSanitizer takes a SIGTRAP for the thread's own doing and calls the handler on the spot, also in the
// midst of its own change of fibers, where that crashes: so it does with two fibers of ucontext and no thrum.
// Others it puts off. This one reaches the threads that are no workers.
constexpr int storm_signal = SIGUSR1;
#endif

// While it lives, every OS thread that is there now is interrupted all the time by a timer of its own, with a
// handler that does not restart system calls (signal(7)).
class SignalStorm {
public:
    SignalStorm() {
        struct sigaction action = {};
        action.sa_handler = [](int) { ++interrupts; };
        ::sigaction(storm_signal, &action, &before_);
        for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) {
            sigevent event = {};
            event.sigev_notify = SIGEV_THREAD_ID;
            event.sigev_signo = storm_signal;
            event._sigev_un._tid = std::stoi(entry.path().filename());
            timer_t timer;
            if (::timer_create(CLOCK_MONOTONIC, &event, &timer) != 0) continue;  // the thread has just ended
            timers_.push_back(timer);
            const itimerspec often = {.it_interval = {0, 200'000}, .it_value = {0, 200'000}};
            ::timer_settime(timer, 0, &often, nullptr);
        }
    }
    SignalStorm(const SignalStorm&) = delete;
    SignalStorm& operator=(const SignalStorm&) = delete;
    ~SignalStorm() {
        for (timer_t timer : timers_) ::timer_delete(timer);
        // What is still on its way meets a handler that does nothing.
        struct sigaction ignore = {};
        ignore.sa_handler = SIG_IGN;
        ::sigaction(storm_signal, &ignore, nullptr);
        ::sigaction(storm_signal, &before_, nullptr);
    }

private:
    struct sigaction before_ = {};
    std::vector<timer_t> timers_;
};

// A byte there and back, `count` times.
void ping_pong(int count) {
    std::array<int, 2> ends;
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()), 0);
    Descriptor here(ends[0]);
    Descriptor there(ends[1]);
    const auto receive = [](Descriptor& from) {
        char byte = 0;
        const ssize_t got =
            from.perform(Direction::read, never, 1, [&](int fd) { return ::read(fd, &byte, 1); });
        return got == 1 ? byte : '\0';
    };
    const auto send = [](Descriptor& to, char byte) {
        return to.perform(Direction::write, never, 0, [&](int fd) { return ::write(fd, &byte, 1); }) == 1;
    };
    Thread peer([&] {
        for (int i = 0; i < count; ++i) {
            if (!send(there, static_cast<char>(receive(there) + 1))) return;
        }
    });
    for (int i = 0; i < count; ++i) {
        const char byte = static_cast<char>(1 + i % 100);
        ASSERT_TRUE(send(here, byte));
        ASSERT_EQ(receive(here), byte + 1);
    }
    peer.join();
}

// Each kind of wait that has a time lasts at least that long, and says that it expired.
void expect_whole_waits() {
    constexpr auto span = 5ms;
    const auto lasts = [&](const char* what, auto&& wait) {
        const auto start = std::chrono::steady_clock::now();
        wait();
        EXPECT_GE(std::chrono::steady_clock::now() - start, span) << what;
    };
    lasts("sleep", [&] { sleep(span); });
    Event event;
    lasts("event", [&] { EXPECT_FALSE(event.wait_for(span)); });
    std::array<int, 2> ends;
    ASSERT_EQ(::pipe2(ends.data(), O_NONBLOCK | O_CLOEXEC), 0);
    Descriptor silent(ends[0]);
    Descriptor other(ends[1]);
    lasts("descriptor", [&] { EXPECT_FALSE(silent.wait(Direction::read, deadline_after(span))); });
    lasts("perform", [&] {
        char byte;
        EXPECT_EQ(silent.perform(Direction::read, deadline_after(span), 0,
                                 [&](int fd) { return ::read(fd, &byte, 1); }),
                  -1);
        EXPECT_EQ(errno, ETIMEDOUT);
    });
}

// EINTR is nobody's business: under a storm of signals no wait ends early, none is lost, and no byte is.
TEST(Reactor, SignalsEndNoWait) {
    Thread([] {}).join();  // the workers are there
    const SignalStorm storm;
    interrupts = 0;
    do {
        expect_in_every_kind(expect_whole_waits);
        expect_in_every_kind([] { ping_pong(50); });
    } while (interrupts < 200);
}

// A plain file, which epoll refuses to watch (EPERM, epoll_ctl(2)), is always ready: whoever is told to wait
// for it goes on.
TEST(Reactor, PlainFilesAreAlwaysReady) {
    std::string name = (std::filesystem::temp_directory_path() / "thrum-test-XXXXXX").string();
    Descriptor file(::mkostemp(name.data(), O_CLOEXEC));
    ASSERT_TRUE(file.is_open());
    std::filesystem::remove(name);
    ASSERT_EQ(::pwrite(file.fd(), "hello", 5, 0), 5);
    expect_in_every_kind([&file] {
        for (const Direction direction : {Direction::read, Direction::write}) {
            EXPECT_TRUE(file.wait(direction));
            char buffer[16];
            int refusals = 3;
            const ssize_t got = file.perform(direction, never, 0, [&](int fd) -> ssize_t {
                if (refusals-- > 0) {
                    errno = EAGAIN;
                    return -1;
                }
                return ::pread(fd, buffer, sizeof buffer, 0);
            });
            EXPECT_EQ(got, 5) << errno;
        }
    });
}

}  // namespace
}  // namespace thrum
