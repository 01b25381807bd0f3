// thrum/threads/internal/model/future_scenarios.cpp: floor 1, threads
// What Future and Promise promise, as small programs for the model. Each state's memory is poisoned when it
// is freed, and missed at the end when it is not.
#include <thrum/threads/as_completed.hpp>
#include <thrum/threads/event.hpp>
#include <thrum/threads/executor.hpp>
#include <thrum/threads/internal/model/explore.hpp>
#include <thrum/threads/internal/model/parts.hpp>
#include <thrum/threads/promise.hpp>
#include <thrum/threads/thread.hpp>

#include <algorithm>

namespace thrum::internal::model {

namespace {

// A promise and as many handles of its future as the scenario's threads need.
struct Deal {
    Promise<int> promise;
    std::array<Future<int>, 3> futures;
    Deal() {
        for (auto& future : futures) future = promise.future();
    }
};

// What functions hold, to see that each is destroyed.
class Token {
public:
    explicit Token(int& alive) noexcept : alive_(&alive) { ++*alive_; }
    Token(const Token& other) noexcept : Token(*other.alive_) {}
    Token& operator=(const Token&) = delete;
    ~Token() { --*alive_; }

private:
    int* alive_;
};

// A result or a cancel, never both, and all who look see the same; one that waits is cancelled itself.
template <bool Begins>
void kept_or_cancelled(World& world) {
    auto& deal = world.make<Deal>("deal");
    auto& victim = world.make<Victim>("victim", nullptr);
    auto& cancelled = world.make<bool>("cancelled", false);
    auto& called = world.make<int>("called", 0);
    world.thread([&] {
        bool kept = false;
        try {
            if (!Begins || deal.promise.set_running_or_notify_cancel()) {
                deal.promise.set_result(7);
                kept = true;
            }
        } catch (const InvalidStateError&) {
            kept = false;
        }
        spin_until([&] { return deal.futures[0].done(); });
        world.check(kept != deal.futures[0].cancelled(), "both kept and cancelled, or neither");
    });
    world.thread([&] { cancelled = deal.futures[0].cancel(); });
    world.thread([&] {
        victim = &current_task();
        deal.futures[1].add_done_callback([&](Future<int>& future) {
            world.check(future.done(), "the callback was called too early");
            ++called;
        });
        for (;;) {
            try {
                world.check(deal.futures[1].result() == 7, "the result is another");
                return;
            } catch (const CancelledError&) {
                return world.check(deal.futures[1].cancelled(), "a result was lost");
            } catch (const Cancelled&) {
                continue;
            }
        }
    });
    world.thread([&] { cancel(victim); });
    world.at_end([&] {
        world.check(deal.futures[2].cancelled() == cancelled, "cancel() said another thing than was done");
        world.check(called == 1, "the callback was not called once");
    });
}

// The promise is kept and dropped, or dropped unkept, while one waits, one looks for a while and one chains
// on; whoever lets go last frees the state.
template <bool Kept>
void dropped(World& world) {
    auto& deal = world.make<Deal>("deal");
    auto& alive = world.make<int>("alive", 0);
    const auto read = [&world](Future<int>&& future) {
        try {
            world.check(std::move(future).result() == 8 && Kept, "the result is another");
        } catch (const BrokenPromise&) {
            world.check(!Kept, "the result was lost");
        }
    };
    world.thread([&] {
        Promise<int> promise = std::move(deal.promise);
        if (Kept) promise.set_result(7);
    });
    world.thread([&] {
        Future<int> future = std::move(deal.futures[0]);
        if (!future.wait_for(world.after(1) - world.now())) return;
        world.check(future.done(), "a wait ended although nothing was done");
    });
    world.thread([&, read] {
        Future<int> future = std::move(deal.futures[1]);
        read(future.then([token = Token(alive)](int& result) { return result + 1; }));
    });
    world.thread([&] {
        Future<int> future = std::move(deal.futures[2]);
        // An lvalue's: the other thread reads it too.
        try {
            world.check(future.result() == 7 && Kept, "the result is another");
        } catch (const BrokenPromise&) {
            world.check(!Kept, "the result was lost");
        }
    });
    world.at_end([&] { world.check(alive == 0, "a function was never destroyed"); });
}

// What follows from a result is cancelled while it is made, before or after. The thread that makes it is not
// hit.
void then_cancelled(World& world) {
    auto& deal = world.make<Deal>("deal");
    auto& alive = world.make<int>("alive", 0);
    auto& made = world.make<int>("made", 0);
    auto& derived = world.make<Future<int>>("derived", deal.futures[0].then([&, token = Token(alive)](int&) {
        ++made;
        check_cancelled();
        return 8;
    }));
    world.thread([&] {
        deal.promise.set_result(7);
        world.check(!current_task().take_cancel(), "a call's cancel has hit the thread that made it");
    });
    world.thread([&] {
        try {
            world.check(derived.result() == 8 && made == 1, "the result is another");
        } catch (const CancelledError&) {
            world.check(derived.cancelled(), "a result was lost");
        }
    });
    world.thread([&] { derived.cancel(); });
    world.at_end([&] { world.check(alive == 0, "a function was never destroyed"); });
}

// A cancel of what follows from a result by way of another future reaches it wherever it is: before its
// function is called, in it, or as a cancel of that future.
void followed_cancelled(World& world) {
    auto& source = world.make<Deal>("source");
    auto& inner = world.make<Deal>("inner");
    auto& derived = world.make<Future<int>>(
        "derived", source.futures[0].then([&](int&) { return std::move(inner.futures[0]); }));
    auto& asked = world.make<Atomic<bool>>("asked", false);
    auto& called = world.make<Atomic<bool>>("called", false);
    world.thread([&] {
        source.promise.set_result(7);
        called = true;
        world.check(!current_task().take_cancel(), "a call's cancel has hit the thread that made it");
    });
    world.thread([&] {
        world.check(derived.cancel(), "what is not done cannot be cancelled");
        asked = true;
    });
    world.thread([&] {
        spin_until([&] { return asked.load() && called.load(); });
        try {
            inner.promise.set_result(8);
        } catch (const InvalidStateError&) {
            return world.check(inner.futures[1].cancelled(), "a promise was refused its result");
        }
    });
    world.thread([&] {
        derived.wait();
        world.check(derived.cancelled(), "a cancel was lost between a call and the future it gave");
    });
}

// Holds the call for the scenario's own threads to make.
class Hand final : public Executor {
public:
    std::optional<Call> call;
    void shutdown(bool, bool) override {}

private:
    void submit_call(Call&& given) override { call.emplace(std::move(given)); }
};

// Of two cancels, one of the call and one of the thread that makes it, the thread keeps its own.
void call_cancelled(World& world) {
    auto& hand = world.make<Hand>("hand");
    auto& never_set = world.make<Event>("event");
    auto& runner = world.make<Atomic<Task*>>("runner", nullptr);
    auto& sent = world.make<Atomic<int>>("sent", 0);
    auto& future = world.make<Future<void>>("future", hand.submit([&] {
        never_set.wait_until(world.after(1));
        check_cancelled();
    }));
    world.thread([&] {
        runner = &current_task();
        (*hand.call)();
        hand.call.reset();
        spin_until([&] { return sent.load() == 2; });
        world.check(future.done(), "a call was made and is not done");
        world.check(current_task().take_cancel(), "a thread's own cancel was lost in a call that it made");
        world.check(!current_task().take_cancel(), "a call's cancel has hit the thread that made it");
    });
    world.thread([&] {
        future.cancel();
        ++sent;
    });
    world.thread([&] {
        spin_until([&] { return runner.load() != nullptr; });
        runner.load()->cancel();
        ++sent;
    });
}

// Each future comes once, as soon as it is done; who has seen enough leaves nothing behind in the others.
template <std::size_t Wanted>
void completed(World& world) {
    struct Deals {
        std::array<Promise<int>, 3> promises;
        std::vector<Future<int>> futures;
        Deals() {
            for (auto& promise : promises) futures.push_back(promise.future());
        }
    };
    auto& deals = world.make<Deals>("deals");
    auto& victim = world.make<Victim>("victim", nullptr);
    world.thread([&] {
        victim = &current_task();
        unsigned seen = 0;
        std::size_t count = 0;
        // What as_completed() makes, but where the model sees that it is touched no more.
        struct Range {
            World& world;
            Completed<int>& completed;
            ~Range() { world.destroy(completed); }
        };
        const auto look = [&] {
            const Range range{world, world.make<Completed<int>>("range", deals.futures, never)};
            for (auto& future : range.completed) {
                const unsigned bit = 1U << (&future - deals.futures.data());
                world.check(future.done() && (seen & bit) == 0, "a future came twice, or was not done");
                seen |= bit;
                if (++count == Wanted) return;
            }
        };
        for (;;) {
            try {
                return look();
            } catch (const Cancelled&) {
                seen = 0;
                count = 0;
            }
        }
    });
    world.thread([&] {
        deals.promises[0].set_result(0);
        deals.promises[1].set_exception(Error("no"));
    });
    world.thread([&] {
        if (!deals.futures[2].cancel()) deals.promises[2].set_result(2);
        cancel(victim);
    });
}

// wait() returns when what was asked for has come, or the time has passed; and sorts by what is so then.
template <ReturnWhen When>
void wait_for_some(World& world) {
    struct Deals {
        std::array<Promise<int>, 2> promises;
        std::vector<Future<int>> futures;
        Deals() {
            for (auto& promise : promises) futures.push_back(promise.future());
        }
    };
    auto& deals = world.make<Deals>("deals");
    const auto look = [&](std::chrono::nanoseconds timeout) {
        const auto result = wait(deals.futures, {.return_when = When, .timeout = timeout});
        return result.done.size() == 2 || (When != ReturnWhen::all_completed && !result.done.empty());
    };
    world.thread([&, look] {
        const bool came = look(world.after(1) - world.now());
        world.check(came || world.now() >= world.after(1), "a wait ended for nothing");
    });
    world.thread([&, look] {
        world.check(look(std::chrono::nanoseconds::max()), "a wait ended for nothing");
        if (When != ReturnWhen::first_exception) return;
        // The one that fails ends the wait by itself, the other does not.
        world.check(deals.futures[1].done(), "a wait for a failure has ended before it");
    });
    world.thread([&] { deals.promises[0].set_result(1); });
    world.thread([&] { deals.promises[1].set_exception(Error("no")); });
}

}  // namespace

void add_future_scenarios(std::vector<Scenario>& all) {
    all.insert(all.end(), {{"future.pending_cancelled", kept_or_cancelled<false>},
                           {"future.running_cancelled", kept_or_cancelled<true>},
                           {"future.kept", dropped<true>, 1},
                           {"future.broken", dropped<false>, 1},
                           {"future.then_cancelled", then_cancelled},
                           {"future.followed_cancelled", followed_cancelled},
                           {"future.call_cancelled", call_cancelled, 1},
                           {"future.as_completed", completed<3>},
                           {"future.as_completed_left", completed<1>},
                           {"future.wait_first", wait_for_some<ReturnWhen::first_completed>, 1},
                           {"future.wait_exception", wait_for_some<ReturnWhen::first_exception>, 1},
                           {"future.wait_all", wait_for_some<ReturnWhen::all_completed>, 1}});
}

}  // namespace thrum::internal::model
