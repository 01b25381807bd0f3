// thrum/threads/future_then_test.cpp: floor 1, threads
// Future::then with continuations that give futures: what comes of it is the inner future's end, not the
// future.
#include <thrum/base/errors.hpp>
#include <thrum/threads.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace thrum {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t small_stack = 16 * 1024;  // bytes; a chain of thousands must not nest on it
constexpr int links = 20'000;

Future<int> ready(int value) {
    Promise<int> promise;
    promise.set_result(value);
    return promise.future();
}

// How a future ended, in a word.
std::string end_of(Future<int>& future) {
    try {
        return std::to_string(future.result());
    } catch (const CancelledError&) {
        return "cancelled";
    } catch (const InvalidStateError&) {
        return "invalid state";
    } catch (const BrokenPromise&) {
        return "broken promise";
    } catch (const std::exception& error) {
        return error.what();
    }
}

// One layer is taken off, and no more; what a continuation gives otherwise is left as it is.
TEST(FutureThen, Types) {
    Future<int> source;
    const auto gives = [&](auto made) {
        return [made = std::make_shared<decltype(made)>(std::move(made))](int) { return std::move(*made); };
    };
    static_assert(std::is_same_v<decltype(source.then(gives(Future<char>()))), Future<char>>);
    static_assert(std::is_same_v<decltype(source.then(gives(Future<void>()))), Future<void>>);
    static_assert(std::is_same_v<decltype(source.then(gives(Future<int&>()))), Future<int&>>);
    static_assert(std::is_same_v<decltype(source.then(gives(Future<Future<char>>()))), Future<Future<char>>>);
    static_assert(std::is_same_v<decltype(source.then(gives(std::string()))), Future<std::string>>);
    static_assert(
        std::is_same_v<decltype(source.then([](int) -> Future<int>& { throw 1; })), Future<Future<int>&>>);
}

// The new future ends as the inner one does, whenever that is and wherever the continuation ran.
TEST(FutureThen, EndsAsTheInnerOne) {
    struct Row {
        const char* what;
        std::function<Future<int>(Promise<int>& inner)> continuation;
        std::function<void(Promise<int>& inner)> later;  // once the continuation has run
        const char* end;
    };
    const auto nothing = [](Promise<int>&) {};
    const auto give = [](Promise<int>& inner) { return inner.future(); };
    const std::vector<Row> rows = {
        {"a result later", give, [](auto& inner) { inner.set_result(7); }, "7"},
        {"a result before", [](auto& inner) { return inner.set_result(8), inner.future(); }, nothing, "8"},
        {"an exception later", give, [](auto& inner) { inner.set_exception(std::domain_error("inner")); },
         "inner"},
        {"an exception before",
         [](auto& inner) { return inner.set_exception(std::domain_error("inner")), inner.future(); }, nothing,
         "inner"},
        {"cancelled later", give, [](auto& inner) { inner.future().cancel(); }, "cancelled"},
        {"cancelled before", [](auto& inner) { return inner.future().cancel(), inner.future(); }, nothing,
         "cancelled"},
        {"dropped", give, [](auto& inner) { Promise<int>(std::move(inner)); }, "broken promise"},
        {"taken by another before",
         [](auto& inner) {
             inner.set_result(9);
             inner.future().result();
             return std::move(inner.future()).result(), inner.future();
         },
         nothing, "invalid state"},
        {"an empty future", [](auto&) { return Future<int>(); }, nothing, "invalid state"},
        {"throws", [](auto&) -> Future<int> { throw std::domain_error("continuation"); }, nothing,
         "continuation"},
        {"a chain", [](auto& inner) { return inner.future().then([](int n) { return ready(n + 1); }); },
         [](auto& inner) { inner.set_result(1); }, "2"},
    };
    ThreadPoolExecutor executor(1);
    for (const Row& row : rows) {
        for (const bool on_executor : {false, true}) {
            for (const bool taking : {false, true}) {
                SCOPED_TRACE(row.what);
                Promise<int> source;
                Promise<int> inner;
                Event has_run;
                const auto continuation = [&](int) {
                    struct Told {
                        Event& event;
                        ~Told() { event.set(); }
                    } told{has_run};
                    return row.continuation(inner);
                };
                auto first = source.future();
                auto outer = on_executor ? taking ? std::move(first).then(executor, continuation)
                                                  : first.then(executor, continuation)
                             : taking ? std::move(first).then(continuation)
                                         : first.then(continuation);
                auto after = outer.then([](int& n) { return ready(n); });
                source.set_result(0);
                has_run.wait();
                row.later(inner);
                EXPECT_EQ(end_of(outer), row.end);
                EXPECT_EQ(end_of(after), row.end);
            }
        }
    }
}

// The inner result is moved, not copied; void and references pass as well.
TEST(FutureThen, ResultsOfEveryKind) {
    Promise<std::unique_ptr<int>> owner;
    auto owned = ready(1).then([&](int) { return owner.future(); });
    EXPECT_FALSE(owned.done());
    EXPECT_TRUE(owned.running());
    owner.set_result(std::make_unique<int>(5));
    EXPECT_EQ(*std::move(owned).result(), 5);
    EXPECT_THROW(owner.future().result(), InvalidStateError);

    Promise<void> nothing;
    auto done = ready(1).then([&](int) { return nothing.future(); });
    nothing.set_result();
    done.result();

    int place = 0;
    Promise<int&> reference;
    auto same = ready(1).then([&](int) { return reference.future(); });
    reference.set_result(place);
    EXPECT_EQ(&same.result(), &place);

    struct Fragile {
        Fragile() = default;
        Fragile(Fragile&&) { throw std::domain_error("does not move"); }
    };
    Promise<Fragile> fragile;
    auto broken = ready(1).then([&](int) { return fragile.future(); });
    struct Made {
        operator Fragile() const { return Fragile(); }
    };
    fragile.set_result(Made());
    EXPECT_THROW(broken.result(), std::domain_error);
}

// A cancel is passed to the inner future, as far as that can be cancelled.
TEST(FutureThen, CancelIsPassedOn) {
    Promise<int> inner;
    auto outer = ready(0).then([&](int) { return inner.future(); });
    auto outermost = ready(0).then([&](int) { return std::move(outer); });
    EXPECT_TRUE(outermost.cancel());
    EXPECT_TRUE(inner.future().cancelled());
    EXPECT_TRUE(outermost.cancelled());
    EXPECT_THROW(outermost.result(), CancelledError);

    Promise<int> running;
    EXPECT_TRUE(running.set_running_or_notify_cancel());
    auto stays = ready(0).then([&](int) { return running.future(); });
    EXPECT_FALSE(stays.cancel());
    EXPECT_FALSE(stays.done());
    running.set_result(4);
    EXPECT_EQ(stays.result(), 4);

    ThreadPoolExecutor executor(2);
    Event begun;
    auto call = ready(0).then([&](int) {
        return executor.submit([&]() -> int {
            begun.set();
            sleep(1h);
            return 1;
        });
    });
    begun.wait();
    EXPECT_TRUE(call.cancel());
    EXPECT_THROW(call.result(), CancelledError);
}

// One that comes while the continuation runs, and that it does not notice, is passed on too.
TEST(FutureThen, ACancelDuringTheContinuationIsPassedOn) {
    ThreadPoolExecutor executor(1);
    Promise<int> inner;
    std::atomic<bool> inside = false;
    std::atomic<bool> go_on = false;
    auto source = ready(0);
    auto outer = source.then(executor, [&](int) {
        inside = true;
        while (!go_on) yield();  // no cancellation point
        return inner.future();
    });
    while (!inside) yield();
    EXPECT_TRUE(outer.cancel());
    go_on = true;
    EXPECT_THROW(outer.result(), CancelledError);
    EXPECT_TRUE(inner.future().cancelled());
    EXPECT_EQ(executor.submit([] { return sleep(1us), 3; }).result(), 3);  // the pool's thread was not hit
}

// A future that would wait for itself is told so.
TEST(FutureThen, ItselfIsRefused) {
    Promise<int> source;
    Future<int> outer;
    outer = source.future().then([&](int) { return std::move(outer); });
    auto same = outer.then([](int n) { return n; });
    source.set_result(1);
    EXPECT_EQ(end_of(same), "invalid state");
}

// Chains of any length, side by side or one in the other, fit a small stack: ended, cancelled or dropped.
TEST(FutureThen, ChainsOfAnyLength) {
    Promise<int> promise;
    Future<int> last = promise.future();
    for (int i = 0; i < links; ++i) last = std::move(last).then([](int n) { return ready(n + 1); });
    Thread(ThreadOptions{.stack_size = small_stack}, [&] { promise.set_result(0); }).join();
    EXPECT_EQ(last.result(), links);

    struct Row {
        void (*finish)(Promise<int>& innermost, Future<int>& outermost);
        const char* end;
    };
    const std::vector<Row> rows = {
        {[](Promise<int>& innermost, Future<int>&) { innermost.set_result(6); }, "6"},
        {[](Promise<int>&, Future<int>& outermost) { EXPECT_TRUE(outermost.cancel()); }, "cancelled"},
        {[](Promise<int>& innermost, Future<int>&) { Promise<int>(std::move(innermost)); }, "broken promise"},
    };
    for (const Row& row : rows) {
        Promise<int> innermost;
        Future<int> nested = innermost.future();
        const auto kept = std::make_shared<Future<int>>();
        for (int i = 0; i < links; ++i) {
            *kept = std::move(nested);
            nested = ready(0).then([kept](int) { return std::move(*kept); });
        }
        Thread(ThreadOptions{.stack_size = small_stack}, [&] { row.finish(innermost, nested); }).join();
        EXPECT_EQ(end_of(nested), row.end);
    }
}

// Whoever comes first, the end of the inner future or a cancel of the outer one, both have one end.
TEST(FutureThen, EndsAndCancelsMeet) {
    ThreadPoolExecutor executor(2);
    for (int round = 0; round < 300; ++round) {
        Promise<int> source;
        Promise<int> inner;
        auto first = source.future();
        auto outer = round % 2 == 0 ? first.then([&](int) { return inner.future(); })
                                    : first.then(executor, [&](int) { return inner.future(); });
        Barrier meeting(3);
        bool asked = false;
        Thread canceller([&] {
            meeting.wait();
            asked = outer.cancel();
        });
        Thread finisher([&] {
            meeting.wait();
            try {
                inner.set_result(round);
            } catch (const InvalidStateError&) {
                EXPECT_TRUE(inner.future().cancelled());
            }
        });
        meeting.wait();
        source.set_result(0);
        canceller.join();
        finisher.join();
        const std::string end = end_of(outer);
        EXPECT_TRUE(end == "cancelled" || end == std::to_string(round)) << end;
        EXPECT_TRUE(end != "cancelled" || asked);
    }
}

}  // namespace
}  // namespace thrum
