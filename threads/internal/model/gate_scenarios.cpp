// thrum/threads/internal/model/gate_scenarios.cpp: floor 1, threads
// What SharedLock, RLock, Barrier and Once promise, as small programs for the model.
#include <thrum/base/errors.hpp>
#include <thrum/threads/barrier.hpp>
#include <thrum/threads/condition.hpp>
#include <thrum/threads/event.hpp>
#include <thrum/threads/internal/model/explore.hpp>
#include <thrum/threads/internal/model/parts.hpp>
#include <thrum/threads/once.hpp>
#include <thrum/threads/rlock.hpp>
#include <thrum/threads/shared_lock.hpp>

#include <mutex>

namespace thrum::internal::model {

namespace {

// A place for many readers or one writer.
struct Library {
    SharedLock lock;
    int readers = 0;
    int writers = 0;
    Atomic<int> visits = 0;

    void read(World& world) {
        ++readers;
        world.check(writers == 0, "a reader is in beside a writer");
        ++visits;
        world.check(writers == 0, "a writer came in beside a reader");
        --readers;
    }
    void write(World& world) {
        world.check(writers++ == 0 && readers == 0, "a writer is in beside others");
        ++visits;
        world.check(--writers == 0 && readers == 0, "others came in beside a writer");
    }
};

// Takes the lock whatever the cancels: each is caught and the lock is tried again.
template <class Take>
void insist(Take&& take) {
    for (;;) {
        try {
            return take();
        } catch (const Cancelled&) {
            continue;
        }
    }
}

void read(World& world, Library& library) {
    insist([&] { library.lock.lock_shared(); });
    library.read(world);
    library.lock.unlock_shared();
}

void write(World& world, Library& library) {
    insist([&] { library.lock.lock(); });
    library.write(world);
    library.lock.unlock();
}

void free_in_the_end(World& world, Library& library, int visits) {
    world.at_end([&world, &library, visits] {
        world.check(visits < 0 || library.visits.peek() == visits, "an entry was lost");
        world.check(!library.lock.locked() && library.lock.readers() == 0, "nobody is in, but it is held");
        world.check(library.lock.try_lock(), "the free lock cannot be taken");
        library.lock.unlock();
    });
}

// Two readers and two writers, one of each cancelled.
template <int Rounds>
void shared_lock(World& world) {
    auto& library = world.make<Library>("lock");
    auto& victims = world.make<std::array<Victim, 2>>("victims");
    for (std::size_t i = 0; i < 2; ++i) {
        world.thread([&world, &library, &victims, i] {
            if (i == 0) victims[0] = &current_task();
            for (int round = 0; round < Rounds; ++round) read(world, library);
        });
        world.thread([&world, &library, &victims, i] {
            if (i == 0) victims[1] = &current_task();
            write(world, library);
        });
    }
    world.thread([&] {
        for (const Victim& victim : victims) cancel(victim);
    });
    free_in_the_end(world, library, 2 * Rounds + 2);
}

// Readers and writers give up in the middle, at the head and at the tail of the lists.
void shared_lock_expiring(World& world) {
    auto& library = world.make<Library>("lock");
    for (int i = 0; i < 4; ++i) {
        world.thread([&world, &library, i] {
            const Deadline deadline = i < 2 ? world.after(1) : never;
            const bool reads = i % 2 == 0;
            const bool got =
                reads ? library.lock.try_lock_shared_until(deadline) : library.lock.try_lock_until(deadline);
            world.check(got || i < 2, "a wait without a deadline has expired");
            if (!got) return;
            reads ? library.read(world) : library.write(world);
            reads ? library.lock.unlock_shared() : library.lock.unlock();
        });
    }
    free_in_the_end(world, library, -1);
}

// A reader stays in until another comes, who may stand behind a writer: when that one gives up, by its
// deadline or a cancel, nobody is left to wait for.
template <bool Cancelled_>
void writer_gives_up(World& world) {
    auto& library = world.make<Library>("lock");
    auto& writer = world.make<Atomic<Task*>>("writer", nullptr);
    auto& second = world.make<Event>("second");
    world.thread([&] {
        library.lock.lock_shared();
        if (Cancelled_) writer.load() != nullptr ? writer.load()->cancel() : void();
        second.wait();
        library.lock.unlock_shared();
    });
    world.thread([&] {
        try {
            writer = &current_task();
            if (library.lock.try_lock_until(world.after(1))) {
                library.write(world);
                library.lock.unlock();
            }
        } catch (const Cancelled&) {
            return;
        }
    });
    world.thread([&] {
        library.lock.lock_shared();
        second.set();
        library.lock.unlock_shared();
    });
    free_in_the_end(world, library, -1);
}

// The readers that wait when a writer leaves go in together, whoever else waits: each stays until the other
// is in.
void readers_go_in_together(World& world) {
    auto& library = world.make<Library>("lock");
    auto& waiting = world.make<std::array<Atomic<Task*>, 3>>("waiting");
    auto& inside = world.make<Atomic<int>>("inside", 0);
    library.lock.lock();
    for (std::size_t i = 0; i < 3; ++i) {
        world.thread([&world, &library, &waiting, &inside, i] {
            waiting[i] = &current_task();
            if (i == 2) return write(world, library);
            library.lock.lock_shared();
            ++inside;
            spin_until([&inside] { return inside.load() == 2; });
            library.lock.unlock_shared();
        });
    }
    world.thread([&] {
        for (const auto& task : waiting) {
            spin_until([&task] { return task.load() != nullptr && task.load()->waiting(); });
        }
        library.lock.unlock();
    });
    free_in_the_end(world, library, 1);
}

// A reader that comes while a writer waits is let in after it.
void writer_goes_first(World& world) {
    auto& library = world.make<Library>("lock");
    auto& writer = world.make<Atomic<Task*>>("writer", nullptr);
    auto& waits = world.make<Atomic<bool>>("waits", false);
    auto& wrote = world.make<bool>("wrote", false);
    library.lock.lock_shared();
    world.thread([&] {
        writer = &current_task();
        library.lock.lock();
        wrote = true;
        library.lock.unlock();
    });
    world.thread([&] {
        spin_until([&] { return writer.load() != nullptr && writer.load()->waiting(); });
        world.check(!library.lock.try_lock_shared(), "a reader goes in before the writer that waits");
        waits = true;
        library.lock.unlock_shared();
    });
    world.thread([&] {
        spin_until([&] { return waits.load(); });
        library.lock.lock_shared();
        world.check(wrote, "a reader was let in before the writer that waited");
        library.lock.unlock_shared();
    });
    free_in_the_end(world, library, -1);
}

// The writer that finds that all the others have come frees the lock; they may still be on their way out.
void shared_lock_freed(World& world) {
    struct Counted {
        SharedLock lock;
        Atomic<int> users = 2;
    };
    auto& counted = world.make<Counted>("lock");
    for (int i = 0; i < 2; ++i) {
        world.thread([&] {
            counted.lock.lock_shared();
            --counted.users;
            counted.lock.unlock_shared();
        });
    }
    world.thread([&] {
        for (bool last = false; !last;) {
            counted.lock.lock();
            last = counted.users.load() == 0;
            counted.lock.unlock();
            if (!last) pause();
        }
        world.destroy(counted);
    });
}

// Its owner goes in and out at will; nobody else does meanwhile, nor while it waits for a Condition it is
// cancelled at.
void rlock(World& world) {
    struct Store {
        RLock lock;
        Condition changed;
        Room room;
        bool ready = false;
    };
    auto& store = world.make<Store>("store");
    auto& victim = world.make<Victim>("victim", nullptr);
    world.thread([&] {
        victim = &current_task();
        insist([&] {
            std::unique_lock<RLock> outer(store.lock);
            std::unique_lock<RLock> inner(store.lock);
            store.changed.wait(inner, [&] { return store.ready; });
            inner.unlock();
            world.check(store.lock.owned(), "the inner unlock() has let go of the lock");
            store.room.visit(world);
        });
    });
    for (int i = 0; i < 2; ++i) {
        world.thread([&world, &store, &victim, i] {
            const std::unique_lock<RLock> outer(store.lock);
            {
                const std::unique_lock<RLock> inner(store.lock);
                store.room.visit(world);
            }
            if (i == 0) cancel(victim);
            store.ready = true;
            store.changed.notify_one();
        });
    }
    world.at_end([&] {
        world.check(store.room.visits() == 3 && !store.lock.locked(), "an entry or the lock was lost");
    });
}

// What came of a wait at a barrier.
enum class End { none, passed, broken, timed_out, cancelled, threw };

struct ActionFailed {};

End wait_at(Barrier& barrier, Deadline deadline = never) {
    try {
        barrier.wait_until(deadline);
        return End::passed;
    } catch (const BrokenBarrierError&) {
        return End::broken;
    } catch (const TimeoutError&) {
        return End::timed_out;
    } catch (const Cancelled&) {
        return End::cancelled;
    } catch (const ActionFailed&) {
        return End::threw;
    }
}

// Nobody begins round n + 1 before all have come to round n, and each has a place of its own.
void barrier_rounds(World& world) {
    auto& barrier = world.make<Barrier>("barrier", 3);
    auto& came = world.make<std::array<Atomic<int>, 2>>("came");
    auto& places = world.make<std::array<int, 2>>("places");
    for (int i = 0; i < 3; ++i) {
        world.thread([&] {
            for (std::size_t round = 0; round < 2; ++round) {
                ++came[round];
                places[round] |= 1 << barrier.wait();
                world.check(came[round].load() == 3, "one came through before all had come");
            }
        });
    }
    world.at_end([&] {
        for (const int taken : places) world.check(taken == 0b111, "two had the same place");
    });
}

// All come through or none, though one is cancelled, or late, while the others come.
template <bool Late>
void barrier_broken(World& world) {
    auto& barrier = world.make<Barrier>("barrier", 3);
    auto& victim = world.make<Victim>("victim", nullptr);
    auto& ends = world.make<std::array<End, 3>>("ends");
    for (std::size_t i = 0; i < 3; ++i) {
        world.thread([&world, &barrier, &victim, &ends, i] {
            if (i == 0) victim = &current_task();
            ends[i] = wait_at(barrier, Late && i == 0 ? world.after(1) : never);
        });
    }
    if (!Late) world.thread([&] { cancel(victim); });
    world.at_end([&] {
        const auto passed = std::count(ends.begin(), ends.end(), End::passed);
        world.check(passed == 0 || passed == 3, "some came through, others did not");
        world.check(barrier.broken() == (passed == 0), "the barrier does not know that it is broken");
        world.check(barrier.n_waiting() == 0, "somebody is counted who does not wait");
    });
}

// abort() and reset() end the waits of those that are there, in the midst of the action too, and those that
// come again pass together.
void barrier_reset(World& world) {
    auto& whole = world.make<Atomic<bool>>("whole", false);
    BarrierOptions options;
    options.action = [&] { whole.load(); };
    auto& barrier = world.make<Barrier>("barrier", 2, options);
    for (int i = 0; i < 2; ++i) {
        world.thread([&] {
            while (wait_at(barrier) != End::passed) spin_until([&] { return whole.load(); });
        });
    }
    world.thread([&] {
        barrier.abort();
        barrier.reset();
        whole = true;
    });
    world.at_end([&] { world.check(!barrier.broken(), "the barrier is broken although it was reset"); });
}

// The action runs alone, before any of its round go on; those that come meanwhile are of the next round. One
// that throws breaks the barrier for all but those of the rounds before.
template <int ThrowsAt>
void barrier_action(World& world) {
    struct Action {
        Room room;
        int begun = 0;
        int done = 0;
    };
    auto& action = world.make<Action>("action");
    auto& ends = world.make<std::array<int, 6>>("ends");
    BarrierOptions options;
    options.action = [&] {
        ++action.begun;
        action.room.visit(world);
        if (action.begun == ThrowsAt) throw ActionFailed();
        ++action.done;
    };
    auto& barrier = world.make<Barrier>("barrier", 2, options);
    for (int i = 0; i < 4; ++i) {
        world.thread([&] {
            const End end = wait_at(barrier);
            ++ends[static_cast<std::size_t>(end)];
            world.check(end != End::passed || action.done > 0, "one came through before the action");
        });
    }
    world.at_end([&] {
        constexpr int passed = ThrowsAt == 0 ? 4 : 2 * ThrowsAt - 2;
        world.check(ends[static_cast<std::size_t>(End::passed)] == passed, "not all of a round came through");
        world.check(ends[static_cast<std::size_t>(End::threw)] == (ThrowsAt == 0 ? 0 : 1),
                    "the action's exception was lost");
    });
}

// Freed by whoever comes through last.
void barrier_freed(World& world) {
    auto& barrier = world.make<Barrier>("barrier", 2);
    auto& left = world.make<Atomic<int>>("left", 2);
    for (int i = 0; i < 2; ++i) {
        world.thread([&] {
            barrier.wait();
            if (--left == 0) world.destroy(barrier);
        });
    }
}

// Done by one, though the first attempt throws and one that waits is cancelled.
void once(World& world) {
    struct Deed {
        Once once;
        Room room;
        int attempts = 0;
        int done = 0;
    };
    auto& deed = world.make<Deed>("once");
    auto& victim = world.make<Victim>("victim", nullptr);
    for (int i = 0; i < 3; ++i) {
        world.thread([&world, &deed, &victim, i] {
            if (i == 0) victim = &current_task();
            const auto attempt = [&] {
                deed.room.visit(world);
                if (++deed.attempts == 1) throw ActionFailed();
                ++deed.done;
            };
            try {
                insist([&] { deed.once.call(attempt); });
                world.check(deed.done == 1, "a call returned before it was done");
            } catch (const ActionFailed&) {
                return;
            }
        });
    }
    world.thread([&] { cancel(victim); });
    world.at_end([&] { world.check(deed.done == 1 && deed.attempts == 2, "it was not done once"); });
}

}  // namespace

void add_gate_scenarios(std::vector<Scenario>& all) {
    all.insert(all.end(), {{"shared_lock.one_round", shared_lock<1>},
                           {"shared_lock.two_rounds", shared_lock<2>},
                           {"shared_lock.expiring", shared_lock_expiring, 1},
                           {"shared_lock.writer_expires", writer_gives_up<false>, 1},
                           {"shared_lock.writer_cancelled", writer_gives_up<true>},
                           {"shared_lock.readers_go_in_together", readers_go_in_together},
                           {"shared_lock.writer_goes_first", writer_goes_first},
                           {"shared_lock.freed", shared_lock_freed},
                           {"rlock", rlock},
                           {"barrier.rounds", barrier_rounds},
                           {"barrier.cancelled", barrier_broken<false>},
                           {"barrier.late", barrier_broken<true>, 1},
                           {"barrier.reset", barrier_reset},
                           {"barrier.action", barrier_action<0>},
                           {"barrier.action_throws_first", barrier_action<1>},
                           {"barrier.action_throws_second", barrier_action<2>},
                           {"barrier.freed", barrier_freed},
                           {"once", once}});
}

}  // namespace thrum::internal::model
