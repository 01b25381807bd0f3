// thrum/threads/internal/model/wait_scenarios.cpp: floor 1, threads
// What Condition, Semaphore, Event and Queue promise, as small programs for the model.
#include <thrum/base/errors.hpp>
#include <thrum/threads/condition.hpp>
#include <thrum/threads/event.hpp>
#include <thrum/threads/internal/model/explore.hpp>
#include <thrum/threads/internal/model/parts.hpp>
#include <thrum/threads/queue.hpp>
#include <thrum/threads/semaphore.hpp>

#include <mutex>

namespace thrum::internal::model {

namespace {

// Two consumers, one of them cancelled, and as many items as takers: each notify reaches somebody who needs
// it.
template <bool Outside>
void condition(World& world) {
    struct Store {
        Lock lock;
        Condition available;
        int items = 0;
    };
    auto& store = world.make<Store>("store");
    auto& victim = world.make<Victim>("victim", nullptr);
    for (int i = 0; i < 2; ++i) {
        world.thread([&store, &victim, i] {
            if (i == 0) victim = &current_task();
            for (;;) {
                try {
                    std::unique_lock<Lock> guard(store.lock);
                    store.available.wait(guard, [&store] { return store.items > 0; });
                    --store.items;
                    return;
                } catch (const Cancelled&) {
                    continue;
                }
            }
        });
    }
    world.thread([&] {
        for (int i = 0; i < 2; ++i) {
            std::unique_lock<Lock> guard(store.lock);
            ++store.items;
            if (Outside) guard.unlock();
            store.available.notify_one();
        }
    });
    world.thread([&] { cancel(victim); });
    world.at_end([&] { world.check(store.items == 0, "an item was left or taken twice"); });
}

// A wait with a deadline says true exactly when a notify went to it: the other waiter gets what it did not.
void condition_deadline(World& world) {
    struct Store {
        Lock lock;
        Condition changed;
        int notified = 0;
        int waiting = 0;
    };
    auto& store = world.make<Store>("store");
    auto& useful = world.make<int>("useful", 0);
    for (int i = 0; i < 2; ++i) {
        world.thread([&world, &store] {
            std::unique_lock<Lock> guard(store.lock);
            ++store.waiting;
            if (store.changed.wait_until(guard, world.after(1))) ++store.notified;
            world.check(guard.owns_lock() && store.lock.locked(), "the wait ended without the lock");
            --store.waiting;
        });
    }
    world.thread([&] {
        const std::unique_lock<Lock> guard(store.lock);
        useful = store.waiting;
        store.changed.notify_all();
    });
    world.at_end(
        [&] { world.check(store.notified <= useful, "more waits were notified than were waiting"); });
}

// What is notified last may be freed by the thread that was waiting.
void condition_freed(World& world) {
    struct Store {
        Lock lock;
        Condition changed;
        bool ready = false;
    };
    auto& store = world.make<Store>("store");
    world.thread([&] {
        {
            std::unique_lock<Lock> guard(store.lock);
            store.changed.wait(guard, [&] { return store.ready; });
        }
        world.destroy(store);
    });
    world.thread([&] {
        const std::unique_lock<Lock> guard(store.lock);
        store.ready = true;
        store.changed.notify_one();
    });
}

// Permits are neither lost nor made, with a cancel and a deadline in the midst of the queue.
void semaphore(World& world) {
    auto& permits = world.make<Semaphore>("semaphore", 0u);
    auto& victim = world.make<Victim>("victim", nullptr);
    auto& taken = world.make<int>("taken", 0);
    world.thread([&] {
        victim = &current_task();
        try {
            permits.acquire();
            ++taken;
        } catch (const Cancelled&) {
            return;  // whatever was released is there for others
        }
    });
    world.thread([&] {
        if (permits.try_acquire_until(world.after(1))) ++taken;
    });
    world.thread([&] {
        permits.release();
        cancel(victim);
        permits.release(2);
    });
    world.at_end([&] {
        while (permits.try_acquire()) ++taken;
        world.check(taken == 3, "a permit was lost or doubled");
    });
}

// As many permits as takers, all of whom wait without end: each gets one.
void semaphore_all(World& world) {
    auto& permits = world.make<Semaphore>("semaphore", 1u);
    for (int i = 0; i < 3; ++i) {
        world.thread([&] {
            permits.acquire();
            permits.release();
        });
    }
    world.at_end([&] {
        world.check(permits.try_acquire() && !permits.try_acquire(), "a permit was lost or doubled");
    });
}

void semaphore_freed(World& world) {
    auto& permits = world.make<Semaphore>("semaphore", 0u);
    world.thread([&] {
        permits.acquire();
        world.destroy(permits);
    });
    world.thread([&] { permits.release(); });
}

// The event is freed as soon as its last waiter is through, perhaps while set() is on its way out.
void event_freed(World& world) {
    auto& event = world.make<Event>("event");
    auto& left = world.make<Atomic<int>>("left", 2);
    for (int i = 0; i < 2; ++i) {
        world.thread([&] {
            event.wait();
            if (--left == 0) world.destroy(event);
        });
    }
    world.thread([&] { event.set(); });
}

// Whoever is neither cancelled nor late is woken.
void event(World& world) {
    auto& event = world.make<Event>("event");
    auto& victim = world.make<Victim>("victim", nullptr);
    world.thread([&] {
        victim = &current_task();
        try {
            event.wait();
        } catch (const Cancelled&) {
            event.wait();
        }
    });
    world.thread([&] {
        if (!event.wait_until(world.after(1))) event.wait();
    });
    world.thread([&] {
        event.clear();
        event.set();
    });
    world.thread([&] { cancel(victim); });
    world.at_end([&] { world.check(event.is_set(), "the flag was lost"); });
}

// Everything put is got once, through a queue with room for one, while a putter and a getter are cancelled.
void queue(World& world) {
    auto& items = world.make<Queue<int>>("queue", 1u);
    auto& victims = world.make<std::array<Victim, 2>>("victims");
    auto& got = world.make<std::array<int, 4>>("got");
    for (int i = 0; i < 2; ++i) {
        world.thread([&items, &victims, i] {
            if (i == 0) victims[0] = &current_task();
            for (int item = 2 * i; item < 2 * i + 2;) {
                try {
                    items.put(item);
                    ++item;
                } catch (const Cancelled&) {
                    victims[0] = nullptr;
                }
            }
        });
        world.thread([&items, &victims, &got, i] {
            if (i == 0) victims[1] = &current_task();
            for (int count = 0; count < 2;) {
                try {
                    ++got[static_cast<std::size_t>(*items.get())];
                    ++count;
                } catch (const Cancelled&) {
                    victims[1] = nullptr;
                }
            }
        });
    }
    world.thread([&] {
        for (const Victim& victim : victims) cancel(victim);
    });
    world.at_end([&] {
        for (const int count : got) world.check(count == 1, "an item was lost or doubled");
    });
}

// A getter whose time is up has either the item or left it to the other.
void queue_deadline(World& world) {
    auto& items = world.make<Queue<int>>("queue");
    auto& got = world.make<int>("got", 0);
    world.thread([&] {
        const Timeout scope(world.after(1));
        try {
            if (items.get()) ++got;
        } catch (const TimeoutError&) {
            return;  // what comes now is for the other, or stays
        }
    });
    world.thread([&] {
        if (items.get()) ++got;
    });
    world.thread([&] {
        items.put(1);
        items.put(2);
    });
    world.at_end([&] {
        while (items.try_get()) ++got;
        world.check(got == 2, "an item was lost or doubled");
    });
}

// After shutdown() nobody waits, and what was put is still got.
void queue_shut_down(World& world) {
    auto& items = world.make<Queue<int>>("queue", 1u);
    auto& put = world.make<int>("put", 0);
    auto& got = world.make<int>("got", 0);
    world.thread([&] {
        try {
            for (int i = 0; i < 3; ++i) {
                items.put(i);
                ++put;
            }
        } catch (const QueueShutDown&) {
            return;
        }
    });
    world.thread([&] {
        while (items.get()) ++got;
    });
    world.thread([&] { items.shutdown(); });
    world.at_end([&] { world.check(put == got, "an item was lost or doubled"); });
}

// The queue is freed by whoever has got the last item.
void queue_freed(World& world) {
    auto& items = world.make<Queue<int>>("queue", 1u);
    world.thread([&] {
        items.get();
        items.get();
        world.destroy(items);
    });
    world.thread([&] {
        items.put(1);
        items.put(2);
    });
}

// join() returns when all that was put is done, and only then.
void queue_join(World& world) {
    auto& items = world.make<Queue<int>>("queue");
    auto& finished = world.make<Atomic<int>>("finished", 0);
    items.put(1);
    items.put(2);
    for (int i = 0; i < 2; ++i) {
        world.thread([&] {
            items.get();
            ++finished;
            items.task_done();
        });
    }
    world.thread([&] {
        items.join();
        world.check(finished.load() == 2, "join() returned before all was done");
    });
}

}  // namespace

void add_wait_scenarios(std::vector<Scenario>& all) {
    all.insert(all.end(), {{"condition.inside", condition<false>},
                           {"condition.outside", condition<true>},
                           {"condition.deadline", condition_deadline, 1},
                           {"condition.freed", condition_freed},
                           {"semaphore", semaphore, 1},
                           {"semaphore.all", semaphore_all},
                           {"semaphore.freed", semaphore_freed},
                           {"event", event, 1},
                           {"event.freed", event_freed},
                           {"queue", queue},
                           {"queue.deadline", queue_deadline, 1},
                           {"queue.shut_down", queue_shut_down},
                           {"queue.freed", queue_freed},
                           {"queue.join", queue_join}});
}

}  // namespace thrum::internal::model
