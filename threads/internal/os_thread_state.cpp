// thrum/threads/internal/os_thread_state.cpp: floor 1, threads
#include <thrum/threads/internal/os_thread_state.hpp>

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace thrum::internal {

namespace {

constexpr std::size_t most_status_bytes = 4096;

// Reads what fits, and ends it with a zero. The file is made anew by each read from its beginning.
void read_of_thread(int os_id, const char* name, char* text, std::size_t size) noexcept {
    text[0] = '\0';
    char path[64];
    std::snprintf(path, sizeof path, "/proc/self/task/%d/%s", os_id, name);
    const int file = ::open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return;
    const ssize_t got = ::read(file, text, size - 1);
    ::close(file);
    text[got > 0 ? got : 0] = '\0';
}

}  // namespace

OsThreadState::OsThreadState(int os_id) noexcept {
    read_of_thread(os_id, "syscall", words.data(), words.size());
    read_of_thread(os_id, "schedstat", turns.data(), turns.size());
    const char* const text = words.data();
    if (std::strncmp(text, "running", std::strlen("running")) == 0) {
        kind = Kind::running;
        return;
    }
    char* rest = nullptr;
    const long number = std::strtol(text, &rest, 10);
    if (rest == text) return;
    // "NUMBER ARGUMENT … STACK-POINTER PROGRAM-COUNTER", without arguments where the number is -1.
    for (char* end = rest;; rest = end) {
        const std::uintptr_t value = std::strtoull(rest, &end, 16);
        if (end == rest) break;
        stack_pointer = program_counter;
        program_counter = value;
    }
    system_call = number;
    kind = number >= 0 ? Kind::in_system_call : Kind::halted;
}

bool OsThreadState::has_slept_since(const OsThreadState& earlier) const noexcept {
    return kind == earlier.kind && kind != Kind::running && kind != Kind::unknown && words == earlier.words &&
           turns == earlier.turns;
}

std::chrono::nanoseconds processor_time(int os_id) noexcept {
    char text[96];
    read_of_thread(os_id, "schedstat", text, sizeof text);
    return std::chrono::nanoseconds(std::strtoll(text, nullptr, 10));
}

bool sleeps_in_kernel(int os_id) noexcept {
    char text[512];
    read_of_thread(os_id, "stat", text, sizeof text);
    // The letter after the name, which may have parentheses of its own.
    const char* const end = std::strrchr(text, ')');
    return end != nullptr && end[1] == ' ' && (end[2] == 'S' || end[2] == 'D');
}

bool blocks_signal(int os_id, int signal) noexcept {
    char text[most_status_bytes];
    read_of_thread(os_id, "status", text, sizeof text);
    static constexpr const char* field = "\nSigBlk:";
    const char* const found = std::strstr(text, field);
    if (found == nullptr) return false;
    const std::uint64_t blocked = std::strtoull(found + std::strlen(field), nullptr, 16);
    return (blocked >> (signal - 1) & 1) != 0;
}

const char* name_of_system_call(long number) noexcept {
    static constexpr struct {
        long number;
        const char* name;
    } all[] = {
        {SYS_accept, "accept"},
        {SYS_accept4, "accept4"},
        {SYS_clock_nanosleep, "clock_nanosleep"},
        {SYS_connect, "connect"},
        {SYS_epoll_pwait, "epoll_pwait"},
        {SYS_fcntl, "fcntl"},
        {SYS_fdatasync, "fdatasync"},
        {SYS_flock, "flock"},
        {SYS_fsync, "fsync"},
        {SYS_futex, "futex"},
        {SYS_ioctl, "ioctl"},
        {SYS_io_getevents, "io_getevents"},
        {SYS_io_uring_enter, "io_uring_enter"},
        {SYS_mq_timedreceive, "mq_timedreceive"},
        {SYS_mq_timedsend, "mq_timedsend"},
        {SYS_msgrcv, "msgrcv"},
        {SYS_msgsnd, "msgsnd"},
        {SYS_nanosleep, "nanosleep"},
        {SYS_openat, "openat"},
        {SYS_ppoll, "ppoll"},
        {SYS_pread64, "pread64"},
        {SYS_pselect6, "pselect6"},
        {SYS_pwrite64, "pwrite64"},
        {SYS_read, "read"},
        {SYS_readv, "readv"},
        {SYS_recvfrom, "recvfrom"},
        {SYS_recvmsg, "recvmsg"},
        {SYS_rt_sigsuspend, "rt_sigsuspend"},
        {SYS_rt_sigtimedwait, "rt_sigtimedwait"},
        {SYS_semop, "semop"},
        {SYS_semtimedop, "semtimedop"},
        {SYS_sendfile, "sendfile"},
        {SYS_sendmsg, "sendmsg"},
        {SYS_sendto, "sendto"},
        {SYS_splice, "splice"},
        {SYS_wait4, "wait4"},
        {SYS_waitid, "waitid"},
        {SYS_write, "write"},
        {SYS_writev, "writev"},
#if defined(__x86_64__)  // newer machines have none of these
        {SYS_epoll_wait, "epoll_wait"},
        {SYS_open, "open"},
        {SYS_pause, "pause"},
        {SYS_poll, "poll"},
        {SYS_select, "select"},
#endif
    };
    for (const auto& one : all) {
        if (one.number == number) return one.name;
    }
    return nullptr;
}

}  // namespace thrum::internal
