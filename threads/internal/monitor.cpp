// thrum/threads/internal/monitor.cpp: floor 1, threads
#include <thrum/base/text.hpp>
#include <thrum/threads/inspect.hpp>
#include <thrum/threads/internal/deadlock.hpp>
#include <thrum/threads/internal/monitor.hpp>
#include <thrum/threads/internal/runtime.hpp>
#include <thrum/threads/internal/stall.hpp>
#include <thrum/threads/internal/watched.hpp>

#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <thread>

namespace thrum::internal {

namespace {

constexpr auto quiet_time = std::chrono::milliseconds(50);  // between two looks that must agree
constexpr auto longest_tick = std::chrono::milliseconds(500);

// Changed by whoever has news; the monitor sleeps on it.
std::atomic<std::uint32_t> news = 0;
std::atomic<bool> dump_wanted = false;

void ring() noexcept {
    news.fetch_add(1);
    ::syscall(SYS_futex, &news, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}

void nap(std::uint32_t seen, const timespec* longest) noexcept {
    ::syscall(SYS_futex, &news, FUTEX_WAIT_PRIVATE, seen, longest, nullptr, 0);
}

timespec span(std::chrono::milliseconds duration) noexcept {
    return {duration.count() / 1000, duration.count() % 1000 * 1'000'000};
}

MonitorOptions options_of_environment() {
    MonitorOptions options;
    if (const char* const text = std::getenv("THRUM_DEADLOCK"))
        options.deadlock = std::string_view(text) != "off";
    const char* const stall = std::getenv("THRUM_STALL");
    if (stall == nullptr || *stall == '\0') return options;
    std::string_view number = stall;
    if (number == "off") {
        options.stall.reset();
        return options;
    }
    if (number.ends_with("ms")) number.remove_suffix(2);
    if (const auto value = parse_unsigned(number); value && *value >= 1 && *value <= 86'400'000) {
        options.stall = std::chrono::milliseconds(*value);
    } else {
        std::fprintf(stderr, "thrum: THRUM_STALL=%s is neither 'off' nor a number of milliseconds; ignored\n",
                     stall);
    }
    return options;
}

class Monitor {
public:
    explicit Monitor(Runtime& runtime) : runtime_(runtime), options_(options_of_environment()) {
        if (options_.stall) {
            stalls_.emplace(runtime_, *options_.stall);
            tick_ = std::clamp(*options_.stall / 2, std::chrono::milliseconds(1), longest_tick);
        }
    }

    [[noreturn]] void run() noexcept {
        for (;;) {
            const std::uint32_t seen = news.load();
            if (dump_wanted.exchange(false)) dump_threads(STDERR_FILENO);
            if (quiet()) {
                look_when_quiet(seen);
            } else {
                if (stalls_) stalls_->look();
                const timespec tick = span(tick_);
                nap(seen, &tick);
            }
        }
    }

private:
    bool quiet() const noexcept {
        return std::all_of(runtime_.workers().begin(), runtime_.workers().end(),
                           [](const auto& worker) { return worker->asleep(); });
    }

    // All workers sleep. Sleeps too, until one wakes or an OS thread waits without end; but first makes sure
    // that somebody can ever wake them.
    void look_when_quiet(std::uint32_t seen) noexcept {
        if (options_.deadlock) {
            const std::uint64_t before = activity(runtime_);
            if (all_wait_without_end(runtime_)) {
                const timespec time = span(quiet_time);
                nap(seen, &time);
                if (quiet() && activity(runtime_) == before && all_wait_without_end(runtime_) &&
                    activity(runtime_) == before && quiet()) {
                    report_deadlock();
                }
            }
        }
        if (stalls_) stalls_->forget();
        monitor_sleeps.store(&wake);
        // Who went to wait or woke before it could read that is seen now.
        const bool all_is_done = quiet() && !(options_.deadlock && all_wait_without_end(runtime_));
        if (all_is_done) nap(seen, nullptr);
        monitor_sleeps.store(nullptr);
    }

    static void wake() noexcept {
        monitor_sleeps.store(nullptr);
        ring();
    }

    Runtime& runtime_;
    MonitorOptions options_;
    std::chrono::milliseconds tick_ = longest_tick;
    std::optional<StallDetector> stalls_;
};

}  // namespace

void start_monitor() noexcept {
    // Signals are for the program's own threads.
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    try {
        auto* const monitor = new Monitor(*Runtime::started());
        std::thread thread([monitor] { monitor->run(); });
        ::pthread_setname_np(thread.native_handle(), "thrum-monitor");
        thread.detach();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "thrum: nobody looks for stalls and deadlocks: %s\n", error.what());
    }
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void ask_for_dump() noexcept {
    dump_wanted.store(true);
    ring();
}

}  // namespace thrum::internal
