// thrum/threads/future_test.cpp: floor 1, threads
// Future: results, exceptions, callbacks, and waiting for many.
#include <thrum/base/errors.hpp>
#include <thrum/threads.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace thrum {
namespace {

using namespace std::chrono_literals;

// A move-only result can be taken out; an exception can be had without being thrown, as often as asked.
TEST(Future, ResultsAndExceptions) {
    ThreadPoolExecutor executor(2);
    auto owned = executor.submit([](int n) { return std::make_unique<int>(n); }, 7).result();
    EXPECT_EQ(*owned, 7);
    auto failing = executor.submit([]() -> int { throw std::domain_error("no"); });
    EXPECT_NE(failing.exception(), nullptr);
    EXPECT_THROW(failing.result(), std::domain_error);
    EXPECT_THROW(failing.result(), std::domain_error);
    EXPECT_THROW(std::move(failing).result(), std::domain_error);
    int place = 3;
    auto reference = executor.submit([&place]() -> int& { return place; });
    EXPECT_EQ(&reference.result(), &place);
    EXPECT_EQ(&std::move(reference).result(), &place);
}

// A result that was taken out is not there for a second reader, through no handle: it says so.
TEST(Future, ATakenResultIsGone) {
    Promise<std::string> promise;
    auto future = promise.future();
    auto other = promise.future();
    promise.set_result("once");
    EXPECT_EQ(future.result(), "once");
    EXPECT_EQ(future.result(), "once");
    EXPECT_EQ(std::move(future).result(), "once");
    EXPECT_THROW(future.result(), InvalidStateError);
    EXPECT_THROW(std::move(other).result(), InvalidStateError);
    auto late = promise.future().then([](const std::string& text) { return text.size(); });
    EXPECT_THROW(late.result(), InvalidStateError);
    EXPECT_EQ(other.exception(), nullptr);  // it did succeed
}

// Every member of an empty future says that it is empty; so do the functions that take many.
TEST(Future, AnEmptyOneSaysSo) {
    using Use = std::function<void(Future<int>&)>;
    const std::vector<Use> uses = {
        [](auto& f) { f.result(); },
        [](auto& f) { f.result(1ms); },
        [](auto& f) { std::move(f).result(); },
        [](auto& f) { f.exception(); },
        [](auto& f) { f.wait(); },
        [](auto& f) { f.wait_for(1ms); },
        [](auto& f) { f.cancel(); },
        [](auto& f) { f.done(); },
        [](auto& f) { f.running(); },
        [](auto& f) { f.cancelled(); },
        [](auto& f) { f.add_done_callback([](Future<int>&) {}); },
        [](auto& f) { f.then([](int) {}); },
        [](auto& f) { std::move(f).then([](int) {}); },
    };
    for (std::size_t i = 0; i < uses.size(); ++i) {
        Future<int> empty;
        EXPECT_FALSE(empty.valid());
        EXPECT_THROW(uses[i](empty), InvalidStateError) << "use " << i;
    }
    std::vector<Future<int>> futures(2);
    Promise<int> promise;
    futures[0] = promise.future();
    EXPECT_THROW(wait(futures), InvalidStateError);
    EXPECT_THROW(as_completed(futures), InvalidStateError);
    Promise<int> moved = std::move(promise);
    EXPECT_THROW(promise.future(), InvalidStateError);
    EXPECT_THROW(promise.set_result(1), InvalidStateError);
}

// The states of Python's test_concurrent_futures, one by one, as a promise goes through them.
TEST(Future, StatesOfAPromise) {
    Promise<int> promise;
    auto future = promise.future();
    EXPECT_FALSE(future.running() || future.done() || future.cancelled());
    EXPECT_TRUE(promise.set_running_or_notify_cancel());
    EXPECT_TRUE(future.running());
    EXPECT_THROW(promise.set_running_or_notify_cancel(), InvalidStateError);
    EXPECT_FALSE(future.cancel());
    EXPECT_THROW(future.result(1ms), TimeoutError);
    EXPECT_THROW(future.exception(0ms), TimeoutError);
    EXPECT_FALSE(future.wait_for(-1ms));
    promise.set_result(42);
    EXPECT_TRUE(future.done());
    EXPECT_FALSE(future.running() || future.cancelled() || future.cancel());
    EXPECT_EQ(future.result(0ms), 42);
    EXPECT_EQ(future.exception(), nullptr);
    EXPECT_THROW(promise.set_result(43), InvalidStateError);
    EXPECT_THROW(promise.set_exception(std::logic_error("late")), InvalidStateError);
    EXPECT_THROW(promise.set_running_or_notify_cancel(), InvalidStateError);
    EXPECT_EQ(future.result(), 42);
}

// A cancelled promise is told so, and takes nothing.
TEST(Future, ACancelledPromise) {
    Promise<void> promise;
    auto future = promise.future();
    EXPECT_TRUE(future.cancel());
    EXPECT_TRUE(future.cancel());  // it is, as Python says
    EXPECT_FALSE(promise.set_running_or_notify_cancel());
    EXPECT_THROW(promise.set_result(), InvalidStateError);
    EXPECT_THROW(future.result(), CancelledError);
    EXPECT_THROW(future.exception(), CancelledError);
}

// A dropped promise leaves nobody waiting; one that failed to take its value can be kept still.
TEST(Future, BrokenAndRetriedPromises) {
    Future<int> future;
    {
        Promise<int> promise;
        future = promise.future();
        Promise<int> second = std::move(promise);
        second = Promise<int>();
    }
    EXPECT_THROW(future.result(), BrokenPromise);
    struct Picky {
        explicit Picky(int n) {
            if (n < 0) throw std::range_error("negative");
        }
    };
    Promise<Picky> promise;
    EXPECT_THROW(promise.set_result(-1), std::range_error);
    EXPECT_FALSE(promise.future().done());
    EXPECT_THROW(promise.set_exception(nullptr), InvalidStateError);
    promise.set_result(1);
    EXPECT_TRUE(promise.future().done());
}

// Callbacks run once, in order, whether added before or after, and whatever the others throw.
TEST(Future, Callbacks) {
    Promise<int> promise;
    auto future = promise.future();
    std::vector<int> order;
    for (int i = 0; i < 3; ++i) {
        future.add_done_callback([&order, i](Future<int>& done) {
            order.push_back(i * done.result());
            if (i == 0) throw std::runtime_error("a callback's own trouble");
        });
    }
    testing::internal::CaptureStderr();
    promise.set_result(10);
    EXPECT_NE(testing::internal::GetCapturedStderr().find("callback: a callback's own trouble"),
              std::string::npos);
    future.add_done_callback([&order](Future<int>& done) { order.push_back(done.result() + 1); });
    EXPECT_EQ(order, (std::vector{0, 10, 20, 11}));
    Promise<int> cancelled;
    bool told = false;
    cancelled.future().add_done_callback([&told](Future<int>& done) { told = done.cancelled(); });
    cancelled.future().cancel();
    EXPECT_TRUE(told);
}

// Cancelled out of a callback is for the thread it ran on: its next wait throws it.
TEST(Future, ACallbackDoesNotSwallowCancelled) {
    Promise<void> promise;
    promise.future().add_done_callback([](Future<void>&) { sleep(1h); });
    std::atomic<bool> stopped = false;
    Event inside;
    Thread thread([&] {
        try {
            inside.set();
            promise.set_result();
            sleep(1h);
        } catch (const Cancelled&) {
            stopped = true;
            throw;
        }
    });
    inside.wait();
    thread.cancel();
    thread.join();
    EXPECT_TRUE(stopped);
}

// then() hands results on, failures past it, and takes what it is given as it is given.
TEST(Future, Then) {
    Promise<int> promise;
    auto future = promise.future();
    int calls = 0;
    auto text = future.then([&](int& n) { return ++calls, std::to_string(n); });
    auto length = text.then([&](const std::string& s) { return ++calls, s.size(); });
    auto nothing = length.then([&](std::size_t) { ++calls; });
    auto after = nothing.then([&] { return ++calls, 'x'; });
    EXPECT_FALSE(after.done());
    promise.set_result(123);
    EXPECT_EQ(text.result(), "123");
    EXPECT_EQ(length.result(), 3U);
    EXPECT_EQ(after.result(), 'x');
    EXPECT_EQ(calls, 4);

    Promise<std::unique_ptr<int>> owner;
    auto taken = owner.future().then([](std::unique_ptr<int> owned) { return *owned; });
    owner.set_result(std::make_unique<int>(5));
    EXPECT_EQ(taken.result(), 5);

    Promise<int> bad;
    auto skipped = bad.future().then([&](int) { return ++calls; }).then([&](int) { return ++calls; });
    bad.set_exception(std::out_of_range("source"));
    EXPECT_THROW(skipped.result(), std::out_of_range);
    auto failing = future.then([](int) -> int { throw std::domain_error("continuation"); });
    EXPECT_THROW(failing.result(), std::domain_error);
    EXPECT_EQ(calls, 4);
}

// Cancelling the source cancels what follows; cancelling what follows leaves the source alone.
TEST(Future, ThenAndCancel) {
    Promise<int> promise;
    auto future = promise.future();
    auto first = future.then([](int n) { return n; });
    auto second = first.then([](int n) { return n; });
    EXPECT_TRUE(first.cancel());
    EXPECT_TRUE(second.cancelled());
    EXPECT_FALSE(future.cancelled());
    auto third = future.then([](int n) { return n; });
    EXPECT_TRUE(future.cancel());
    EXPECT_TRUE(third.cancelled());
    EXPECT_THROW(third.result(), CancelledError);
}

// On an executor, the continuation is one of its calls; where it is shut down the new future says so.
TEST(Future, ThenOnAnExecutor) {
    ThreadPoolExecutor executor({.max_workers = 1, .thread_name_prefix = "pool"});
    Promise<int> promise;
    auto source = promise.future();
    auto name = source.then(executor, [](int) { return current_thread_name(); });
    auto late = source.then(executor, [](int n) { return n; });
    auto cancelled = source.then(executor, [](int n) { return n; });
    cancelled.cancel();
    promise.set_result(1);
    EXPECT_EQ(name.result(), "pool_0");
    EXPECT_EQ(late.result(), 1);
    executor.shutdown();
    EXPECT_THROW(source.then(executor, [](int n) { return n; }).result(), ExecutorShutDown);
}

// A long chain is a loop: it fits a small stack.
TEST(Future, ThenChainsOfAnyLength) {
    Promise<int> promise;
    Future<int> last = promise.future();
    constexpr int links = 20000;
    for (int i = 0; i < links; ++i) last = std::move(last).then([](int n) { return n + 1; });
    Thread(ThreadOptions{.stack_size = 16 * 1024}, [&] { promise.set_result(0); }).join();
    EXPECT_EQ(last.result(), links);
    Promise<int> dropped;
    last = dropped.future();
    for (int i = 0; i < links; ++i) last = std::move(last).then([](int n) { return n + 1; });
    Thread(ThreadOptions{.stack_size = 16 * 1024}, [&] { Promise<int>(std::move(dropped)); }).join();
    EXPECT_THROW(last.result(), BrokenPromise);
}

// Both kinds of thread wait for one future, and each is woken.
TEST(Future, WaitersOfBothKinds) {
    for (int round = 0; round < 50; ++round) {
        Promise<int> promise;
        std::atomic<int> sum = 0;
        const auto read = [&, future = std::make_shared<Future<int>>(promise.future())] {
            sum += future->result();
        };
        TaskGroup group;
        for (int i = 0; i < 4; ++i) group.start(read);
        std::thread first(read);
        std::thread second(read);
        if (round % 2 == 0) yield();
        promise.set_result(1);
        group.wait();
        first.join();
        second.join();
        EXPECT_EQ(sum, 6);
    }
}

}  // namespace
}  // namespace thrum
