// thrum/testing/process.hpp: yard, testing
// Child processes and temporary folders for tests: started with a plain argv, always stopped by process id.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <filesystem>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace thrum::testing {

// A folder of its own below the system's temporary folder, removed with all it holds at the end.
class TemporaryDirectory {
public:
    explicit TemporaryDirectory(const std::string& name = "thrum-test");
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    ~TemporaryDirectory();

    const std::filesystem::path& path() const noexcept { return path_; }
    std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

private:
    std::filesystem::path path_;
};

struct ProcessOptions {
    std::filesystem::path output = "/dev/null";  // standard output and standard error
    std::filesystem::path error_output = {};     // standard error alone, where not empty
    std::filesystem::path folder = {};           // working folder; ours where empty
    std::vector<std::pair<std::string, std::string>> environment = {};  // added to ours
    int stop_signal = 15;                                               // SIGTERM
};

// A running program. Ends with its owner: stop_signal, then SIGKILL after ten seconds. It also gets SIGTERM
// when the thread that started it dies, so a crashed test leaves nothing behind. Not thread-safe.
class Process {
public:
    // Throws OSError when the program cannot be run. Looked up in PATH where argv[0] has no slash.
    explicit Process(const std::vector<std::string>& argv, const ProcessOptions& options = {});
    Process(Process&& other) noexcept;
    Process& operator=(Process&&) = delete;
    ~Process() { stop(); }

    pid_t pid() const noexcept { return pid_; }
    bool running();
    // Waits for its end. Returns the exit status, or minus the signal that ended it.
    int wait();
    // Idempotent. Returns what wait() would.
    int stop();
    void signal(int number);

private:
    void record(int status) noexcept;

    pid_t pid_ = -1;
    bool ended_ = false;
    int result_ = 0;
    int stop_signal_ = 15;
};

struct CommandResult {
    int status = 0;  // exit status, or minus the signal that ended it
    std::string output = {};
    std::string error_output = {};
};

// Runs a program to its end and keeps what it wrote.
CommandResult run(const std::vector<std::string>& argv, ProcessOptions options = {});

// The names of what is in a folder.
std::set<std::string> files_in(const std::filesystem::path& folder);

// While it lives, this process gets no new descriptor but in place of one it closes: opening fails with
// EMFILE (RLIMIT_NOFILE, getrlimit(2)).
class NoDescriptorsLeft {
public:
    NoDescriptorsLeft();
    NoDescriptorsLeft(const NoDescriptorsLeft&) = delete;
    NoDescriptorsLeft& operator=(const NoDescriptorsLeft&) = delete;
    ~NoDescriptorsLeft();

private:
    unsigned long before_ = 0;  // rlim_cur
};

// Entries of /proc/self/fd and /proc/self/task: what this process holds open, and its operating-system
// threads.
std::size_t open_descriptors();
std::size_t os_threads();

}  // namespace thrum::testing
