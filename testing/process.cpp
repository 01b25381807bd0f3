// thrum/testing/process.cpp: yard, testing
// fork, exec, and waiting for the end.
#include <thrum/base/errors.hpp>
#include <thrum/base/file.hpp>
#include <thrum/testing/process.hpp>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

extern char** environ;

namespace thrum::testing {

namespace fs = std::filesystem;

namespace {

constexpr int stop_patience_ms = 10'000;

// All that the child needs, made before fork: between fork and exec nothing may allocate.
struct Prepared {
    std::vector<char*> argv;
    std::vector<std::string> environment_text;
    std::vector<char*> environment;
};

Prepared prepare(const std::vector<std::string>& argv, const ProcessOptions& options) {
    Prepared prepared;
    for (const auto& argument : argv) prepared.argv.push_back(const_cast<char*>(argument.c_str()));
    prepared.argv.push_back(nullptr);
    for (char** entry = environ; *entry; ++entry) {
        const std::string_view text = *entry;
        const std::string_view name = text.substr(0, text.find('='));
        bool replaced = false;
        for (const auto& [key, value] : options.environment) replaced = replaced || key == name;
        if (!replaced) prepared.environment_text.emplace_back(text);
    }
    for (const auto& [key, value] : options.environment) {
        std::string entry = key;
        prepared.environment_text.push_back(entry.append("=").append(value));
    }
    for (auto& entry : prepared.environment_text) prepared.environment.push_back(entry.data());
    prepared.environment.push_back(nullptr);
    return prepared;
}

[[noreturn]] void become(const Prepared& prepared, const ProcessOptions& options, int output,
                         int error_output, int report) {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    // As from a shell in the foreground, however the tests themselves were started.
    for (const int number : {SIGPIPE, SIGHUP, SIGINT, SIGTERM}) ::signal(number, SIG_DFL);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    const int input = open("/dev/null", O_RDONLY);
    dup2(input, 0);
    dup2(output, 1);
    dup2(error_output, 2);
    if (options.folder.empty() || chdir(options.folder.c_str()) == 0) {
        execvpe(prepared.argv[0], prepared.argv.data(), prepared.environment.data());
    }
    const int code = errno;
    [[maybe_unused]] const ssize_t written = write(report, &code, sizeof code);
    _exit(127);
}

int open_output(const fs::path& path) {
    const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (fd < 0) throw_os_error(errno, "cannot open " + path.string());
    return fd;
}

std::size_t entries(const char* folder) {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry : fs::directory_iterator(folder)) ++count;
    return count;
}

}  // namespace

TemporaryDirectory::TemporaryDirectory(const std::string& name) {
    std::string pattern = (fs::temp_directory_path() / (name + "-XXXXXX")).string();
    if (!mkdtemp(pattern.data())) throw_os_error(errno, "cannot make a temporary folder " + pattern);
    path_ = pattern;
}

TemporaryDirectory::~TemporaryDirectory() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
}

Process::Process(const std::vector<std::string>& argv, const ProcessOptions& options)
    : stop_signal_(options.stop_signal) {
    const Prepared prepared = prepare(argv, options);
    const UniqueFd output(open_output(options.output));
    const UniqueFd error_output(
        open_output(options.error_output.empty() ? options.output : options.error_output));
    // The pipe closes at exec; before that, the child says through it why exec failed.
    int report[2];
    if (pipe2(report, O_CLOEXEC) < 0) throw_os_error(errno, "cannot make a pipe");
    const UniqueFd report_read(report[0]);
    UniqueFd report_write(report[1]);
    pid_ = fork();
    if (pid_ < 0) throw_os_error(errno, "cannot start " + argv[0]);
    if (pid_ == 0) become(prepared, options, output.get(), error_output.get(), report[1]);
    report_write.reset();
    int code = 0;
    ssize_t got;
    do got = read(report_read.get(), &code, sizeof code);
    while (got < 0 && errno == EINTR);
    if (got == sizeof code) {
        wait();
        throw_os_error(code, "cannot run " + argv[0]);
    }
}

Process::Process(Process&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      ended_(std::exchange(other.ended_, true)),
      result_(other.result_),
      stop_signal_(other.stop_signal_) {}

void Process::record(int status) noexcept {
    ended_ = true;
    result_ = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

bool Process::running() {
    if (ended_) return false;
    int status = 0;
    if (waitpid(pid_, &status, WNOHANG) == pid_) record(status);
    return !ended_;
}

int Process::wait() {
    while (!ended_) {
        int status = 0;
        if (waitpid(pid_, &status, 0) == pid_) {
            record(status);
        } else if (errno != EINTR) {
            throw_os_error(errno, "cannot wait for process " + std::to_string(pid_));
        }
    }
    return result_;
}

void Process::signal(int number) {
    if (running()) kill(pid_, number);
}

int Process::stop() {
    if (pid_ < 0 || !running()) return result_;
    const UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));
    kill(pid_, stop_signal_);
    pollfd ended{pidfd.get(), POLLIN, 0};
    if (poll(&ended, 1, stop_patience_ms) <= 0) kill(pid_, SIGKILL);
    return wait();
}

CommandResult run(const std::vector<std::string>& argv, ProcessOptions options) {
    const TemporaryDirectory folder("thrum-run");
    options.output = folder / "output";
    options.error_output = folder / "error_output";
    CommandResult result;
    result.status = Process(argv, options).wait();
    result.output = read_file(options.output);
    result.error_output = read_file(options.error_output);
    return result;
}

std::set<std::string> files_in(const fs::path& folder) {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder)) names.insert(entry.path().filename());
    return names;
}

NoDescriptorsLeft::NoDescriptorsLeft() {
    rlimit limit = {};
    const int next = dup(0);
    if (next < 0 || getrlimit(RLIMIT_NOFILE, &limit) < 0) throw_os_error(errno, "cannot tell the limit");
    close(next);
    before_ = limit.rlim_cur;
    limit.rlim_cur = static_cast<rlim_t>(next);
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0) throw_os_error(errno, "cannot lower the limit");
}

NoDescriptorsLeft::~NoDescriptorsLeft() {
    rlimit limit = {};
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = before_;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

std::size_t open_descriptors() { return entries("/proc/self/fd") - 1; }  // less the one that reads the folder
std::size_t os_threads() { return entries("/proc/self/task"); }

}  // namespace thrum::testing
