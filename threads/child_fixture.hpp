// thrum/threads/child_fixture.hpp: floor 1, threads
// For tests of how a whole process ends: runs one disabled test of this program in a process of its own.
#pragma once

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

namespace thrum {

// The process of one test; what it writes to standard output and error is read together.
class Child {
public:
    using Environment = std::vector<std::pair<std::string, std::string>>;

    // `prepare` runs in the new process before the test's program does.
    explicit Child(const std::string& test, const Environment& environment = {},
                   void (*prepare)() = nullptr) {
        std::array<int, 2> input;
        std::array<int, 2> output;
        if (::pipe(input.data()) != 0 || ::pipe(output.data()) != 0) std::abort();
        pid_ = ::fork();
        if (pid_ == 0) {
            ::dup2(input[0], STDIN_FILENO);
            ::dup2(output[1], STDOUT_FILENO);
            ::dup2(output[1], STDERR_FILENO);
            for (const int fd : {input[0], input[1], output[0], output[1]}) ::close(fd);
            for (const auto& [name, value] : environment) ::setenv(name.c_str(), value.c_str(), 1);
            if (prepare != nullptr) prepare();
            const std::string filter = "--gtest_filter=" + test;
            ::execl("/proc/self/exe", "threads_test", filter.c_str(), "--gtest_also_run_disabled_tests",
                    static_cast<char*>(nullptr));
            ::_exit(98);
        }
        ::close(input[0]);
        ::close(output[1]);
        in_ = input[1];
        out_ = output[0];
    }
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    ~Child() {
        ::close(in_);
        ::close(out_);
        if (!ended_) {
            ::kill(pid_, SIGKILL);
            ::waitpid(pid_, nullptr, 0);
        }
    }

    // Reads on; false at the end.
    bool more() {
        std::array<char, 4096> buffer;
        const ssize_t got = ::read(out_, buffer.data(), buffer.size());
        if (got > 0) text_.append(buffer.data(), static_cast<std::size_t>(got));
        return got > 0;
    }
    // Reads until `word` has come or the process has closed its output.
    bool says(const std::string& word) {
        while (text_.find(word) == std::string::npos) {
            if (!more()) return false;
        }
        return true;
    }
    // To its standard input.
    void tell(char byte) { static_cast<void>(!::write(in_, &byte, 1)); }
    // Its exit status, or minus the signal that ended it.
    int end() {
        while (more()) {
        }
        int status = 0;
        ::waitpid(pid_, &status, 0);
        ended_ = true;
        return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    }
    const std::string& text() const { return text_; }
    pid_t pid() const { return pid_; }

private:
    pid_t pid_ = -1;
    int in_ = -1;
    int out_ = -1;
    bool ended_ = false;
    std::string text_;
};

inline std::size_t times(const std::string& text, const std::string& word) {
    std::size_t count = 0;
    for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++count;
    return count;
}

}  // namespace thrum
