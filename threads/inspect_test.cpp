// thrum/threads/inspect_test.cpp: floor 1, threads
#include <thrum/threads.hpp>
#include <thrum/threads/child_fixture.hpp>

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace thrum {
namespace {

using namespace std::chrono_literals;

testing::AssertionResult holds(const std::string& text, const std::string& expected) {
    if (text.find(expected) != std::string::npos) return testing::AssertionSuccess();
    return testing::AssertionFailure() << "'" << expected << "' is not in:\n" << text;
}

// The snapshot of the thread with this id, once it is in `state`.
ThreadSnapshot when(std::uint64_t id, ThreadState state) {
    for (;;) {
        for (ThreadSnapshot& one : enumerate_threads()) {
            if (one.id == id && one.state == state) return one;
        }
        yield();
    }
}

std::string joined(const std::vector<std::string>& lines) {
    std::string text;
    for (const std::string& line : lines) text += line + "\n";
    return text;
}

__attribute__((noinline)) void weave(Event& event) {
    event.wait();
    asm volatile("");  // no tail call: the frame is to be seen
}

__attribute__((noinline)) void read_yarn(Descriptor& from) {
    from.wait(Direction::read);
    asm volatile("");
}

// A waiting thread tells its name, what it waits on, its worker and the functions on its stack, user's first.
TEST(Inspect, AWaitingThreadTellsAll) {
#if defined(__SANITIZE_ADDRESS__)
    GTEST_SKIP() << "line tables alone do not tell whose function it is, and to read them takes long";
#endif
    Event event;
    Thread thread(ThreadOptions{.name = "weaver"}, [&] { weave(event); });
    const ThreadSnapshot seen = when(thread.id(), ThreadState::waiting);
    EXPECT_EQ(seen.name, "weaver");
    EXPECT_FALSE(seen.plain);
    EXPECT_TRUE(holds(seen.waits_on, "Event 0x"));
    EXPECT_LT(seen.worker.value_or(1000), worker_count());
    const std::string stack = joined(seen.stack);
    EXPECT_TRUE(holds(stack, "weave"));
    EXPECT_TRUE(holds(stack, "inspect_test.cpp:"));
    EXPECT_EQ(stack.find("thrum::internal::"), std::string::npos) << stack;
    event.set();
}

// Descriptors are told by kind and number, joins by name, whichever thread asks.
TEST(Inspect, WaitsAreToldInTheUsersWords) {
    std::array<int, 2> pair;
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair.data()), 0);
    Descriptor ours(pair[0]);
    Descriptor theirs(pair[1]);
    Thread reader(ThreadOptions{.name = "reader"}, [&] { ours.wait(Direction::read); });
    Thread joiner([&] { reader.join(); });
    const auto reader_id = reader.id();
    const auto look = [&] {
        EXPECT_EQ(when(reader_id, ThreadState::waiting).waits_on,
                  "socket " + std::to_string(ours.fd()) + " for reading");
        EXPECT_EQ(when(joiner.id(), ThreadState::waiting).waits_on,
                  "Thread.join of \"reader\" (id " + std::to_string(reader_id) + ")");
    };
    look();
    Thread(look).join();
    std::thread(look).join();
    theirs.close();
    joiner.join();
}

// The caller sees itself running, on its own stack; a plain thread that waits is seen as well.
TEST(Inspect, TheCallerAndPlainThreadsAreSeen) {
    Event event;
    std::atomic<std::uint64_t> plain_id = 0;
    std::thread plain([&] {
        plain_id = current_thread_id();
        weave(event);
    });
    while (plain_id == 0) yield();
    const ThreadSnapshot waiting = when(plain_id, ThreadState::waiting);
    EXPECT_TRUE(waiting.plain);
    EXPECT_TRUE(holds(waiting.waits_on, "Event 0x"));
#if !defined(__SANITIZE_THREAD__)  // which delivers signals at its next own call only
    EXPECT_TRUE(holds(joined(waiting.stack), "weave"));
#endif
    event.set();
    plain.join();
    Thread([] {
        const ThreadSnapshot self = when(current_thread_id(), ThreadState::running);
        EXPECT_TRUE(holds(joined(self.stack), "inspect_test.cpp:"));
    }).join();
}

// A plain thread shows its stack though it lets no signal in, and whatever it sleeps in.
TEST(Inspect, APlainThreadNeedNotAnswer) {
#if defined(__SANITIZE_ADDRESS__)
    GTEST_SKIP() << "line tables alone do not tell whose function it is, and to read them takes long";
#elif !defined(__x86_64__)
    GTEST_SKIP() << "see call_frames.hpp";
#endif
    std::array<int, 2> pair;
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair.data()), 0);
    Descriptor ours(pair[0]);
    Descriptor theirs(pair[1]);
    Event event;
    const auto silently = [](std::atomic<std::uint64_t>& id, const auto& wait) {
        sigset_t all;
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, nullptr);
        id = current_thread_id();
        wait();
    };
    std::atomic<std::uint64_t> weaver_id = 0;
    std::atomic<std::uint64_t> reader_id = 0;
    std::thread weaver([&] { silently(weaver_id, [&] { weave(event); }); });
    std::thread reader([&] { silently(reader_id, [&] { read_yarn(ours); }); });
    while (weaver_id == 0 || reader_id == 0) yield();
    EXPECT_TRUE(holds(joined(when(weaver_id, ThreadState::waiting).stack), "weave"));
    EXPECT_TRUE(holds(joined(when(reader_id, ThreadState::waiting).stack), "read_yarn"));
    event.set();
    theirs.close();
    weaver.join();
    reader.join();
}

// Plain threads that begin and end all the time are each told as one thread or not at all.
TEST(Inspect, LooksWhilePlainThreadsComeAndGo) {
    std::atomic<bool> stop = false;
    std::vector<std::thread> starters;
    for (int i = 0; i < 3; ++i) {
        starters.emplace_back([&] {
            while (!stop.load()) {
                std::thread([] { sleep(10us); }).join();
            }
        });
    }
    for (int i = 0; i < 100; ++i) {
        std::set<std::uint64_t> ids;
        for (const ThreadSnapshot& one : enumerate_threads()) {
            EXPECT_NE(one.id, 0u);
            EXPECT_TRUE(ids.insert(one.id).second) << one.name;
        }
    }
    stop = true;
    for (std::thread& one : starters) one.join();
}

TEST(InspectProbe, DISABLED_ActiveCount) {
    static_cast<void>(current_thread_id());
    EXPECT_EQ(active_count(), 1U);
    Event event;
    std::vector<Thread> threads;
    for (int i = 0; i < 10; ++i) threads.emplace_back([&] { event.wait(); });
    std::atomic<bool> known = false;
    std::thread plain([&] {
        static_cast<void>(current_thread_id());
        known = true;
        event.wait();
    });
    while (!known) yield();
    EXPECT_EQ(active_count(), 12U);
    EXPECT_EQ(enumerate_threads().size(), 12U);
    event.set();
    for (Thread& thread : threads) thread.join();
    plain.join();
    EXPECT_EQ(active_count(), 1U);
}

// Threads of both kinds count while they live: in a process of its own, where there are no others.
TEST(Inspect, ActiveCount) {
    Child child("InspectProbe.DISABLED_ActiveCount");
    EXPECT_EQ(child.end(), 0) << child.text();
}

// Thousands in the same place are told once, with their number.
TEST(Inspect, EqualStacksAreToldOnce) {
#if defined(__SANITIZE_ADDRESS__)
    GTEST_SKIP() << "line tables alone do not tell whose function it is, and to read them takes long";
#endif
    Event event;
    std::vector<Thread> threads;
    for (int i = 0; i < 1500; ++i) threads.emplace_back([&] { weave(event); });
    for (const Thread& thread : threads) {
        if (&thread == &threads.front() || &thread == &threads.back())
            when(thread.id(), ThreadState::waiting);
    }
    std::string text;
    do {
        text = describe_threads();
    } while (text.find("1,500 threads wait on Event for ") == std::string::npos);
    const auto mentions = [&](const std::string& word) {
        std::size_t count = 0;
        for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++count;
        return count;
    };
    EXPECT_EQ(mentions("weave"), 1u) << text;
    EXPECT_TRUE(holds(text, ", e.g. \"Thread-"));
    event.set();
}

// Threads that switch all the time, and looks from all sides at once, do each other no harm.
TEST(Inspect, LooksWhileEverythingMoves) {
    std::atomic<bool> stop = false;
    TaskGroup group;
    for (int i = 0; i < 50; ++i) {
        group.start([&] {
            while (!stop.load()) {
                yield();
                sleep(10us);
            }
        });
    }
    for (int i = 0; i < 4; ++i) {
        group.start([&] {
            while (!stop.load()) Thread([] { yield(); }).join();
        });
    }
    std::size_t looks = 0;
    Thread other([&] {
        while (!stop.load()) {
            looks += enumerate_threads().size() > 50 ? 1 : 0;
            yield();
        }
    });
    for (int i = 0; i < 20; ++i) EXPECT_GE(enumerate_threads().size(), 50u);
    stop = true;
    group.wait();
    other.join();
}

// A worker in a long computation does not answer; the look comes to its end all the same, says so, and shows
// what is computed.
TEST(Inspect, AWorkerThatDoesNotAnswerIsNamed) {
    std::atomic<bool> stop = false;
    std::atomic<bool> computing = false;
    Thread busy(ThreadOptions{.name = "busy"}, [&] {
        computing = true;
        while (!stop.load()) {
        }
    });
    while (!computing.load()) yield();
    const std::string text = describe_threads();
    EXPECT_TRUE(holds(text, "did not stop in 0.2 s"));
    EXPECT_TRUE(holds(text, "\"busy\" (id " + std::to_string(busy.id()) + ") is running"));
#if !defined(__SANITIZE_THREAD__)  // which delivers signals at its next own call only
    EXPECT_TRUE(holds(text.substr(text.find("\"busy\"")), "inspect_test.cpp:"));
#endif
    stop = true;
}

// What is written to a stream is what describe_threads() says.
TEST(Inspect, DumpsToAStream) {
    std::FILE* const file = std::tmpfile();
    ASSERT_NE(file, nullptr);
    dump_threads(file);
    std::rewind(file);
    std::array<char, 256> line{};
    ASSERT_NE(std::fgets(line.data(), line.size(), file), nullptr);
    EXPECT_TRUE(holds(line.data(), "thrum: ")) << line.data();
    std::fclose(file);
}

}  // namespace
}  // namespace thrum
