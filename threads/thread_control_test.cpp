// thrum/threads/thread_control_test.cpp: floor 1, threads
// Stopping as std::jthread does, the excepthook, the worker, and misuse.
#include <thrum/threads.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <vector>

namespace thrum {
namespace {

using namespace std::chrono_literals;

// A function that takes a std::stop_token gets the thread's: cancel() and request_stop() show in it.
TEST(ThreadControl, TheFunctionGetsAStopToken) {
    for (const bool cancels : {true, false}) {
        std::string seen;
        Event inside;
        Thread thread(
            [&](const std::stop_token& token, std::string text) {
                inside.set();
                while (!token.stop_requested()) yield();
                seen = std::move(text);
            },
            "the end");
        inside.wait();
        if (cancels) {
            thread.cancel();
        } else {
            EXPECT_TRUE(thread.request_stop());
            EXPECT_FALSE(thread.request_stop());
        }
        thread.join();
        EXPECT_EQ(seen, "the end");
    }
}

// request_stop() lets waits go on; a std::stop_callback can end them its own way.
TEST(ThreadControl, StopCallbacksWork) {
    Event stopped;
    std::atomic<bool> went_on = false;
    Thread thread([&](const std::stop_token& token) {
        std::stop_callback callback(token, [&] { stopped.set(); });
        stopped.wait();
        sleep(1us);
        went_on = true;
    });
    thread.request_stop();
    thread.join();
    EXPECT_TRUE(went_on);
}

// A token asked for after cancel() says so at once; that of a thread which goes out of scope says so too.
TEST(ThreadControl, TokensOutliveTheThread) {
    std::stop_token token;
    {
        Thread thread([] { sleep(1h); });
        token = thread.get_stop_token();
        EXPECT_FALSE(token.stop_requested());
        Thread moved(std::move(thread));
        EXPECT_EQ(moved.get_stop_token(), token);
    }
    EXPECT_TRUE(token.stop_requested());
    Thread cancelled([] { sleep(1h); });
    cancelled.cancel();
    EXPECT_TRUE(cancelled.get_stop_token().stop_requested());
}

// The worker is the same for a thread's whole life.
TEST(ThreadControl, AThreadStaysOnItsWorker) {
    EXPECT_EQ(Thread().worker(), std::nullopt);
    Event started;
    Event go;
    Thread thread([&] {
        started.set();
        go.wait();
    });
    started.wait();
    const auto worker = thread.worker();
    ASSERT_TRUE(worker.has_value());
    EXPECT_LT(*worker, worker_count());
    yield();
    EXPECT_EQ(thread.worker(), worker);
    go.set();
}

// Misuse has a type of its own and a message.
TEST(ThreadControl, MisuseIsAThreadError) {
    Thread thread([] {});
    thread.join();
    EXPECT_THROW(thread.join(), ThreadError);
    EXPECT_THROW(thread.detach(), ThreadError);
    EXPECT_THROW(Thread().join(), ThreadError);
    EXPECT_FALSE(thread.request_stop());
    try {
        thread.join();
    } catch (const Error& error) {
        EXPECT_NE(std::string(error.what()).find("joined, detached or moved from"), std::string::npos);
    }
}

// The hook gets name, id and exception of detached and of abandoned threads; Cancelled is no news.
TEST(ThreadControl, TheExcepthookIsTold) {
    Queue<UncaughtException> told;
    set_excepthook([&](const UncaughtException& uncaught) { told.put(uncaught); });
    Thread detached(ThreadOptions{.name = "warp"}, [] { throw std::out_of_range("too far"); });
    const auto id = detached.id();
    detached.detach();
    const auto first = told.get();
    EXPECT_EQ(first->thread_name, "warp");
    EXPECT_EQ(first->thread_id, id);
    EXPECT_THROW(std::rethrow_exception(first->error), std::out_of_range);
    {
        Event about_to_throw;
        Thread abandoned([&] {
            about_to_throw.set();
            throw 7;
        });
        about_to_throw.wait();
        Thread cancelled([] { sleep(1h); });
    }
    EXPECT_THROW(std::rethrow_exception(told.get()->error), int);
    EXPECT_TRUE(told.empty());
    set_excepthook({});
}

// A hook that throws is reported, and so is what it should have dealt with.
TEST(ThreadControl, AThrowingExcepthookGoesNoFurther) {
    set_excepthook([](const UncaughtException&) { throw std::runtime_error("the hook broke"); });
    testing::internal::CaptureStderr();
    {
        Event about_to_throw;
        Thread thread(ThreadOptions{.name = "weft"}, [&] {
            about_to_throw.set();
            throw std::runtime_error("the yarn broke");
        });
        about_to_throw.wait();
    }
    set_excepthook({});
    EXPECT_EQ(testing::internal::GetCapturedStderr(),
              "Exception in the excepthook of thread weft: the hook broke\n"
              "Exception in thread weft: the yarn broke\n");
}

}  // namespace
}  // namespace thrum
