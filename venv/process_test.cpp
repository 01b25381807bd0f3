// thrum/venv/process_test.cpp: floor 5, venv
#include <thrum/base/errors.hpp>
#include <thrum/base/file.hpp>
#include <thrum/threads/thread.hpp>
#include <thrum/venv/errors.hpp>
#include <thrum/venv/internal/temporary_folder.hpp>
#include <thrum/venv/process.hpp>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <thread>

namespace thrum::venv {
namespace {

using namespace std::chrono_literals;

CompletedProcess shell(const std::string& script, const ProcessOptions& options = {}) {
    return run_process({"/bin/sh", "-c", script}, options);
}

// A program that asks on the terminal, as shells and ssh do, would be stopped there for ever: it has none.
TEST(Process, HasNoTerminal) {
    const CompletedProcess result =
        shell("set -- $(cat /proc/$$/stat); [ \"$6\" = $$ ] && echo leader; : </dev/tty");
    EXPECT_EQ(result.output, "leader\n");
    EXPECT_NE(result.status, 0);
}

// Both outputs come back whole and apart, with the status Python would show.
TEST(Process, OutputsAndStatus) {
    const struct {
        const char* script;
        int status;
        const char* output;
        const char* errors;
    } rows[] = {
        {"printf out; printf err >&2", 0, "out", "err"},
        {"exit 7", 7, "", ""},
        {"printf 'a\\0b' | wc -c", 0, "3\n", ""},
        {"kill -9 $$", -9, "", ""},
        {"cat", 0, "", ""},
    };
    for (const auto& row : rows) {
        const CompletedProcess result = shell(row.script);
        EXPECT_EQ(result.status, row.status) << row.script;
        EXPECT_EQ(result.output, row.output) << row.script;
        EXPECT_EQ(result.errors, row.errors) << row.script;
    }
}

// A program that fills one output while nobody seems to read the other does not stall.
TEST(Process, MegabytesOnBothOutputsDoNotDeadlock) {
    const CompletedProcess result =
        shell("head -c 3000000 /dev/zero >&2; head -c 2000000 /dev/zero; head -c 1000000 /dev/zero >&2");
    EXPECT_EQ(result.output.size(), 2000000u);
    EXPECT_EQ(result.errors.size(), 4000000u);
}

// merge_errors keeps the order in which the lines were written.
TEST(Process, MergedErrorsKeepTheirOrder) {
    EXPECT_EQ(shell("echo 1; echo 2 >&2; echo 3", {.merge_errors = true}).output, "1\n2\n3\n");
}

// A program that does not exist is FileNotFoundError and names the PATH that was searched.
TEST(Process, AMissingProgramIsNamed) {
    try {
        run_process({"no-such-program-here"}, {.environment = {{"PATH", "/nowhere:/bin"}}});
        FAIL();
    } catch (const FileNotFoundError& error) {
        EXPECT_STREQ(error.what(),
                     "cannot run no-such-program-here: no such program on PATH (/nowhere:/bin)");
    }
    EXPECT_THROW(run_process({"/nowhere/python"}), FileNotFoundError);
    EXPECT_THROW(run_process({"/bin"}), FileNotFoundError);
    EXPECT_THROW(run_process({}), Error);
    EXPECT_THROW(run_process({""}), Error);
    EXPECT_THROW(run_process({"/bin/echo", std::string("a\0b", 3)}), Error);
    EXPECT_THROW(shell("true", {.folder = "/nowhere"}), FileNotFoundError);
}

// A file that is executable but no program the kernel knows is an error, not a hang or a crash.
TEST(Process, AnExecutableThatIsNoProgramIsRefused) {
    const internal::TemporaryFolder folder;
    write_file(folder.path() / "noise", "\x01\x02not a program", 0755);
    try {
        run_process({(folder.path() / "noise").string()});
        FAIL();
    } catch (const OSError& error) {
        EXPECT_EQ(error.code(), ENOEXEC);
    }
}

// Variables are added, replaced and removed; the rest is inherited; the folder is where it runs.
TEST(Process, VariablesAndFolder) {
    ::setenv("THRUM_TEST_KEPT", "kept", 1);
    ::setenv("THRUM_TEST_GONE", "gone", 1);
    const CompletedProcess result = shell(
        "echo \"$THRUM_TEST_KEPT ${THRUM_TEST_GONE-none} $THRUM_TEST_NEW\"; pwd",
        {.folder = "/usr", .environment = {{"THRUM_TEST_GONE", std::nullopt}, {"THRUM_TEST_NEW", "a b"}}});
    EXPECT_EQ(result.output, "kept none a b\n/usr\n");
}

// The program sees its three standard descriptors and nothing else of ours.
TEST(Process, NoDescriptorLeaksIn) {
    const int open_here = ::open("/dev/null", O_RDONLY);  // without O_CLOEXEC on purpose
    EXPECT_EQ(
        shell("for f in 0 1 2 3 4 5 6 7 8 9; do [ -e /proc/$$/fd/$f ] && printf '%s ' $f; done; true").output,
        "0 1 2 ");
    ::close(open_here);
}

std::size_t open_descriptors() {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
    return count;
}

// Nothing stays behind on this side: no descriptor, no zombie, whether the run succeeded or not.
TEST(Process, NothingLeaksOut) {
    shell("true");
    const std::size_t before = open_descriptors();
    for (int round = 0; round < 20; ++round) {
        shell("echo x");
        EXPECT_THROW(run_process({"/nowhere/x"}), FileNotFoundError);
        EXPECT_THROW(shell("yes", {.output_limit = 100000}), Error);
    }
    EXPECT_EQ(open_descriptors(), before);
    errno = 0;
    EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
    EXPECT_EQ(errno, ECHILD);
}

bool is_alive(const std::string& pid) { return ::kill(static_cast<pid_t>(std::stol(pid)), 0) == 0; }

// True once `pid` is gone; a killed grandchild is reaped by its new parent, a little later than our child.
bool goes_away(const std::string& pid) {
    for (int round = 0; round < 2000 && is_alive(pid); ++round) {
        const std::string status = shell("cat /proc/" + pid + "/stat 2>/dev/null").output;
        if (status.find(") Z ") != status.npos) return true;  // dead; its parent has not looked yet
    }
    return !is_alive(pid);
}

// When the deadline passes the program and its children are killed and reaped before TimeoutError is thrown.
TEST(Process, TheDeadlineKillsTheWholeGroup) {
    const internal::TemporaryFolder folder;
    const std::string script = "echo $$ > pids; sleep 1000 & echo $! >> pids; mv pids ready; wait";
    // The deadline has no fixed length that could be too short: it is set again until the script got that
    // far.
    for (auto time = 100ms;; time *= 2) {
        EXPECT_THROW(shell(script, {.folder = folder.path(), .deadline = deadline_after(time)}),
                     TimeoutError);
        if (std::filesystem::exists(folder.path() / "ready")) break;
    }
    const std::string pids = read_file(folder.path() / "ready");
    const std::string own = pids.substr(0, pids.find('\n'));
    EXPECT_FALSE(is_alive(own));
    EXPECT_TRUE(goes_away(pids.substr(own.size() + 1)));
}

// A Timeout scope holds for programs as for every wait.
TEST(Process, ATimeoutScopeHolds) {
    const Timeout timeout(20ms);
    EXPECT_THROW(shell("sleep 1000"), TimeoutError);
}

// A program's left-over child that keeps the outputs open does not keep the caller.
TEST(Process, ABackgroundChildIsNotWaitedFor) {
    const internal::TemporaryFolder folder;
    const CompletedProcess result = shell("sleep 1000 & echo $! > pid; echo done", {.folder = folder.path()});
    EXPECT_EQ(result.output, "done\n");
    const std::string pid = read_file(folder.path() / "pid");
    EXPECT_TRUE(is_alive(pid));
    ::kill(static_cast<pid_t>(std::stol(pid)), SIGKILL);
}

// Too much output ends the program instead of eating the memory.
TEST(Process, TheOutputLimitHolds) {
    try {
        shell("yes", {.output_limit = 1000000});
        FAIL();
    } catch (const Error& error) {
        EXPECT_STREQ(error.what(), "/bin/sh was stopped: it wrote more than 1000000 bytes");
    }
}

// check_returncode() carries the status and the last line of the complaint.
TEST(Process, CheckReturncode) {
    EXPECT_NO_THROW(shell("true").check_returncode());
    try {
        shell("echo first >&2; echo the cause >&2; exit 3").check_returncode();
        FAIL();
    } catch (const CalledProcessError& error) {
        EXPECT_EQ(error.status(), 3);
        EXPECT_STREQ(error.what(), "/bin/sh exited with status 3: the cause");
    }
}

// A lookup takes the first executable file, skips folders and files without the bit, and knows the empty
// entry.
TEST(Process, FindProgram) {
    const internal::TemporaryFolder folder;
    const std::filesystem::path root = folder.path();
    for (const char* name : {"a", "b", "c"}) std::filesystem::create_directory(root / name);
    std::filesystem::create_directory(root / "a/tool");
    write_file(root / "b/tool", "", 0644);
    write_file(root / "c/tool", "#!/bin/sh\n", 0755);
    const std::string search =
        (root / "a").string() + ":" + (root / "b").string() + ":" + (root / "c").string();
    EXPECT_EQ(find_program("tool", search), root / "c/tool");
    EXPECT_EQ(find_program("tool", (root / "b").string()), std::nullopt);
    EXPECT_EQ(find_program("", search), std::nullopt);
    EXPECT_EQ(find_program((root / "c/tool").string(), ""), root / "c/tool");
    EXPECT_EQ(find_program((root / "a/tool").string(), search), std::nullopt);
}

// No colour: the same call works in main, in a std::thread and in many fibers at once.
TEST(Process, RunsFromAnyThread) {
    std::string from_plain_thread;
    std::thread([&] { from_plain_thread = shell("echo plain").output; }).join();
    EXPECT_EQ(from_plain_thread, "plain\n");
    std::vector<std::string> outputs(20);
    {
        std::vector<Thread> threads;
        for (std::size_t index = 0; index < outputs.size(); ++index) {
            threads.emplace_back(
                [&outputs, index] { outputs[index] = shell("echo " + std::to_string(index)).output; });
        }
        for (Thread& thread : threads) thread.join();
    }
    for (std::size_t index = 0; index < outputs.size(); ++index) {
        EXPECT_EQ(outputs[index], std::to_string(index) + "\n");
    }
}

// A cancelled fiber kills and reaps the program it waited for.
TEST(Process, CancellationKillsTheProgram) {
    const internal::TemporaryFolder folder;
    Thread thread([&] { shell("echo $$ > part; mv part pid; sleep 1000", {.folder = folder.path()}); });
    while (!std::filesystem::exists(folder.path() / "pid")) yield();
    thread.cancel();
    thread.join();
    EXPECT_FALSE(is_alive(read_file(folder.path() / "pid")));
}

}  // namespace
}  // namespace thrum::venv
