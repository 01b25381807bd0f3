// thrum/threads/internal/deadlock.cpp: floor 1, threads
#include <thrum/threads/inspect.hpp>
#include <thrum/threads/internal/deadlock.hpp>
#include <thrum/threads/internal/registry.hpp>
#include <thrum/threads/internal/runtime.hpp>
#include <thrum/threads/internal/unwind.hpp>

#include <dirent.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>

namespace thrum::internal {

namespace {

std::size_t os_threads() noexcept {
    DIR* const folder = ::opendir("/proc/self/task");
    if (folder == nullptr) return 0;
    std::size_t count = 0;
    while (const dirent* const entry = ::readdir(folder)) count += entry->d_name[0] != '.' ? 1 : 0;
    ::closedir(folder);
    return count;
}

// A handler of the program's own may wake somebody. Faults do not: they are bugs.
bool handles_signals() noexcept {
    static constexpr std::array faults = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT};
    for (int number = 1; number < SIGRTMAX; ++number) {
        struct sigaction action {};
        if (std::find(faults.begin(), faults.end(), number) != faults.end() || number == unwind_signal())
            continue;
        if (::sigaction(number, nullptr, &action) != 0) continue;
        if ((action.sa_flags & SA_SIGINFO) != 0) return true;
        const bool default_or_ignored = action.sa_handler == SIG_DFL || action.sa_handler == SIG_IGN;
        if (!default_or_ignored && !answers_with_dump(number)) return true;
    }
    return false;
}

bool endless(const Task& task) noexcept {
    if (!task.waiting() || task.waiting_until() != never) return false;
    const char* const kind = task.reason().kind;
    return kind == nullptr || std::strchr(kind, '%') == nullptr;  // descriptors
}

}  // namespace

std::uint64_t activity(const Runtime& runtime) noexcept {
    std::uint64_t sum = 0;
    for (const auto& worker : runtime.workers()) sum += worker->counters().switches.get();
    return sum;
}

bool all_wait_without_end(Runtime& runtime) noexcept {
    try {
        if (runtime.has_new_fibers()) return false;
        std::size_t plain = 0;
        bool endless_all = true;
        for_each_os_task([&](Task& task) {
            ++plain;
            endless_all = endless_all && endless(task);
        });
        if (!endless_all || plain == 0 || os_threads() != runtime.worker_count() + 1 + plain) return false;
        for_each_fiber([&](const FiberReference& fiber) {
            endless_all = endless_all && endless(*fiber);
            return endless_all;
        });
        return endless_all && !handles_signals();
    } catch (const std::exception&) {
        return false;
    }
}

void report_deadlock() noexcept {
    static constexpr const char* words =
        "thrum: all threads are asleep: deadlock. No thread is ready, none waits for a descriptor or with a "
        "deadline, so nothing can wake them. (THRUM_DEADLOCK=off turns this check off.)\n";
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, words, std::strlen(words));
    dump_threads(STDERR_FILENO);
    std::abort();
}

}  // namespace thrum::internal
