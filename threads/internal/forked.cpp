// thrum/threads/internal/forked.cpp: floor 1, threads
#include <thrum/threads/internal/forked.hpp>
#include <thrum/threads/internal/watched.hpp>

#include <dirent.h>
#include <pthread.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

namespace thrum::internal {

namespace {

// An OS thread of the child waits without end. Where it is the only one, nobody is left to wake it.
void complain_where_alone() noexcept {
    DIR* const folder = ::opendir("/proc/self/task");
    if (folder == nullptr) return;
    std::size_t count = 0;
    while (const dirent* const entry = ::readdir(folder)) count += entry->d_name[0] != '.' ? 1 : 0;
    ::closedir(folder);
    if (count != 1) return;
    static constexpr const char* words =
        "thrum: this process was made by fork() and waits for a thread of its parent, which it does not "
        "have. "
        "Call exec() or _exit() in the child, or fork before the first use of thrum.\n";
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, words, std::strlen(words));
    std::abort();
}

void in_the_child() noexcept {
    in_forked_child.store(true);
    monitor_sleeps.store(&complain_where_alone);
}

}  // namespace

void watch_for_forks() noexcept { ::pthread_atfork(nullptr, nullptr, &in_the_child); }

}  // namespace thrum::internal
