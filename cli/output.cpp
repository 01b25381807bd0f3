// thrum/cli/output.cpp: front door, cli
#include <thrum/cli/output.hpp>
#include <thrum/fetch/reporter.hpp>
#include <thrum/threads/to_thread.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <mutex>
#include <utility>

namespace thrum::cli {

OutputError::OutputError(int code) : OSError(code, os_error_message(code, "cannot write standard output")) {}

void write_output(std::string_view text) {
    if (const int code = fetch::write_all(STDOUT_FILENO, text); code != 0) throw OutputError(code);
}

void hold_standard_descriptors() {
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        if (::fcntl(fd, F_GETFD) >= 0 || errno != EBADF) continue;
        // open(2) takes the lowest number that is free. Opened the wrong way round, every use fails with
        // EBADF.
        [[maybe_unused]] const int held = ::open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
    }
}

LineLog::LineLog() : writer_([this] { run(); }) {}

LineLog::~LineLog() {
    try {
        {
            const std::scoped_lock lock(lock_);
            finishing_ = true;
            changed_.notify_one();
        }
        writer_.join();
    } catch (...) {
        // Only a pending cancel of the owner comes here; ~Thread ends the writer then.
    }
}

void LineLog::add(std::string_view line) {
    std::unique_lock lock(lock_);
    drained_.wait(lock, [this] { return lines_.size() < max_unwritten_log_bytes; });
    if (lines_.empty()) changed_.notify_one();
    lines_.append(line).append("\n");
}

void LineLog::run() {
    std::unique_lock lock(lock_);
    for (;;) {
        changed_.wait(lock, [this] { return finishing_ || !lines_.empty(); });
        if (lines_.empty()) return;
        const std::string lines = std::exchange(lines_, {});
        drained_.notify_all();
        lock.unlock();
        // Where standard error takes nothing there is nobody left to tell.
        to_thread([&lines] { fetch::write_all(STDERR_FILENO, lines); });
        lock.lock();
    }
}

}  // namespace thrum::cli
