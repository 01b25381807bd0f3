// thrum/threads/monitor_test.cpp: floor 1, threads
// Stalls, deadlocks, dumps by signal, and the end of a process: each case in a process of its own.
#include <thrum/threads.hpp>
#include <thrum/threads/child_fixture.hpp>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <atomic>
#include <cctype>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

namespace thrum {
namespace {

using namespace std::chrono_literals;

constexpr auto patience = 30s;  // what takes longer will not come

// Blocks the OS thread until the parent says go on.
__attribute__((noinline)) void wait_for_parent() {
    char byte;
    static_cast<void>(!::read(STDIN_FILENO, &byte, 1));
}
bool parent_has_spoken() {
    pollfd input = {STDIN_FILENO, POLLIN, 0};
    return ::poll(&input, 1, 0) > 0;
}
__attribute__((noinline)) void first_place() {
    wait_for_parent();
    asm volatile("# the first");  // two different texts, or the optimiser makes one function of both
}
__attribute__((noinline)) void second_place() {
    wait_for_parent();
    asm volatile("# the second");
}

void say(const char* words) {
    std::puts(words);
    std::fflush(stdout);
}

// The system call that a thread of a process is in, with its arguments, as proc_pid_syscall(5) tells it;
// empty where it is in none, or where that is not told.
std::string call_of(const std::filesystem::path& thread) {
    std::ifstream file(thread / "syscall");
    std::string line;
    std::getline(file, line);
    return std::isdigit(static_cast<unsigned char>(line[0])) != 0 ? line : "";
}

// Whether calls are told: not where the kernel restricts ptrace(2).
bool tells_calls(const Child& child) {
    std::ifstream file("/proc/" + std::to_string(child.pid()) + "/syscall");
    std::string line;
    return static_cast<bool>(std::getline(file, line));
}

std::filesystem::path tasks_of(const Child& child) {
    return "/proc/" + std::to_string(child.pid()) + "/task";
}

// The folder of the child's monitor in /proc; empty before there is one.
std::filesystem::path monitor_of(const Child& child) {
    std::error_code gone;
    for (const auto& entry : std::filesystem::directory_iterator(tasks_of(child), gone)) {
        std::ifstream comm(entry.path() / "comm");
        std::string name;
        std::getline(comm, name);
        if (name == "thrum-monitor") return entry.path();
    }
    return {};
}

template <class Condition>
bool becomes_true(Condition&& condition) {
    for (const auto end = std::chrono::steady_clock::now() + patience;
         std::chrono::steady_clock::now() < end;) {
        if (condition()) return true;
        ::poll(nullptr, 0, 1);  // milliseconds, to leave it the processor
    }
    return false;
}

// True once the child's first thread waits in thrum, and then its monitor has found that there is nothing to
// report: it sleeps on its word without a timeout.
bool monitor_has_nothing_to_say(const Child& child) {
    return becomes_true([&] {
        const std::string futex = std::to_string(SYS_futex) + " ";
        if (!call_of(tasks_of(child) / std::to_string(child.pid())).starts_with(futex)) return false;
        std::istringstream call(call_of(monitor_of(child)));
        std::string number, word, operation, value, timeout;
        call >> number >> word >> operation >> value >> timeout;
        return number + " " == futex && timeout == "0x0";
    });
}

// How often the child's monitor has gone to sleep, which it does after each look.
unsigned long looks_of_monitor(const Child& child) {
    std::ifstream status(monitor_of(child) / "status");
    for (std::string word; status >> word;) {
        if (word == "voluntary_ctxt_switches:" && status >> word) return std::stoul(word);
    }
    return 0;
}

TEST(MonitorProbe, DISABLED_Stalls) {
    Event again;
    std::atomic<bool> over = false;
    // A stall that is seen from now on is that of the second time; the first to be counted may be older.
    std::thread observer([&] {
        again.wait();
        const std::uint64_t before = runtime_statistics().stalls;
        while (!over && runtime_statistics().stalls < before + 2) ::poll(nullptr, 0, 1);
        say("seen again");
    });
    Thread(ThreadOptions{.name = "blocker"}, [&] {
        first_place();
        again.set();
        first_place();
        second_place();
    }).join();
    over = true;
    observer.join();
    say("over");
}

// A thread that blocks its worker is reported with its name and stack, once for each place, and counted.
TEST(Monitor, StallsAreReportedOncePerPlace) {
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
    GTEST_SKIP() << "a sanitizer holds back the signal that asks for the stack, or the names on it";
#endif
    Child child("MonitorProbe.DISABLED_Stalls", {{"THRUM_STALL", "20"}});
    ASSERT_TRUE(child.says("thread \"blocker\"")) << child.text();
    ASSERT_TRUE(child.says("first_place")) << child.text();
    child.tell('x');  // it blocks at the first place again
    ASSERT_TRUE(child.says("seen again")) << child.text();
    child.tell('x');
    ASSERT_TRUE(child.says("second_place")) << child.text();
    child.tell('x');
    EXPECT_EQ(child.end(), 0) << child.text();
    EXPECT_EQ(times(child.text(), "\" (id "), 2u) << child.text();
    EXPECT_NE(child.text().find("thrum::to_thread()"), std::string::npos) << child.text();
}

// THRUM_STALL=off keeps it silent; nonsense is reported and ignored.
TEST(Monitor, StallReportsCanBeTurnedOff) {
    for (const char* value : {"off", "soon"}) {
        Child child("MonitorProbe.DISABLED_Stalls", {{"THRUM_STALL", value}});
        if (std::string(value) == "off") {
            // It looks twice a second, and would report a second of standing.
            ASSERT_TRUE(becomes_true([&] { return looks_of_monitor(child) > 0; }));
            const unsigned long before = looks_of_monitor(child);
            ASSERT_TRUE(becomes_true([&] { return looks_of_monitor(child) >= before + 5; }));
        }
        for (int i = 0; i < 3; ++i) child.tell('x');
        EXPECT_EQ(child.end(), 0) << child.text();
        EXPECT_EQ(child.text().find("blocker"), std::string::npos) << child.text();
        EXPECT_EQ(child.text().find("THRUM_STALL=soon is neither") != std::string::npos,
                  std::string(value) == "soon");
    }
}

TEST(MonitorProbe, DISABLED_Deadlock) {
    Lock lock;
    lock.lock();
    Thread stuck(ThreadOptions{.name = "stuck"}, [&] { lock.lock(); });
    stuck.join();
}

// Where nothing can wake anything any more, the process says who waits for what, and aborts.
TEST(Monitor, DeadlocksAreTold) {
#if defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "the sanitizer has an OS thread of its own, of which thrum knows nothing";
#endif
    Child child("MonitorProbe.DISABLED_Deadlock");
    EXPECT_EQ(child.end(), -SIGABRT) << child.text();
    EXPECT_NE(child.text().find("all threads are asleep"), std::string::npos) << child.text();
    EXPECT_NE(child.text().find("\"stuck\" (id "), std::string::npos) << child.text();
    EXPECT_NE(child.text().find("waits on Lock 0x"), std::string::npos) << child.text();
    EXPECT_NE(child.text().find("waits on Thread.join of \"stuck\""), std::string::npos) << child.text();
}

// THRUM_DEADLOCK=off: it waits on.
TEST(Monitor, DeadlockDetectionCanBeTurnedOff) {
    Child child("MonitorProbe.DISABLED_Deadlock", {{"THRUM_DEADLOCK", "off"}});
    if (!tells_calls(child)) GTEST_SKIP() << "no process may look into another here";
    ASSERT_TRUE(monitor_has_nothing_to_say(child)) << child.text();
    ::kill(child.pid(), SIGTERM);
    EXPECT_EQ(child.end(), -SIGTERM) << child.text();
}

// In each case everybody waits, but something can still end it, and does once the parent has spoken.
TEST(MonitorProbe, DISABLED_NoDeadlock) {
    const std::string what = std::getenv("THRUM_TEST_CASE");
    Event event;
    Thread waiting([&] { event.wait(); });
    if (what == "timer") {
        Thread timer([&] {
            while (!parent_has_spoken()) sleep(5ms);
            event.set();
        });
        waiting.join();
    } else if (what == "own deadline") {
        while (!parent_has_spoken()) EXPECT_FALSE(waiting.join_for(5ms));
        event.set();
    } else if (what == "descriptor") {
        Thread reader([&] {
            Descriptor input(::dup(STDIN_FILENO));
            input.wait(Direction::read);
            event.set();
        });
        waiting.join();
    } else if (what == "plain thread") {
        std::thread plain([&] {
            wait_for_parent();
            event.set();
        });
        waiting.join();
        plain.join();
    } else if (what == "to_thread") {
        Thread caller([&] {
            to_thread([] { wait_for_parent(); });
            event.set();
        });
        waiting.join();
    }
    say("over");
}

// No false alarm: timers, deadlines, descriptors, plain threads and blocking calls can still wake somebody.
TEST(Monitor, NoDeadlockWhileAnythingCanWake) {
    for (const char* what : {"timer", "own deadline", "descriptor", "plain thread", "to_thread"}) {
        Child child("MonitorProbe.DISABLED_NoDeadlock", {{"THRUM_TEST_CASE", what}});
        if (!tells_calls(child)) GTEST_SKIP() << "no process may look into another here";
        ASSERT_TRUE(monitor_has_nothing_to_say(child)) << what << ": " << child.text();
        child.tell('x');
        EXPECT_EQ(child.end(), 0) << what << ": " << child.text();
        EXPECT_NE(child.text().find("over"), std::string::npos) << what;
    }
}

TEST(MonitorProbe, DISABLED_AnswersASignal) {
    Event event;
    Thread thread(ThreadOptions{.name = "sleeper"}, [&] { event.wait(); });
    if (std::getenv("THRUM_DUMP_SIGNAL") == nullptr) dump_threads_on_signal(SIGQUIT);
    say("ready");
    wait_for_parent();
    event.set();
}

// A signal asks for a dump, whether a call or the environment turned that on, and the process goes on.
TEST(Monitor, ASignalMakesADump) {
#if defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "the sanitizer holds back a signal until the thread calls something it knows";
#endif
    for (const Child::Environment& environment : {Child::Environment{}, {{"THRUM_DUMP_SIGNAL", "QUIT"}}}) {
        Child child("MonitorProbe.DISABLED_AnswersASignal", environment);
        ASSERT_TRUE(child.says("ready")) << child.text();
        for (int i = 0; i < 2; ++i) {
            ::kill(child.pid(), SIGQUIT);
            while (times(child.text(), "\"sleeper\"") <= static_cast<std::size_t>(i)) {
                ASSERT_TRUE(child.more()) << child.text();
            }
        }
        child.tell('x');
        EXPECT_EQ(child.end(), 0) << child.text();
    }
}

constexpr int quiet_time = 400;  // milliseconds: so long nothing happens, sooner or later

// Voluntary context switches of thrum's own OS threads so far: by thread.
std::map<std::string, std::string> context_switches() {
    std::map<std::string, std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) {
        std::ifstream status(entry.path() / "status");
        std::string line;
        std::string name;
        while (std::getline(status, line)) {
            if (line.starts_with("Name:")) name = line;
            if (line.starts_with("voluntary_ctxt_switches") && name.find("thrum-") != std::string::npos) {
                found[entry.path().filename()] = line;
            }
        }
    }
    return found;
}

TEST(MonitorProbe, DISABLED_SleepsWhenIdle) {
    Descriptor input(::dup(STDIN_FILENO));
    std::vector<Thread> threads;
    for (int i = 0; i < 10; ++i) threads.emplace_back([&] { input.wait(Direction::read); });
    for (int round = 0; round < 50; ++round) {
        const auto before = context_switches();
        EXPECT_EQ(before.size(), worker_count() + 1);
        ::poll(nullptr, 0, quiet_time);
        if (context_switches() == before) {
            say("not one switch");
            break;
        }
    }
    for (Thread& thread : threads) thread.cancel();
}

// An idle process makes no context switch at all: workers and monitor sleep without a timeout.
TEST(Monitor, SleepsWhenIdle) {
    Child child("MonitorProbe.DISABLED_SleepsWhenIdle");
    EXPECT_EQ(child.end(), 0) << child.text();
    EXPECT_NE(child.text().find("not one switch"), std::string::npos) << child.text();
}

// Threads that a blocked worker has not begun run on another.
TEST(Monitor, ABlockedWorkersNewThreadsRunElsewhere) {
    if (worker_count() < 2) GTEST_SKIP() << "one worker only";
    for (const int count : {1, 100, 1000}) {
        std::array<int, 2> pipe;
        ASSERT_EQ(::pipe(pipe.data()), 0);
        std::atomic<int> ran = 0;
        Thread blocker([&] {
            std::vector<Thread> children;
            for (int i = 0; i < count; ++i) children.emplace_back([&] { ++ran; });
            char byte;
            static_cast<void>(!::read(pipe[0], &byte, 1));
        });
        while (ran.load() < count) yield();  // all of them, while the blocker blocks
        EXPECT_EQ(::write(pipe[1], "x", 1), 1);
        blocker.join();
        ::close(pipe[0]);
        ::close(pipe[1]);
    }
}

TEST(MonitorProbe, DISABLED_Busy) {
    std::array<int, 2> pipe;
    ASSERT_EQ(::pipe2(pipe.data(), O_NONBLOCK | O_CLOEXEC), 0);
    Descriptor from(pipe[0]);
    Descriptor to(pipe[1]);
    std::atomic<bool> timer = false;
    std::atomic<bool> descriptor = false;
    Thread sleeper([&] {
        sleep(1ms);
        timer = true;
    });
    Thread reader([&] {
        from.wait(Direction::read);
        descriptor = true;
    });
    std::vector<Thread> spinners;
    for (int i = 0; i < 3; ++i) {
        spinners.emplace_back([&, i] {
            for (long n = 0; !timer.load() || !descriptor.load(); ++n) {
                if (i == 0 && n == 1000) static_cast<void>(!::write(to.fd(), "x", 1));
                yield();
            }
        });
    }
    for (Thread& spinner : spinners) spinner.join();
    const RuntimeStatistics statistics = runtime_statistics();
    EXPECT_EQ(worker_count(), 1u);
    EXPECT_GT(statistics.polls, 0u);
    EXPECT_LE(statistics.polls, statistics.switches);
    say("over");
}

// Threads that yield all the time starve neither timers nor descriptors, on one worker.
TEST(Monitor, BusyThreadsStarveNobody) {
    Child child("MonitorProbe.DISABLED_Busy", {{"THRUM_WORKERS", "1"}});
    EXPECT_EQ(child.end(), 0) << child.text();
    EXPECT_NE(child.text().find("over"), std::string::npos) << child.text();
}

// The counters count what happens.
TEST(Monitor, StatisticsCount) {
    Thread([] {}).join();
    const RuntimeStatistics before = runtime_statistics();
    Event event;
    std::vector<Thread> threads;
    for (int i = 0; i < 100; ++i) {
        threads.emplace_back([&] {
            volatile char used[20'000];
            used[0] = 1;
            event.wait();
            used[1] = used[0];
        });
    }
    RuntimeStatistics during = runtime_statistics();
    while (during.started < before.started + 100 || during.parks < before.parks + 100) {
        yield();
        during = runtime_statistics();
    }
    EXPECT_GE(during.live, 100u);
    EXPECT_GE(during.switches, before.switches + 100);
    EXPECT_GE(during.stacks, 100u);
    EXPECT_LE(during.guarded_stacks, during.stacks);
#if !defined(__SANITIZE_ADDRESS__)  // which keeps variables elsewhere
    EXPECT_GE(during.deepest_stack_bytes, 20'000u);
#endif
    event.set();
    for (Thread& thread : threads) thread.join();
}

TEST(MonitorProbe, DISABLED_Forks) {
    const std::string what = std::getenv("THRUM_TEST_CASE");
    Event event;
    Thread thread([&] { event.wait(); });
    std::fflush(nullptr);
    const pid_t child = ::fork();
    if (child == 0) {
        try {
            if (what == "start") Thread([] {});
            if (what == "join") thread.join();
            if (what == "wait") Event().wait();
            if (what == "destroy") Thread gone(std::move(thread));
        } catch (const ThreadError& error) {
            std::fputs(error.what(), stderr);
            ::_exit(5);
        }
        ::_exit(6);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    event.set();
    thread.join();  // the parent's threads are as they were
    std::printf(" status %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
}

// In the child of a fork, what needs the threads that were not copied says so instead of waiting for ever.
TEST(Monitor, TheChildOfAForkIsTold) {
    struct Case {
        const char* what;
        int status;
        const char* words;
    };
    for (const Case& one :
         {Case{"start", 5, "cannot start or await threads: this process was made by fork()"},
          Case{"join", 5, "cannot join a thread: this process was made by fork()"},
          Case{"wait", -SIGABRT, "waits for a thread of its parent"}, Case{"destroy", 6, ""}}) {
#if defined(__SANITIZE_THREAD__)
        if (one.status == -SIGABRT) continue;  // the sanitizer's own thread may be there too
#endif
        Child child("MonitorProbe.DISABLED_Forks", {{"THRUM_TEST_CASE", one.what}});
        EXPECT_EQ(child.end(), 0) << one.what << ": " << child.text();
        EXPECT_NE(child.text().find(" status " + std::to_string(one.status) + "\n"), std::string::npos)
            << one.what << ": " << child.text();
        EXPECT_NE(child.text().find(one.words), std::string::npos) << child.text();
    }
}

}  // namespace
}  // namespace thrum
