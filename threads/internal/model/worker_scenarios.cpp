// thrum/threads/internal/model/worker_scenarios.cpp: floor 1, threads
// The worker that goes to sleep, its inbox, its nursery and its timers, with the real runtime and real
// fibers.
#include <thrum/base/errors.hpp>
#include <thrum/threads/event.hpp>
#include <thrum/threads/internal/fiber.hpp>
#include <thrum/threads/internal/fiber_start.hpp>
#include <thrum/threads/internal/model/access.hpp>
#include <thrum/threads/internal/model/explore.hpp>
#include <thrum/threads/lock.hpp>
#include <thrum/threads/queue.hpp>
#include <thrum/threads/thread.hpp>

#include <mutex>

namespace thrum::internal::model {

namespace {

// A fiber started from outside runs, and who joins it wakes: the worker is going to sleep all the while.
template <int Workers>
void start_and_join(World& world) {
    world.workers(Workers);
    auto& ran = world.make<int>("ran", 0);
    world.thread([&] {
        for (int i = 0; i < 2; ++i) Thread([&] { ++ran; }).join();
    });
    world.at_end([&] { world.check(ran == 2, "a fiber did not run"); });
}

// Two plain threads start fibers at once, which no worker may run twice or forget.
void start_from_two_sides(World& world) {
    world.workers(2);
    auto& ran = world.make<Atomic<int>>("ran", 0);
    for (int i = 0; i < 2; ++i) {
        world.thread([&] {
            Thread one([&] { ++ran; });
            Thread two([&] { ++ran; });
            one.join();
            two.join();
        });
    }
    world.at_end([&] { world.check(ran.peek() == 4, "a fiber did not run, or ran twice"); });
}

// A parked fiber is woken from outside: into the inbox of a worker that may be about to sleep.
template <int Workers>
void woken_from_outside(World& world) {
    world.workers(Workers);
    auto& event = world.make<Event>("event");
    auto& answer = world.make<Event>("answer");
    world.thread([&] {
        Thread fiber([&] {
            event.wait();
            answer.set();
        });
        answer.wait();
        fiber.join();
    });
    world.thread([&] { event.set(); });
}

// Fibers of one worker start others, which the idle worker takes over; each runs once.
void taken_over(World& world) {
    world.workers(2);
    auto& ran = world.make<std::array<int, 3>>("ran");
    world.thread([&] {
        Thread([&] {
            Thread children[] = {Thread([&] { ++ran[0]; }), Thread([&] { ++ran[1]; }),
                                 Thread([&] { ++ran[2]; })};
            for (Thread& child : children) child.join();
        }).join();
    });
    world.at_end([&] {
        for (const int count : ran) world.check(count == 1, "a fiber did not run once");
    });
}

// Fibers, on one worker or two, and a plain thread meet in one lock while one of them is cancelled.
template <int Workers>
void mixed_lock(World& world) {
    struct Shared {
        Lock lock;
        Atomic<int> visits = 0;
        int inside = 0;
    };
    world.workers(Workers);
    auto& shared = world.make<Shared>("lock");
    const auto visit = [&world, &shared] {
        for (;;) {
            try {
                const std::unique_lock<Lock> guard(shared.lock);
                world.check(shared.inside++ == 0, "two threads hold the lock at once");
                ++shared.visits;
                --shared.inside;
                return;
            } catch (const Cancelled&) {
                continue;
            }
        }
    };
    world.thread([visit] {
        Thread one(visit);
        Thread two(visit);
        two.cancel();
        visit();
        one.join();
        two.join();
    });
    world.at_end([&] {
        // A fiber that was cancelled before it ever ran visits all the same.
        world.check(shared.visits.peek() == 3 && !shared.lock.locked(), "an entry or the lock was lost");
    });
}

// A sleeping fiber is woken by its deadline or by a cancel, by whichever comes first, and once.
void fiber_deadline_or_cancel(World& world) {
    world.workers(1);
    auto& ended = world.make<int>("ended", 0);
    world.thread([&] {
        Thread fiber([&] {
            try {
                sleep_until(world.after(1));
            } catch (const Cancelled&) {
                ++ended;
            }
            // Nothing of the first wait is left to end the second.
            Event never_set;
            world.check(!never_set.wait_until(world.after(3)) || ended > 1, "a wait ended for nothing");
            ended += 10;
        });
        fiber.cancel();
        try {
            fiber.join();
        } catch (const Cancelled&) {
            world.check(false, "the wrong thread was cancelled");
        }
    });
    world.at_end([&] { world.check(ended % 10 <= 1, "one cancel ended two waits"); });
}

// A queue between two workers' fibers: every item crosses once, every sleeper is woken.
void crossing(World& world) {
    world.workers(2);
    auto& items = world.make<Queue<int>>("queue", 1u);
    auto& sum = world.make<int>("sum", 0);
    world.thread([&] {
        Thread putter([&] {
            for (int i = 1; i <= 3; ++i) items.put(i);
        });
        Thread getter([&] {
            for (int i = 1; i <= 3; ++i) sum += *items.get();
        });
        putter.join();
        getter.join();
    });
    world.at_end([&] { world.check(sum == 6, "an item was lost or doubled"); });
}

// New fibers are put into the inbox of a worker that seems to sleep, and taken back where it does not, along
// with one that was woken there: each runs once.
void offered(World& world) {
    world.workers(2);
    auto& ran = world.make<Atomic<int>>("ran", 0);
    auto& event = world.make<Event>("event");
    const auto offer = [&world, &ran](std::size_t to) {
        Fiber* const fiber = make_fiber({.name = {}, .stack_size = default_stack_size}, sizeof(void*), 8);
        ::new (closure_of(fiber)) Atomic<int>*(&ran);
        fiber->run = [](void* closure) { ++**static_cast<Atomic<int>**>(closure); };
        StackHeader::of(fiber->stack).publish(2);
        ModelAccess::workers(world.runtime())[to]->offer(*fiber);
        return fiber;
    };
    world.thread([&, offer] {
        Thread woken([&] {
            event.wait();
            ++ran;
        });
        for (const std::size_t to : {0U, 1U}) {
            Fiber* const fiber = offer(to);
            fiber->wait_finished(never, true);
            fiber->release();
        }
        woken.join();
    });
    world.thread([&] { event.set(); });
    world.at_end([&] { world.check(ran.peek() == 3, "a fiber did not run once"); });
}

// A Thread that goes out of scope is cancelled and joined wherever it is, even before it began.
void out_of_scope(World& world) {
    world.workers(1);
    auto& event = world.make<Event>("event");
    world.thread([&] {
        Thread one([&] { event.wait(); });
        Thread two([&] { event.wait(); });
    });
}

}  // namespace

void add_worker_scenarios(std::vector<Scenario>& all) {
    all.insert(all.end(), {{"worker.start_and_join.1", start_and_join<1>},
                           {"worker.start_and_join.2", start_and_join<2>},
                           {"worker.start_from_two_sides", start_from_two_sides},
                           {"worker.woken_from_outside.1", woken_from_outside<1>},
                           {"worker.woken_from_outside.2", woken_from_outside<2>},
                           {"worker.taken_over", taken_over},
                           {"worker.mixed_lock.1", mixed_lock<1>},
                           {"worker.mixed_lock.2", mixed_lock<2>},
                           {"worker.deadline_or_cancel", fiber_deadline_or_cancel, 1},
                           {"worker.crossing", crossing},
                           {"worker.offered", offered},
                           {"worker.out_of_scope", out_of_scope}});
}

}  // namespace thrum::internal::model
