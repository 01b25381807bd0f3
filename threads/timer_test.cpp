// thrum/threads/timer_test.cpp: floor 1, threads
// Timer: called once, not early, unless cancelled before; it says which of the two it was.
#include <thrum/base/errors.hpp>
#include <thrum/threads.hpp>
#include <thrum/threads/child_fixture.hpp>
#include <thrum/threads/internal/crowd_fixture.hpp>
#include <thrum/threads/internal/registry.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace thrum {
namespace {

using namespace std::chrono_literals;

// The function gets its arguments, in a thread of its own with the name asked for, no earlier than asked for.
TEST(Timer, CallsItsFunctionLater) {
    for (const auto run : {on_a_fiber, on_a_plain_thread}) {
        run([] {
            const auto begin = std::chrono::steady_clock::now();
            std::string said;
            Timer timer(
                ThreadOptions{.name = "alarm"}, 3ms,
                [&](const std::unique_ptr<int>& number) {
                    said = current_thread_name() + " " + std::to_string(*number);
                    EXPECT_GE(std::chrono::steady_clock::now() - begin, 3ms);
                },
                std::make_unique<int>(7));
            EXPECT_TRUE(timer.joinable());
            timer.join();
            EXPECT_FALSE(timer.joinable());
            EXPECT_EQ(said, "alarm 7");
        });
    }
}

// Timers go off in the order of their times, not of their making; those in the past at once.
TEST(Timer, InOrderOfTime) {
    const Deadline start = deadline_after(20ms);
    std::vector<std::unique_ptr<Timer>> timers;
    std::atomic<int> fired = 0;
    std::vector<int> delays = {50, 10, 30, -5, 40, 20};
    for (const int delay : delays) {
        timers.push_back(
            std::make_unique<Timer>(ThreadOptions(), start + delay * 1ms, [&fired, &start, delay] {
                EXPECT_GE(std::chrono::steady_clock::now(), start + delay * 1ms);
                ++fired;
            }));
    }
    Timer past(-1h, [&] { ++fired; });
    past.join();
    Timer at_once(ThreadOptions(), Deadline::min(), [&] { ++fired; });
    at_once.join();
    for (const auto& timer : timers) timer->join();
    EXPECT_EQ(fired, 8);
}

// cancel() is true just once, and then the function is never called, and what it holds is gone; afterwards it
// is false.
TEST(Timer, Cancel) {
    auto held = std::make_shared<int>();
    std::atomic<bool> called = false;
    Timer timer(1h, [&called, held] { called = true; });
    EXPECT_EQ(held.use_count(), 2);
    EXPECT_TRUE(timer.cancel());
    EXPECT_EQ(held.use_count(), 1);
    EXPECT_FALSE(timer.cancel());
    timer.join();
    EXPECT_FALSE(called);
    Timer fired(0ns, [] {});
    until([&] { return fired.join_for(1ms); });
    EXPECT_FALSE(fired.cancel());
    Timer never_due(ThreadOptions(), never, [] {});
    EXPECT_TRUE(never_due.cancel());
}

// Of cancel() and the function one happens, however close they come.
TEST(Timer, CancelAndFireMeet) {
    int cancelled = 0;
    int called = 0;
    for (int round = 0; round < 300; ++round) {
        std::atomic<bool> ran = false;
        Timer timer(std::chrono::microseconds(round % 100), [&] { ran = true; });
        for (int i = 0; i < round % 7; ++i) yield();
        const bool prevented = timer.cancel();
        timer.join();
        ASSERT_NE(prevented, ran.load());
        ++(prevented ? cancelled : called);
    }
    EXPECT_EQ(cancelled + called, 300);
}

// One that goes out of scope is cancelled; where its function runs already, that is cancelled and joined.
TEST(Timer, OutOfScope) {
    bool called = false;
    {
        const Timer timer(1h, [&] { called = true; });
    }
    EXPECT_FALSE(called);
    Event running;
    bool unwound = false;
    {
        const Timer timer(0ns, [&] {
            running.set();
            try {
                sleep(1h);
            } catch (const Cancelled&) {
                unwound = true;
                throw;
            }
        });
        running.wait();
    }
    EXPECT_TRUE(unwound);
    Timer moved(0ns, [] {});
    moved = Timer(1h, [&] { called = true; });
    Timer last(std::move(moved));
    EXPECT_FALSE(moved.joinable());  // NOLINT(bugprone-use-after-move)
    EXPECT_TRUE(last.cancel());
}

// join() rethrows, once; its own waits can end early and be made again.
TEST(Timer, Join) {
    Timer failing(0ns, [] { throw std::runtime_error("the function's own"); });
    EXPECT_THROW(failing.join(), std::runtime_error);
    EXPECT_FALSE(failing.joinable());
    EXPECT_THROW(failing.join(), Error);
    EXPECT_THROW(failing.detach(), Error);
    EXPECT_THROW(Timer().join(), Error);
    EXPECT_FALSE(Timer().cancel());

    Timer waiting(1h, [] {});
    EXPECT_FALSE(waiting.join_for(1ms));
    {
        const Timeout scope(1ms);
        EXPECT_THROW(waiting.join(), TimeoutError);
    }
    EXPECT_TRUE(waiting.joinable());
    Event running;
    Event go_on;
    Timer slow(0ns, [&] {
        running.set();
        go_on.wait();
    });
    running.wait();
    EXPECT_FALSE(slow.join_for(1ms));
    {
        const Timeout scope(1ms);
        EXPECT_THROW(slow.join(), TimeoutError);
    }
    go_on.set();
    EXPECT_TRUE(slow.join_for(1h));
}

// A detached timer goes off on its own, its handle gone; what its function throws is reported.
TEST(Timer, Detach) {
    Event fired;
    Timer(2ms, [&] { fired.set(); }).detach();
    fired.wait();
    testing::internal::CaptureStderr();
    Event freed;
    {
        std::shared_ptr<void> last(nullptr, [&](void*) { freed.set(); });
        Timer timer(ThreadOptions{.name = "lonely"}, 0ns,
                    [last] { throw std::runtime_error("nobody asks"); });
        timer.detach();
    }
    freed.wait();
    // Its own thread reports, or the one that started it.
    until([] {
        bool ended = true;
        internal::for_each_fiber([&](const internal::FiberReference& fiber) {
            ended &= fiber->name() != "lonely" && fiber->name() != "timers";
        });
        return ended;
    });
    EXPECT_EQ(testing::internal::GetCapturedStderr(), "Exception in thread lonely: nobody asks\n");
}

// A function may cancel, join (in vain) and destroy its own timer.
TEST(Timer, UsedByItsOwnFunction) {
    Event done;
    std::unique_ptr<Timer> timer;
    Event assigned;
    timer = std::make_unique<Timer>(0ns, [&] {
        assigned.wait();
        EXPECT_FALSE(timer->cancel());
        EXPECT_THROW(timer->join(), Error);
        timer.reset();
        done.set();
    });
    assigned.set();
    done.wait();
    EXPECT_EQ(timer, nullptr);
}

// Timers by the hundred thousand, made and cancelled from threads of both kinds; those that were not
// cancelled go off, each once.
TEST(Timer, Many) {
    std::atomic<int> fired = 0;
    std::atomic<int> prevented = 0;
    constexpr int each = 5000;
    crowd(3, 1, [&](int number) {
        std::mt19937 random(static_cast<unsigned>(number));
        std::vector<Timer> timers;
        for (int i = 0; i < each; ++i) {
            const bool soon = i % 50 == 0;
            timers.emplace_back(
                soon ? std::chrono::nanoseconds(random() % 2'000'000) : 1h + random() % 1000 * 1s,
                [&] { ++fired; });
        }
        for (int i = 0; i < each; ++i) {
            if (i % 50 == 0) {
                timers[static_cast<std::size_t>(i)].join();
            } else {
                prevented += timers[static_cast<std::size_t>(i)].cancel() ? 1 : 0;
            }
        }
    });
    EXPECT_EQ(fired, 4 * each / 50);
    EXPECT_EQ(prevented, 4 * (each - each / 50));
}

// What the child of the next test runs: a thousand timers come due together; says how many of their threads
// are there more than at the turn before of another thread.
TEST(TimerProbe, DISABLED_SaysHowManyStartAtOnce) {
    std::size_t most = 0;
    Thread([&most] {
        constexpr int timers = 1000;
        Event go_on;
        std::atomic<int> made = 0;
        const auto call = [&] {
            ++made;
            go_on.wait();
        };
        // One worker: nobody else runs before all of them are due.
        std::vector<Timer> due;
        for (int i = 0; i < timers; ++i) due.emplace_back(ThreadOptions{.name = "due"}, 0ns, call);
        std::size_t before = 0;
        do {
            yield();
            std::size_t started = 0;
            internal::for_each_fiber([&](const internal::FiberReference& fiber) {
                started += fiber->given_name() == "due" ? 1 : 0;
            });
            most = std::max(most, started - before);
            before = started;
        } while (made < timers);
        go_on.set();
        for (Timer& timer : due) timer.join();
    }).join();
    std::printf("%zu at once\n", most);
}

// A burst of timers does not keep the others of its worker from running: their threads start few at a time.
TEST(Timer, ABurstLetsOthersRun) {
    Child child("TimerProbe.*", {{"THRUM_WORKERS", "1"}});
    EXPECT_EQ(child.end(), 0) << child.text();
    const std::size_t end = child.text().find(" at once");
    ASSERT_NE(end, std::string::npos) << child.text();
    const std::size_t begin = child.text().rfind('\n', end) + 1;
    const unsigned long most = std::stoul(child.text().substr(begin, end - begin));
    EXPECT_GT(most, 0U);
    EXPECT_LE(most, 32U);
}

}  // namespace
}  // namespace thrum
