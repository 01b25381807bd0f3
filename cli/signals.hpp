// thrum/cli/signals.hpp: front door, cli
// Ctrl-C and its kin as something a thread waits for, instead of something that interrupts.
#pragma once

#include <thrum/threads/descriptor.hpp>

#include <chrono>
#include <csignal>
#include <functional>
#include <initializer_list>
#include <string_view>

namespace thrum::cli {

// A signal that comes again within this time is one request sent twice: timeout(1) signals its child and then
// the whole group, and so do some terminals and supervisors.
inline constexpr std::chrono::milliseconds echo_time{100};

// While it stands, these signals do nothing but wake wait(); those that the process was started to ignore, as
// nohup(1) and shells do for what runs in the background, stay ignored. They are blocked in the calling
// thread and those it starts: so one is made before the process has other threads. Throws OSError.
class Signals {
public:
    explicit Signals(std::initializer_list<int> numbers, std::chrono::nanoseconds echo = echo_time);
    ~Signals();
    Signals(const Signals&) = delete;
    Signals& operator=(const Signals&) = delete;

    // The number of the next one, the echo of the one before left out. Not thread-safe. Throws Cancelled, and
    // TimeoutError when a deadline in force passes.
    int wait();

private:
    int read_one();

    sigset_t before_;
    std::chrono::nanoseconds echo_;
    int last_ = 0;
    std::chrono::steady_clock::time_point last_time_ = {};
    Descriptor descriptor_;
};

// Runs `work` on a thread of its own to its end and returns 0; or until SIGINT, SIGTERM or SIGHUP comes: then
// cancels it, waits until it has tidied up, and returns the signal's number. A second signal ends the process
// at once, and says `at_once` on standard error. Rethrows what `work` throws.
int run_until_signal(const std::function<void()>& work, std::string_view at_once = {});

// The exit status of a command that signal `number` stopped, as shells have it.
constexpr int exit_status_of_signal(int number) noexcept { return 128 + number; }

}  // namespace thrum::cli
