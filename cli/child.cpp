// thrum/cli/child.cpp: front door, cli
#include <thrum/base/errors.hpp>
#include <thrum/base/file.hpp>
#include <thrum/cli/child.hpp>
#include <thrum/cli/descriptor_limit.hpp>
#include <thrum/threads/to_thread.hpp>

#include <fcntl.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace thrum::cli {

namespace {

// Blocks until the program is loaded. Returns 0 or an errno value.
int spawn(pid_t& pid, const std::vector<std::string>& words, int socket) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawnattr_init(&attributes);
    ::posix_spawn_file_actions_adddup2(&actions, socket, STDIN_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, socket, STDOUT_FILENO);
    ::posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
    sigset_t all;
    sigset_t none;
    ::sigfillset(&all);
    ::sigemptyset(&none);
    ::posix_spawnattr_setsigdefault(&attributes, &all);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    std::vector<char*> arguments;
    for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    const int code = ::posix_spawnp(&pid, arguments[0], &actions, &attributes, arguments.data(), environ);
    ::posix_spawnattr_destroy(&attributes);
    ::posix_spawn_file_actions_destroy(&actions);
    return code;
}

}  // namespace

std::vector<std::string> split_command(std::string_view command) {
    std::vector<std::string> words;
    std::string word;
    bool in_word = false;
    char quote = 0;
    for (std::size_t i = 0; i < command.size(); ++i) {
        const char c = command[i];
        const bool is_escape = c == '\\' && quote != '\'' && i + 1 < command.size() &&
                               (quote == 0 || command[i + 1] == '"' || command[i + 1] == '\\');
        if (is_escape) {
            word += command[++i];
            in_word = true;
        } else if (quote != 0) {
            c == quote ? void(quote = 0) : void(word += c);
        } else if (c == '"' || c == '\'') {
            quote = c;
            in_word = true;
        } else if (c == ' ' || c == '\t' || c == '\n') {
            if (in_word) words.push_back(std::exchange(word, {}));
            in_word = false;
        } else {
            word += c;
            in_word = true;
        }
    }
    if (quote != 0) throw Error("the command '" + std::string(command) + "' has a quote that is not closed");
    if (in_word) words.push_back(std::move(word));
    if (words.empty()) throw Error("the command is empty");
    return words;
}

Child::Child(const std::vector<std::string>& words) {
    int ends[2];
    // Blocking, as programs expect; ours alone is made non-blocking.
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        throw_os_error(errno, "cannot run " + words.front());
    const UniqueFd its(ends[1]);
    UniqueFd own(ends[0]);
    socket_ = Socket::from_fd(own.get());
    own.release();
    pid_t pid = 0;
    const int code = to_thread([&] { return spawn(pid, words, its.get()); });
    if (code != 0) throw_os_error(code, "cannot run " + words.front());
    restore_descriptor_limit_of(pid);
    // A program that has ended already has no number any more, and needs no signal.
    pidfd_ = Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
}

Child::~Child() {
    if (pidfd_.is_open()) ::syscall(SYS_pidfd_send_signal, pidfd_.fd(), SIGTERM, nullptr, 0);
}

}  // namespace thrum::cli
