// thrum/threads/internal/model/pool_scenarios.cpp: floor 1, threads
// What ThreadPoolExecutor and Timer promise, with the real runtime and real fibers.
#include <thrum/base/errors.hpp>
#include <thrum/threads/event.hpp>
#include <thrum/threads/internal/model/explore.hpp>
#include <thrum/threads/internal/model/parts.hpp>
#include <thrum/threads/thread_pool_executor.hpp>
#include <thrum/threads/timer.hpp>

namespace thrum::internal::model {

namespace {

ThreadPoolOptions pool_of(int most, std::function<void()> initializer = {}) {
    return {.max_workers = most, .thread_name_prefix = "pool", .initializer = std::move(initializer)};
}

// Every call is made once, by threads that come and go, and whoever waits for it wakes.
template <int Most>
void calls(World& world) {
    world.workers(Most);
    auto& made = world.make<std::array<Atomic<int>, 3>>("made");
    world.thread([&] {
        ThreadPoolExecutor pool(pool_of(Most));
        std::array<Future<void>, 3> futures;
        for (std::size_t i = 0; i < futures.size(); ++i) {
            futures[i] = pool.submit([&made, i] { ++made[i]; });
        }
        futures[1].result();
        world.check(made[1].load() == 1, "a call is done that was not made");
    });
    world.at_end([&] {
        for (const auto& count : made) world.check(count.peek() == 1, "a call was not made once");
    });
}

// The threads of a pool with an initializer sleep between calls: a submit wakes one, a shutdown all.
void sleeping_threads(World& world) {
    world.workers(1);
    auto& initialized = world.make<Atomic<int>>("initialized", 0);
    auto& made = world.make<Atomic<int>>("made", 0);
    world.thread([&] {
        ThreadPoolExecutor pool(pool_of(2, [&] { ++initialized; }));
        pool.submit([&] { ++made; }).result();
        auto second = pool.submit([&] { ++made; });
        pool.submit([&] { ++made; }).result();
        second.result();
    });
    world.at_end([&] {
        world.check(made.peek() == 3, "a call was not made once");
        world.check(initialized.peek() <= 2, "more threads were started than there may be");
    });
}

// Calls that come while the pool shuts down are made, cancelled or refused; cancels of single ones race too.
template <bool Stays>
void shut_down(World& world) {
    world.workers(1);
    struct Shared {
        std::optional<ThreadPoolExecutor> pool;
        Atomic<bool> ready = false;
        Atomic<bool> closed = false;
        Atomic<int> made = 0;
    };
    auto& shared = world.make<Shared>("shared");
    world.thread([&] {
        shared.pool.emplace(pool_of(1, Stays ? [] {} : std::function<void()>()));
        shared.ready = true;
        int refused = 0;
        int cancelled = 0;
        int done = 0;
        for (int i = 0; i < 3; ++i) {
            try {
                auto future = shared.pool->submit([&] { ++shared.made; });
                if (i == 0) future.cancel();
                try {
                    future.result();
                    ++done;
                } catch (const CancelledError&) {
                    ++cancelled;
                }
            } catch (const ExecutorShutDown&) {
                ++refused;
            }
        }
        // A cancel of a call that runs already ends none of its waits, for it has none.
        world.check(done + cancelled + refused == 3 && shared.made.load() == done, "a call was lost");
        spin_until([&] { return shared.closed.load(); });
        shared.pool.reset();
    });
    world.thread([&] {
        spin_until([&] { return shared.ready.load(); });
        shared.pool->shutdown(false, true);
        shared.closed = true;
    });
}

// A pool whose threads cannot begin ends all calls with that, and takes no more.
template <int Most>
void initializer_fails(World& world) {
    world.workers(1);
    auto& attempts = world.make<Atomic<int>>("attempts", 0);
    world.thread([&] {
        ThreadPoolExecutor pool(pool_of(Most, [&] {
            if (++attempts == Most) throw Error("no");
        }));
        Atomic<int> made = 0;
        int refused = 0;
        std::array<Future<void>, 3> futures;
        for (auto& future : futures) {
            try {
                future = pool.submit([&] { ++made; });
            } catch (const BrokenThreadPool&) {
                ++refused;
            }
        }
        for (auto& future : futures) {
            try {
                if (future.valid()) future.result();
            } catch (const BrokenThreadPool&) {
                ++refused;
            }
        }
        world.check(made.load() + refused == 3, "a call did not end once");
    });
}

// Where calls take a while and the runners share a worker, one is replaced by a new one, which may begin on
// the other worker.
void handed_over(World& world) {
    world.workers(2);
    auto& made = world.make<Atomic<int>>("made", 0);
    world.thread([&] {
        ThreadPoolExecutor pool(pool_of(2));
        std::array<Future<void>, 4> futures;
        for (auto& future : futures) {
            future = pool.submit([&] {
                ++made;
                yield();
            });
        }
        for (auto& future : futures) future.result();
    });
    world.at_end([&] { world.check(made.peek() == 4, "a call was not made once"); });
}

// A call waits for one that came after it and lies in the same runner's batch: another takes that.
void taken_from_a_batch(World& world) {
    world.workers(1);
    auto& event = world.make<Event>("event");
    auto& made = world.make<Atomic<int>>("made", 0);
    world.thread([&] {
        ThreadPoolExecutor pool(pool_of(2));
        const auto count = [&] { ++made; };
        pool.submit(count);
        pool.submit(count);
        pool.submit([&] { event.wait(); });
        pool.submit([&] { event.set(); }).result();
    });
    world.at_end([&] { world.check(made.peek() == 2, "a call was not made once"); });
}

// The function runs, or cancel() has said that it never will; never early, and never both.
void timer_cancelled(World& world) {
    world.workers(1);
    auto& ran = world.make<Atomic<int>>("ran", 0);
    world.thread([&] {
        Timer timer(ThreadOptions{}, world.after(1), [&] {
            world.check(world.now() >= world.after(1), "a timer's function was called early");
            ++ran;
        });
        const bool cancelled = timer.cancel();
        world.check(!cancelled || !timer.cancel(), "a timer was cancelled twice");
        timer.join();
        world.check(ran.load() == (cancelled ? 0 : 1), "the function ran though cancelled, or did not");
    });
}

// Two threads start timers while the keeper of all of them begins, sleeps, is made to look again for an
// earlier one, and ends.
void two_timers(World& world) {
    world.workers(1);
    auto& ran = world.make<std::array<Atomic<int>, 2>>("ran");
    for (std::size_t i = 0; i < 2; ++i) {
        world.thread([&world, &ran, i] {
            Timer timer(ThreadOptions{}, world.after(i == 0 ? 30 : 1), [&ran, i] { ++ran[i]; });
            timer.join();
            // Whatever else waits is no reason to be late.
            world.check(i == 0 || world.now() < world.after(10), "a timer waited for a later one");
            world.check(ran[i].load() == 1, "join() returned before the function had");
        });
    }
}

// One after another: each finds the keeper of the last one about to end.
void timer_after_timer(World& world) {
    world.workers(1);
    auto& ran = world.make<Atomic<int>>("ran", 0);
    world.thread([&] {
        for (int i = 0; i < 2; ++i) Timer(ThreadOptions{}, world.now(), [&] { ++ran; }).join();
    });
    world.at_end([&] { world.check(ran.peek() == 2, "a function was not called once"); });
}

// A timer that goes out of scope is cancelled, or its thread is, and nothing of it is left.
void timer_out_of_scope(World& world) {
    world.workers(1);
    auto& never_set = world.make<Event>("event");
    auto& inside = world.make<Atomic<int>>("inside", 0);
    world.thread([&] {
        {
            const Timer timer(ThreadOptions{}, world.after(1), [&] {
                ++inside;
                try {
                    never_set.wait();
                } catch (const Cancelled&) {
                    --inside;
                    throw;
                }
            });
            inside.load();  // its time may come here
        }
        world.check(inside.load() == 0, "the function still runs");
        world.destroy(never_set);
    });
}

// One that is detached runs on its own, whichever comes first.
void timer_detached(World& world) {
    world.workers(1);
    auto& ran = world.make<Event>("event");
    world.thread([&] {
        Timer(ThreadOptions{}, world.after(1), [&] {
            sleep_until(world.after(2));  // which a cancel would end
            ran.set();
        }).detach();
        ran.wait();
    });
}

}  // namespace

void add_pool_scenarios(std::vector<Scenario>& all) {
    all.insert(all.end(), {{"pool.calls.1", calls<1>},
                           {"pool.calls.2", calls<2>},
                           {"pool.sleeping_threads", sleeping_threads},
                           {"pool.shut_down", shut_down<false>},
                           {"pool.shut_down_sleeping", shut_down<true>},
                           {"pool.initializer_fails.1", initializer_fails<1>},
                           {"pool.initializer_fails.2", initializer_fails<2>},
                           {"pool.handed_over", handed_over, 2},
                           {"pool.taken_from_a_batch", taken_from_a_batch},
                           {"timer.cancelled", timer_cancelled, 1},
                           {"timer.two", two_timers, 2},
                           {"timer.after_timer", timer_after_timer},
                           {"timer.out_of_scope", timer_out_of_scope, 1},
                           {"timer.detached", timer_detached, 1}});
}

}  // namespace thrum::internal::model
