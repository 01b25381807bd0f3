// thrum/threads/internal/model/lock_scenarios.cpp: floor 1, threads
// What Lock and the wait's own word promise, as small programs for the model.
#include <thrum/base/errors.hpp>
#include <thrum/threads/internal/fiber.hpp>
#include <thrum/threads/internal/model/explore.hpp>
#include <thrum/threads/internal/model/parts.hpp>
#include <thrum/threads/internal/nursery.hpp>
#include <thrum/threads/internal/spin.hpp>
#include <thrum/threads/lock.hpp>
#include <thrum/threads/thread.hpp>

namespace thrum::internal::model {

namespace {

struct Shared {
    Lock lock;
    Room room;
};

void free_in_the_end(World& world, Shared& shared, int visits) {
    world.at_end([&world, &shared, visits] {
        world.check(visits < 0 || shared.room.visits() == visits, "an entry was lost");
        world.check(!shared.lock.locked(), "the lock was lost: nobody holds it, but it is not free");
        world.check(shared.lock.try_lock(), "the free lock cannot be taken");
        shared.lock.unlock();
    });
}

// Takes it as often as asked, whatever the cancels: each is caught and the lock is tried again.
void enter(World& world, Shared& shared, int times) {
    while (times > 0) {
        try {
            shared.lock.lock();
        } catch (const Cancelled&) {
            continue;
        }
        shared.room.visit(world);
        shared.lock.unlock();
        --times;
    }
}

template <int Threads, int Times>
void exclusion(World& world) {
    auto& shared = world.make<Shared>("lock");
    for (int i = 0; i < Threads; ++i) world.thread([&] { enter(world, shared, Times); });
    free_in_the_end(world, shared, Threads * Times);
}

// A cancel and a hand-over race for the same waiter.
void cancelled_waiter(World& world) {
    auto& shared = world.make<Shared>("lock");
    auto& victim = world.make<Task*>("victim", nullptr);
    world.thread([&] {
        victim = &current_task();
        enter(world, shared, 2);
    });
    world.thread([&] { enter(world, shared, 2); });
    world.thread([&] {
        enter(world, shared, 1);
        if (victim != nullptr) victim->cancel();
    });
    free_in_the_end(world, shared, 5);
}

// Waiters give up in the middle, at the head and at the tail of the queue.
void expiring_waiters(World& world) {
    auto& shared = world.make<Shared>("lock");
    for (int i = 0; i < 3; ++i) {
        world.thread([&world, &shared, i] {
            const bool got = shared.lock.try_lock_until(i == 0 ? never : world.after(1));
            world.check(got || i != 0, "a wait without a deadline has expired");
            if (!got) return;
            shared.room.visit(world);
            shared.lock.unlock();
        });
    }
    free_in_the_end(world, shared, -1);
}

// One greedy thread passes over a waiter, which is then handed the lock while it is cancelled.
void handed_over_and_cancelled(World& world) {
    auto& shared = world.make<Shared>("lock");
    auto& meek = world.make<Task*>("meek", nullptr);
    world.thread([&] { enter(world, shared, 3); });
    world.thread([&] {
        meek = &current_task();
        enter(world, shared, 1);
    });
    world.thread([&] {
        if (meek != nullptr) meek->cancel();
        if (meek != nullptr) meek->cancel();
    });
    free_in_the_end(world, shared, 4);
}

// Whoever comes last frees the lock as soon as it has unlocked it; the one before may still be in unlock().
void freed_after_unlock(World& world) {
    struct Counted {
        Lock lock;
        int users = 3;
    };
    auto& counted = world.make<Counted>("lock");
    for (int i = 0; i < 3; ++i) {
        world.thread([&] {
            counted.lock.lock();
            const bool last = --counted.users == 0;
            counted.lock.unlock();
            if (last) world.destroy(counted);
        });
    }
}

// A shielded wait takes the lock in spite of a cancel, which the next wait then gets.
void shielded(World& world) {
    auto& shared = world.make<Shared>("lock");
    auto& victim = world.make<Task*>("victim", nullptr);
    auto& cancels = world.make<int>("cancels", 0);
    world.thread([&] {
        victim = &current_task();
        shared.lock.lock_shielded();
        shared.room.visit(world);
        shared.lock.unlock();
    });
    world.thread([&] { enter(world, shared, 2); });
    world.thread([&] {
        if (victim == nullptr) return;
        victim->cancel();
        ++cancels;
    });
    free_in_the_end(world, shared, 3);
    world.at_end([&] {
        world.check(victim->take_cancel() == (cancels == 1), "the cancel was lost, or came from nowhere");
    });
}

// Each cancel() ends one wait, none is lost and none counts twice.
void cancels_are_counted(World& world) {
    auto& victim = world.make<Atomic<Task*>>("victim", nullptr);
    auto& sent = world.make<Atomic<int>>("sent", 0);
    world.thread([&] {
        victim = &current_task();
        for (int ended = 0; ended < 4; ++ended) {
            try {
                sleep_until(never);
                world.check(false, "a wait for nothing came to its end");
            } catch (const Cancelled&) {
                world.check(ended < sent.load(), "more waits were cancelled than there were cancels");
            }
        }
        world.check(!current_task().take_cancel(), "a cancel is left over");
    });
    for (int i = 0; i < 2; ++i) {
        world.thread([&] {
            while (victim.load() == nullptr) pause();
            for (int round = 0; round < 2; ++round) {
                ++sent;
                victim.load()->cancel();
            }
        });
    }
}

// A deadline and a cancel race for one wait; the wait after it is whole again.
void deadline_or_cancel(World& world) {
    auto& victim = world.make<Task*>("victim", nullptr);
    auto& cancelled = world.make<int>("cancelled", 0);
    auto& sent = world.make<int>("sent", 0);
    world.thread([&] {
        victim = &current_task();
        for (int i = 1; i <= 2; ++i) {
            try {
                sleep_until(world.after(i));
            } catch (const Cancelled&) {
                ++cancelled;
            }
        }
    });
    world.thread([&] {
        if (victim == nullptr) return;
        victim->cancel();
        ++sent;
    });
    world.at_end([&] {
        const bool left = victim != nullptr && victim->take_cancel();
        world.check(cancelled + (left ? 1 : 0) == sent, "the cancel was lost or delivered twice");
    });
}

// The lock inside every primitive lets one in at a time.
void spin(World& world) {
    struct Guarded {
        Spin spin;
        Room room;
    };
    auto& guarded = world.make<Guarded>("spin");
    for (int i = 0; i < 3; ++i) {
        world.thread([&] {
            for (int round = 0; round < 2; ++round) {
                SpinGuard guard(guarded.spin);
                guarded.room.visit(world);
            }
        });
    }
    world.at_end([&] { world.check(guarded.room.visits() == 6, "an entry was lost"); });
}

// What a worker puts into its nursery is taken once, by it or by thieves, also where the ring goes round.
void nursery(World& world) {
    constexpr int fibers = 3;
    auto& ring = world.make<Nursery>("nursery");
    auto& taken = world.make<std::array<int, fibers>>("taken");
    // Their addresses are all that the ring knows of fibers.
    struct alignas(Fiber) StandIn {
        std::array<char, sizeof(Fiber)> bytes;
    };
    static std::array<StandIn, fibers> stand_ins;
    const auto take = [&] {
        Fiber* const fiber = ring.take();
        if (fiber == nullptr) return false;
        const auto index = reinterpret_cast<StandIn*>(fiber) - stand_ins.data();
        world.check(index >= 0 && index < fibers, "something was taken that nobody pushed");
        ++taken[static_cast<std::size_t>(index)];
        return true;
    };
    for (int i = 0; i < 255; ++i) {  // so that the last place is reached, then the first
        ring.push(reinterpret_cast<Fiber&>(stand_ins[0]));
        ring.take();
    }
    world.thread([&, take] {
        for (StandIn& stand_in : stand_ins) ring.push(reinterpret_cast<Fiber&>(stand_in));
        while (take()) {
        }
    });
    for (int i = 0; i < 2; ++i) {
        world.thread([&, take] {
            take();
            take();
        });
    }
    world.at_end([&] {
        for (const int count : taken) world.check(count == 1, "a fiber was lost, or taken twice");
    });
}

}  // namespace

void add_lock_scenarios(std::vector<Scenario>& all) {
    all.insert(all.end(), {{"lock.two", exclusion<2, 2>},
                           {"lock.three", exclusion<3, 2>},
                           {"lock.four", exclusion<4, 1>},
                           {"lock.cancelled_waiter", cancelled_waiter},
                           {"lock.expiring_waiters", expiring_waiters, 1},
                           {"lock.handed_over_and_cancelled", handed_over_and_cancelled},
                           {"lock.freed_after_unlock", freed_after_unlock},
                           {"lock.shielded", shielded},
                           {"task.cancels_are_counted", cancels_are_counted},
                           {"task.deadline_or_cancel", deadline_or_cancel, 2},
                           {"spin", spin},
                           {"nursery", nursery}});
}

}  // namespace thrum::internal::model
