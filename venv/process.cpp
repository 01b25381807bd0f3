// thrum/venv/process.cpp: floor 5, venv
// posix_spawn, two pipes and a pidfd behind one epoll descriptor, so that a single wait covers all three.
#include <thrum/base/errors.hpp>
#include <thrum/base/file.hpp>
#include <thrum/base/text.hpp>
#include <thrum/threads/descriptor.hpp>
#include <thrum/threads/to_thread.hpp>
#include <thrum/venv/errors.hpp>
#include <thrum/venv/process.hpp>

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <memory>

namespace thrum::venv {
namespace {

constexpr std::size_t read_size = std::size_t{64} << 10;
// Descriptors 0, 1 and 2 are the child's own; the pipes must lie above them.
constexpr int first_free_descriptor = 3;
// Where the program inherits no PATH at all; the value of execvp(3).
constexpr std::string_view default_search_path = "/bin:/usr/bin";

std::vector<std::string> changed_environment(const EnvironmentChanges& changes) {
    std::vector<std::string> variables;
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry)
        variables.emplace_back(*entry);
    for (const auto& [name, value] : changes) {
        const std::string prefix = name + '=';
        std::erase_if(variables, [&](const std::string& entry) { return entry.starts_with(prefix); });
        if (value) variables.push_back(prefix + *value);
    }
    return variables;
}

std::string_view variable(const std::vector<std::string>& variables, std::string_view name) {
    for (const std::string& entry : variables) {
        if (entry.size() > name.size() && entry.starts_with(name) && entry[name.size()] == '=') {
            return std::string_view(entry).substr(name.size() + 1);
        }
    }
    return {};
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
    std::vector<char*> result;
    for (const std::string& text : texts) result.push_back(const_cast<char*>(text.c_str()));
    result.push_back(nullptr);
    return result;
}

bool is_program(const std::filesystem::path& path) {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) && ::access(path.c_str(), X_OK) == 0;
}

struct Pipe {
    UniqueFd read_end;
    UniqueFd write_end;
};

// Only the end kept here may be non-blocking: programs expect blocking outputs.
Pipe make_pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw_os_error(errno, "cannot make a pipe");
    Pipe pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
    if (::fcntl(pipe.read_end.get(), F_SETFL, O_NONBLOCK) != 0) throw_os_error(errno, "cannot set up a pipe");
    if (pipe.write_end.get() < first_free_descriptor) {
        UniqueFd higher(::fcntl(pipe.write_end.get(), F_DUPFD_CLOEXEC, first_free_descriptor));
        if (!higher) throw_os_error(errno, "cannot set up a pipe");
        pipe.write_end = std::move(higher);
    }
    return pipe;
}

// The two settings of posix_spawn, freed with the scope.
class SpawnSettings {
public:
    SpawnSettings() {
        ::posix_spawn_file_actions_init(&actions_);
        ::posix_spawnattr_init(&attributes_);
    }
    ~SpawnSettings() {
        ::posix_spawn_file_actions_destroy(&actions_);
        ::posix_spawnattr_destroy(&attributes_);
    }
    SpawnSettings(const SpawnSettings&) = delete;
    SpawnSettings& operator=(const SpawnSettings&) = delete;

    void fill(const ProcessOptions& options, int output, int errors) {
        ::posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        ::posix_spawn_file_actions_adddup2(&actions_, output, STDOUT_FILENO);
        ::posix_spawn_file_actions_adddup2(&actions_, errors, STDERR_FILENO);
        ::posix_spawn_file_actions_addclosefrom_np(&actions_, first_free_descriptor);
        if (!options.folder.empty()) {
            ::posix_spawn_file_actions_addchdir_np(&actions_, options.folder.c_str());
        }
        sigset_t all;
        sigset_t none;
        ::sigfillset(&all);
        ::sigemptyset(&none);
        ::posix_spawnattr_setsigdefault(&attributes_, &all);
        ::posix_spawnattr_setsigmask(&attributes_, &none);
        // A session of its own is a group of its own, which kill_and_reap() ends, and has no terminal: a
        // program in the background of ours that asked there would be stopped for ever.
        ::posix_spawnattr_setflags(&attributes_,
                                   POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID);
    }
    const posix_spawn_file_actions_t* actions() const { return &actions_; }
    const posix_spawnattr_t* attributes() const { return &attributes_; }

private:
    posix_spawn_file_actions_t actions_;
    posix_spawnattr_t attributes_;
};

// A started program and this side of its outputs.
struct Child {
    pid_t pid = -1;
    UniqueFd pidfd;
    std::array<UniqueFd, 2> outputs;  // standard output, standard error
};

// Returns how the program ended; nothing while it runs (only with WNOHANG).
std::optional<int> reap(const Child& child, int flags) {
    siginfo_t info{};
    int result = 0;
    do {
        result = ::waitid(P_PIDFD, static_cast<id_t>(child.pidfd.get()), &info, WEXITED | flags);
    } while (result != 0 && errno == EINTR);
    if (result != 0)
        throw_os_error(errno, "cannot learn how process " + std::to_string(child.pid) + " ended");
    if (info.si_pid == 0) return std::nullopt;
    return info.si_code == CLD_EXITED ? info.si_status : -info.si_status;
}

// Until it is reaped the process, and so its group, keeps its number: nobody else can be hit.
void kill_and_reap(const Child& child) noexcept {
    ::kill(-child.pid, SIGKILL);
    const auto wait = [&child] {
        try {
            reap(child, 0);
        } catch (const OSError&) {  // another part of this program waits for every child, or ignores SIGCHLD
        }
    };
    try {
        to_thread(wait);
    } catch (...) {  // cancelled once more, or no thread to be had: a killed process ends at once
        wait();
    }
}

std::string name_of(const std::vector<std::string>& arguments) { return "cannot run " + arguments.front(); }

Child spawn(const std::vector<std::string>& arguments, const ProcessOptions& options) {
    if (arguments.empty() || arguments.front().empty()) throw Error("cannot run a program without a name");
    for (const std::string& argument : arguments) {
        if (argument.find('\0') != std::string::npos)
            throw Error(name_of(arguments) + ": an argument holds a NUL byte");
    }
    const std::vector<std::string> variables = changed_environment(options.environment);
    std::string_view search_path = variable(variables, "PATH");
    if (search_path.empty()) search_path = default_search_path;
    const auto program = find_program(arguments.front(), search_path);
    if (!program) {
        const bool is_path = arguments.front().find('/') != std::string::npos;
        throw FileNotFoundError(ENOENT, name_of(arguments) + (is_path ? ": there is no such program"
                                                                      : ": no such program on PATH (" +
                                                                            std::string(search_path) + ")"));
    }
    Pipe output = make_pipe();
    Pipe errors = options.merge_errors ? Pipe{} : make_pipe();
    SpawnSettings settings;
    settings.fill(options, output.write_end.get(),
                  options.merge_errors ? output.write_end.get() : errors.write_end.get());
    const std::vector<char*> argument_pointers = pointers(arguments);
    const std::vector<char*> variable_pointers = pointers(variables);
    Child child;
    // The caller of posix_spawn stands still until the program is loaded, from a slow disk if need be.
    const int code = to_thread([&] {
        return ::posix_spawn(&child.pid, program->c_str(), settings.actions(), settings.attributes(),
                             argument_pointers.data(), variable_pointers.data());
    });
    if (code != 0) throw_os_error(code, name_of(arguments) + " (" + program->string() + ")");
    // By number: <sys/pidfd.h> of glibc 2.36 declares pidfd_open() with C++ linkage.
    child.pidfd = UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, child.pid, 0)));
    if (!child.pidfd) {
        const int pidfd_code = errno;
        ::kill(-child.pid, SIGKILL);
        to_thread([&] { return ::waitpid(child.pid, nullptr, 0); });
        throw_os_error(pidfd_code, name_of(arguments));
    }
    child.outputs = {std::move(output.read_end), std::move(errors.read_end)};
    return child;
}

// Reads all that is there. Returns false at the end of the stream.
bool drain(int fd, std::string& text, char* buffer, std::size_t limit, const std::string& name) {
    for (;;) {
        const ssize_t got = ::read(fd, buffer, read_size);
        if (got == 0) return false;
        if (got < 0) {
            if (errno == EINTR) continue;
            if (errno == EAGAIN) return true;
            throw_os_error(errno, "cannot read what " + name + " wrote");
        }
        if (text.size() + static_cast<std::size_t>(got) > limit) {
            throw Error(name + " was stopped: it wrote more than " + std::to_string(limit) + " bytes");
        }
        text.append(buffer, static_cast<std::size_t>(got));
    }
}

void watch(const Descriptor& events, int fd, unsigned which) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u32 = which;
    if (::epoll_ctl(events.fd(), EPOLL_CTL_ADD, fd, &event) != 0)
        throw_os_error(errno, "cannot watch a process");
}

constexpr unsigned pidfd_event = 2;  // 0 and 1 are the outputs

// Gathers the outputs until the program has ended, and fills `result`.
void collect(const Child& child, const ProcessOptions& options, CompletedProcess& result) {
    Descriptor events(::epoll_create1(EPOLL_CLOEXEC));
    if (!events.is_open()) throw_os_error(errno, "cannot watch a process");
    std::string* const texts[] = {&result.output, &result.errors};
    for (unsigned which = 0; which < child.outputs.size(); ++which) {
        if (child.outputs[which]) watch(events, child.outputs[which].get(), which);
    }
    watch(events, child.pidfd.get(), pidfd_event);
    const auto buffer = std::make_unique<char[]>(read_size);
    const std::string& name = result.arguments.front();
    for (bool running = true; running;) {
        std::array<epoll_event, 3> ready{};
        const ssize_t count = events.perform(Direction::read, options.deadline, 0, [&](int fd) -> ssize_t {
            const int got = ::epoll_wait(fd, ready.data(), static_cast<int>(ready.size()), 0);
            if (got == 0) errno = EAGAIN;
            return got == 0 ? -1 : got;
        });
        if (count < 0) {
            if (errno == ETIMEDOUT) throw TimeoutError(name + " did not end in time and was stopped");
            throw_os_error(errno, "cannot wait for " + name);
        }
        for (std::size_t index = 0; index < static_cast<std::size_t>(count); ++index) {
            const unsigned which = ready[index].data.u32;
            if (which == pidfd_event) {
                running = false;
            } else if (!drain(child.outputs[which].get(), *texts[which], buffer.get(), options.output_limit,
                              name)) {
                ::epoll_ctl(events.fd(), EPOLL_CTL_DEL, child.outputs[which].get(), nullptr);
            }
        }
    }
    // All that the program itself wrote is in the pipes by now.
    for (unsigned which = 0; which < child.outputs.size(); ++which) {
        if (child.outputs[which]) {
            drain(child.outputs[which].get(), *texts[which], buffer.get(), options.output_limit, name);
        }
    }
}

}  // namespace

void CompletedProcess::check_returncode() const {
    if (ok()) return;
    const std::string_view text = trim(errors.empty() ? output : errors);
    const std::string_view last = text.substr(text.rfind('\n') == text.npos ? 0 : text.rfind('\n') + 1);
    std::string what =
        (arguments.empty() ? "the program" : arguments.front()) + " " + describe_status(status);
    if (!last.empty()) what.append(": ").append(last);
    throw CalledProcessError(status, what);
}

std::string describe_status(int status) {
    if (status >= 0) return "exited with status " + std::to_string(status);
    return "was killed by signal " + std::to_string(-status);
}

std::optional<std::filesystem::path> find_program(std::string_view name, std::string_view search_path) {
    if (name.empty()) return std::nullopt;
    const std::filesystem::path here = name.find('/') == name.npos ? std::filesystem::path() : name;
    if (!here.empty())
        return is_program(here) ? std::optional(std::filesystem::absolute(here)) : std::nullopt;
    for (const std::string_view folder : split(search_path, ':')) {
        const std::filesystem::path candidate =
            std::filesystem::absolute(folder.empty() ? "." : std::filesystem::path(folder)) / name;
        if (is_program(candidate)) return candidate;
    }
    return std::nullopt;
}

CompletedProcess run_process(const std::vector<std::string>& arguments, const ProcessOptions& options) {
    CompletedProcess result;
    result.arguments = arguments;
    const Child child = spawn(arguments, options);
    try {
        collect(child, options, result);
        const std::optional<int> status = reap(child, WNOHANG);
        if (!status) throw Error(arguments.front() + " ended, but its status could not be learned");
        result.status = *status;
    } catch (...) {
        kill_and_reap(child);
        throw;
    }
    return result;
}

}  // namespace thrum::venv
