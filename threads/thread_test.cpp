// thrum/threads/thread_test.cpp: floor 1, threads
#include <thrum/base/errors.hpp>
#include <thrum/threads.hpp>
#include <thrum/threads/internal/fiber.hpp>
#include <thrum/threads/internal/runtime.hpp>

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace thrum {
namespace {

using namespace std::chrono_literals;

// The function runs once, with its arguments moved in, and join() waits for it.
TEST(Thread, RunsItsFunctionWithItsArguments) {
    auto number = std::make_unique<int>(41);
    int seen = 0;
    Thread thread([&seen](std::unique_ptr<int> given, int more) { seen = *given + more; }, std::move(number),
                  1);
    thread.join();
    EXPECT_EQ(seen, 42);
    EXPECT_FALSE(thread.joinable());
}

// join() rethrows what the function threw, of its own type.
TEST(Thread, JoinRethrows) {
    Thread thread([] { throw std::out_of_range("too far"); });
    EXPECT_THROW(thread.join(), std::out_of_range);
    EXPECT_FALSE(thread.joinable());
}

// Joining nothing, and joining oneself, is an error and not a hang.
TEST(Thread, JoinOfNothingOrOneselfIsAnError) {
    Thread empty;
    EXPECT_THROW(empty.join(), Error);
    EXPECT_THROW(empty.detach(), Error);
    Thread* self = nullptr;
    Event ready;
    std::string message;
    Thread thread([&] {
        ready.wait();
        try {
            self->join();
        } catch (const Error& error) {
            message = error.what();
        }
    });
    self = &thread;
    ready.set();
    thread.join();
    EXPECT_NE(message.find("wait for itself"), std::string::npos) << message;
}

// A thread that goes out of scope is cancelled, unwinds, and has ended before the scope is left.
TEST(Thread, OutOfScopeMeansCancelledAndJoined) {
    std::atomic<bool> unwound = false;
    {
        Event inside;
        Thread thread([&] {
            struct Mark {
                std::atomic<bool>& flag;
                ~Mark() { flag = true; }
            } mark{unwound};
            inside.set();
            sleep(1h);
        });
        inside.wait();
    }
    EXPECT_TRUE(unwound);
}

// cancel() before the thread waits takes effect at its first wait; each cancel() is delivered once.
TEST(Thread, CancelIsDeliveredOnceAtTheNextWait) {
    std::vector<int> steps;
    Event go;
    Thread thread([&] {
        while (!go.is_set()) yield();
        try {
            sleep(1h);
        } catch (const Cancelled&) {
            steps.push_back(1);
        }
        sleep(1ms);  // the cancel is spent: cleaning up may wait
        steps.push_back(2);
    });
    thread.cancel();
    go.set();
    thread.join();
    EXPECT_EQ(steps, (std::vector<int>{1, 2}));
}

// join_for() says whether the thread has ended, and can be asked again.
TEST(Thread, JoinForReturnsFalseWhileItRuns) {
    Event finish;
    Thread thread([&] { finish.wait(); });
    EXPECT_FALSE(thread.join_for(5ms));
    EXPECT_TRUE(thread.joinable());
    finish.set();
    EXPECT_TRUE(thread.join_for(1h));
    EXPECT_FALSE(thread.joinable());
}

// An exception that nobody will join for is reported with the thread's name, as Python's excepthook does.
TEST(Thread, DetachedErrorsAreReported) {
    // Left without a join after it has ended: reported by the destructor.
    testing::internal::CaptureStderr();
    {
        Event about_to_throw;
        Thread thread(ThreadOptions{.name = "shuttle"}, [&] {
            about_to_throw.set();
            throw std::runtime_error("stuck");
        });
        about_to_throw.wait();
    }
    EXPECT_EQ(testing::internal::GetCapturedStderr(), "Exception in thread shuttle: stuck\n");

    // Detached: reported by the thread itself, whenever that is.
    std::array<int, 2> pipe;
    ASSERT_EQ(::pipe(pipe.data()), 0);
    const int real = ::dup(STDERR_FILENO);
    ::dup2(pipe[1], STDERR_FILENO);
    Thread(ThreadOptions{.name = "loom"}, [] { throw std::runtime_error("the yarn broke"); }).detach();
    std::string text;
    while (text.find('\n') == std::string::npos) {
        char byte;
        ASSERT_EQ(::read(pipe[0], &byte, 1), 1);
        text += byte;
    }
    ::dup2(real, STDERR_FILENO);
    for (const int fd : {real, pipe[0], pipe[1]}) ::close(fd);
    EXPECT_EQ(text, "Exception in thread loom: the yarn broke\n");
}

// However a cancel meets the wait, it is delivered exactly once, so a clean-up after it may wait.
TEST(Thread, EachCancelIsDeliveredOnce) {
    std::atomic<long> delivered = 0;
    std::atomic<bool> stop = false;
    Thread thread([&] {
        while (!stop.load()) {
            try {
                sleep(1us);
            } catch (const Cancelled&) {
                ++delivered;
            }
        }
    });
    constexpr long sent = 50'000;
    for (long i = 0; i < sent; ++i) {
        thread.cancel();
        while (delivered.load() <= i) yield();
        ASSERT_EQ(delivered, i + 1);
    }
    stop = true;
    thread.join();
    EXPECT_EQ(delivered, sent);
}

// Threads that start threads all the time do not keep one that main starts from running.
TEST(Thread, StartersDoNotStarveMain) {
    std::atomic<bool> stop = false;
    struct Chain {
        std::atomic<bool>& stop;
        TaskGroup& group;
        void operator()() const {
            if (!stop.load()) group.start(*this);
        }
    };
    TaskGroup group;
    for (int i = 0; i < 8; ++i) group.start(Chain{stop, group});
    for (int i = 0; i < 50; ++i) Thread([] {}).join();
    stop = true;
    group.wait();
}

// Suspending inside a catch block keeps each fiber's exception its own: `throw;` rethrows what this fiber
// caught.
TEST(Thread, ExceptionInFlightBelongsToItsFiber) {
    std::vector<Thread> threads;
    std::atomic<int> right = 0;
    for (int i = 0; i < 32; ++i) {
        threads.emplace_back([i, &right] {
            for (int round = 0; round < 20; ++round) {
                try {
                    try {
                        throw i;
                    } catch (...) {
                        yield();
                        EXPECT_EQ(std::uncaught_exceptions(), 0);
                        sleep(10us);
                        throw;
                    }
                } catch (int mine) {
                    if (mine == i) ++right;
                }
            }
        });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(right, 32 * 20);
}

// Waiting in a destructor during unwinding keeps the count of uncaught exceptions per fiber.
TEST(Thread, UncaughtCountSurvivesASwitch) {
    std::atomic<int> wrong = 0;
    std::vector<Thread> threads;
    for (int i = 0; i < 16; ++i) {
        threads.emplace_back([&wrong] {
            struct Waits {
                std::atomic<int>& wrong;
                ~Waits() {
                    if (std::uncaught_exceptions() != 1) ++wrong;
                    yield();
                    if (std::uncaught_exceptions() != 1) ++wrong;
                }
            };
            try {
                Waits waits{wrong};
                throw 1;
            } catch (int) {
                if (std::uncaught_exceptions() != 0) ++wrong;
            }
        });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(wrong, 0);
}

// Move assignment lets go of the thread it held: cancelled and joined.
TEST(Thread, MoveAssignmentEndsTheOldOne) {
    std::atomic<int> ended = 0;
    const auto body = [&ended] {
        struct Count {
            std::atomic<int>& count;
            ~Count() { ++count; }
        } count{ended};
        Event().wait();
    };
    Thread thread(body);
    sleep(1ms);
    thread = Thread(body);
    // A thread cancelled before its first run still runs up to its first wait.
    EXPECT_EQ(ended, 1);
    thread = Thread();
    EXPECT_EQ(ended, 2);
}

// Threads may be started and joined from fibers, from main and from std::thread, and all see the same
// results.
TEST(Thread, NoColour) {
    std::atomic<int> sum = 0;
    const auto family = [&sum] {
        std::vector<Thread> children;
        for (int i = 0; i < 50; ++i) children.emplace_back([&sum] { sleep(100us), ++sum; });
        for (auto& child : children) child.join();
    };
    family();
    std::thread plain(family);
    Thread fiber(family);
    plain.join();
    fiber.join();
    EXPECT_EQ(sum, 150);
}

// Names and ids: given or made up, and unique.
TEST(Thread, NamesAndIds) {
    std::string inside;
    std::uint64_t id_inside = 0;
    Thread named(ThreadOptions{.name = "warp"}, [&] {
        inside = current_thread_name();
        id_inside = current_thread_id();
    });
    const auto id = named.id();
    EXPECT_EQ(named.name(), "warp");
    named.join();
    EXPECT_EQ(inside, "warp");
    EXPECT_EQ(id_inside, id);
    EXPECT_NE(id, current_thread_id());
    EXPECT_EQ(current_thread_name(), "main");
    std::thread([] { EXPECT_TRUE(current_thread_name().starts_with("OS-thread-")); }).join();
}

// A thread is alive until its function has ended, whether somebody joins it or not.
TEST(Thread, IsAlive) {
    Event end;
    Thread thread([&] { end.wait(); });
    EXPECT_TRUE(thread.is_alive());
    EXPECT_FALSE(thread.join_for(0ns));
    EXPECT_TRUE(thread.is_alive());
    end.set();
    while (thread.is_alive()) yield();
    EXPECT_TRUE(thread.joinable());
    thread.join();
    EXPECT_FALSE(thread.is_alive());
    EXPECT_FALSE(Thread().is_alive());
}

// A big stack holds what a small one could not, and stacks of odd sizes are given back.
TEST(Thread, StackSizeIsTheOptions) {
    constexpr std::size_t big = 1024 * 1024;
    for (int round = 0; round < 300; ++round) {
        char last = 0;
        Thread thread(ThreadOptions{.stack_size = 2 * big}, [&last] {
            volatile char block[big];
            for (std::size_t i = 0; i < big; i += 4096) block[i] = 7;
            last = block[big - 4096];
        });
        thread.join();
        EXPECT_EQ(last, 7);
    }
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
// A stack is as large as asked for, however large; what no address space holds is an OSError.
TEST(Thread, StackSizeHasNoLimitOfItsOwn) {
    static constexpr std::size_t size = std::size_t{3} << 30;
    Thread thread(ThreadOptions{.stack_size = size}, [] {
        EXPECT_GE(static_cast<internal::Fiber&>(internal::current_task()).stack.size, size);
    });
    thread.join();
    for (const std::size_t too_large : {SIZE_MAX, SIZE_MAX - 4096, SIZE_MAX / 2, SIZE_MAX / 32}) {
        EXPECT_THROW(Thread(ThreadOptions{.stack_size = too_large}, [] {}), OSError) << too_large;
    }
}

// Running off the end of a stack meets the guard page, not a neighbour's stack.
TEST(ThreadDeathTest, OverflowMeetsTheGuard) {
    struct Recurse {
        static int deeper(int depth) {
            volatile char frame[1024];
            frame[0] = static_cast<char>(depth);
            return depth == 0 ? frame[0] : deeper(depth - 1) + frame[0];
        }
    };
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_EXIT(
        {
            Thread thread([] { std::printf("%d\n", Recurse::deeper(1000)); });
            thread.join();
        },
        testing::KilledBySignal(SIGSEGV), "");
}
#endif

// Ten thousand threads wait at once, and every one of them comes back.
TEST(Thread, TenThousandAtOnce) {
#if defined(__SANITIZE_THREAD__)
    constexpr int count = 2'000;  // the sanitizer itself ends at 8,128
#else
    constexpr int count = 10'000;
#endif
    Event go;
    std::atomic<int> arrived = 0;
    std::vector<Thread> threads;
    for (int i = 0; i < count; ++i) {
        threads.emplace_back([&] {
            go.wait();
            ++arrived;
        });
    }
    EXPECT_EQ(arrived, 0);
    go.set();
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(arrived, count);
}

// A thread in a long computation does not keep its never-started children from other workers, few or many.
TEST(Thread, IdleWorkersTakeNewThreads) {
    if (worker_count() < 2) GTEST_SKIP() << "one worker only";
    for (const int count : {1, 400}) {
        Thread parent([count] {
            std::atomic<int> ran = 0;
            std::vector<Thread> children;
            for (int i = 0; i < count; ++i) children.emplace_back([&ran] { ++ran; });
            while (ran.load() < count) {  // never waits: only another worker can run the children
            }
        });
        parent.join();
    }
}

// Nor does one that was woken together with the new thread, and goes first.
TEST(Thread, IdleWorkersTakeNewThreadsThatWokeAnother) {
    if (worker_count() < 2) GTEST_SKIP() << "one worker only";
    const internal::Runtime& runtime = internal::Runtime::get();
    for (int round = 0; round < 300; ++round) {
        Event go;
        std::atomic<bool> ran = false;
        bool seen = false;
        Thread busy;
        do {  // on the first worker, which is asked first to wake up
            busy = Thread([&] {
                go.wait();
                const auto until = std::chrono::steady_clock::now() + 10s;
                while (!ran && std::chrono::steady_clock::now() < until) {
                }
                seen = ran;
            });
            while (!busy.worker()) std::this_thread::yield();
        } while (*busy.worker() != 0);
        while (!runtime.all_asleep()) std::this_thread::yield();
        Thread fresh([&] { ran = true; });
        go.set();
        busy.join();
        ASSERT_TRUE(seen) << round;
    }
}

}  // namespace
}  // namespace thrum
