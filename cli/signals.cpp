// thrum/cli/signals.cpp: front door, cli
#include <thrum/base/errors.hpp>
#include <thrum/cli/signals.hpp>
#include <thrum/threads/task_group.hpp>
#include <thrum/threads/thread.hpp>

#include <pthread.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>
#include <string_view>

namespace thrum::cli {

namespace {

// The first signal asked politely; whoever sends a second wants to be rid of us.
[[noreturn]] void leave_at_once(int number, std::string_view words) {
    std::string text = ::isatty(STDERR_FILENO) == 1 ? "\x1b[?25h" : "";  // the cursor, shown again
    if (!words.empty()) text.append(words).append("\n");
    [[maybe_unused]] const ssize_t put = ::write(STDERR_FILENO, text.data(), text.size());
    std::_Exit(exit_status_of_signal(number));
}

bool is_ignored(int number) {
    struct sigaction action {};
    return ::sigaction(number, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

}  // namespace

Signals::Signals(std::initializer_list<int> numbers, std::chrono::nanoseconds echo) : echo_(echo) {
    sigset_t set;
    ::sigemptyset(&set);
    // A signal that is blocked is kept even where it is ignored (signal(7)), so such a one is left alone.
    for (const int number : numbers) {
        if (!is_ignored(number)) ::sigaddset(&set, number);
    }
    if (const int code = ::pthread_sigmask(SIG_BLOCK, &set, &before_); code != 0) {
        throw_os_error(code, "cannot block signals");
    }
    const int fd = ::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (fd < 0) {
        const int code = errno;
        ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
        throw_os_error(code, "cannot listen for signals");
    }
    descriptor_ = Descriptor(fd);
}

Signals::~Signals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

int Signals::wait() {
    for (;;) {
        const int number = read_one();
        const auto now = std::chrono::steady_clock::now();
        if (number == last_ && now - last_time_ < echo_) continue;
        last_ = number;
        last_time_ = now;
        return number;
    }
}

int Signals::read_one() {
    signalfd_siginfo info{};
    const ssize_t got = descriptor_.perform(Direction::read, never, 0,
                                            [&](int fd) { return ::read(fd, &info, sizeof info); });
    if (got < 0) throw_os_error(errno, "cannot listen for signals");
    return static_cast<int>(info.ssi_signo);
}

int run_until_signal(const std::function<void()>& work, std::string_view at_once) {
    Signals signals({SIGINT, SIGTERM, SIGHUP});
    int caught = 0;
    TaskGroup group;
    group.start(std::cref(work));
    {
        const Thread watcher([&] {
            caught = signals.wait();
            group.cancel();
            leave_at_once(signals.wait(), at_once);
        });
        group.wait();
    }
    return caught;
}

}  // namespace thrum::cli
