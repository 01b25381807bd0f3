// thrum/threads/internal/model/select_scenarios.cpp: floor 1, threads
// What select promises, as small programs for the model: one word in several wait lists.
#include <thrum/base/errors.hpp>
#include <thrum/threads/event.hpp>
#include <thrum/threads/internal/model/explore.hpp>
#include <thrum/threads/internal/model/parts.hpp>
#include <thrum/threads/promise.hpp>
#include <thrum/threads/select.hpp>
#include <thrum/threads/thread.hpp>

namespace thrum::internal::model {

namespace {

using namespace std::chrono_literals;

struct Pair {
    Queue<int> left;
    Queue<int> right;
    explicit Pair(std::size_t room = 0) : left(room), right(room) {}
};

// As many items as takers, who all look at both queues: a select that is told of one item and takes another
// passes the first on. One of them is cancelled meanwhile.
template <int Takers>
void two_queues(World& world) {
    auto& queues = world.make<Pair>("queues");
    auto& victim = world.make<Victim>("victim", nullptr);
    auto& got = world.make<std::array<int, 4>>("got");
    for (int i = 0; i < Takers; ++i) {
        world.thread([&queues, &victim, &got, i] {
            if (i == 0) victim = &current_task();
            const auto keep = [&](int item) { ++got[static_cast<std::size_t>(item)]; };
            for (;;) {
                try {
                    select(on_get(queues.left, keep), on_get(queues.right, keep));
                    return;
                } catch (const Cancelled&) {
                    continue;
                }
            }
        });
    }
    world.thread([&] {
        queues.left.put(0);
        if (Takers > 2) queues.left.put(2);
    });
    world.thread([&] {
        queues.right.put(1);
        cancel(victim);
    });
    world.at_end([&] {
        for (std::size_t i = 0; i < Takers; ++i) world.check(got[i] == 1, "an item was lost or doubled");
    });
}

// One who waits for one queue alone is told of an item that a select was told of first, and left. The select
// finds the other queue ready on its way into the lists, or is woken by it.
void beside_a_getter(World& world) {
    auto& queues = world.make<Pair>("queues");
    world.thread([&] {
        select(on_get(queues.left, [&](int item) { queues.left.put(item); }),  // the other's: given back
               on_get(queues.right, [](int) {}));
    });
    world.thread([&] { queues.left.get(); });
    world.thread([&] { queues.right.put(1); });
    world.thread([&] { queues.left.put(2); });
    world.at_end([&] { world.check(!queues.left.try_get(), "an item was doubled"); });
}

// A queue, a future and a time at once, with a cancel: whatever comes first is done alone, and nothing is
// lost of the rest. The item that the select's deadline has won over is the other getter's.
void future_and_timer(World& world) {
    auto& items = world.make<Queue<int>>("queue");
    auto& promise = world.make<Promise<int>>("promise");
    auto& future = world.make<Future<int>>("future", promise.future());
    auto& victim = world.make<Victim>("victim", nullptr);
    auto& got = world.make<int>("got", 0);
    world.thread([&] {
        victim = &current_task();
        bool item = false;
        bool done = false;
        bool late = false;
        while (!done || !(item || late)) {
            try {
                int called = 0;
                select(
                    on_get(items, [&](int) { item = true, ++got, ++called; }).when(!item && !late),
                    on_done(future, [&](Future<int>& source) { done = source.done(), ++called; }).when(!done),
                    after(world.after(1) - world.now(), [&] { late = true, ++called; }).when(!late));
                world.check(called == 1, "not one case was done");
                world.check(!late || world.now() >= world.after(1), "a time came early");
            } catch (const Cancelled&) {
                continue;
            }
        }
    });
    world.thread([&] {
        if (items.get()) ++got;
    });
    world.thread([&] {
        items.put(1);
        items.put(2);
    });
    world.thread([&] {
        promise.set_result(1);
        cancel(victim);
    });
    world.at_end([&] {
        while (items.try_get()) ++got;
        world.check(got == 2, "an item was lost or doubled");
    });
}

// Selects that put and get through queues with room for one, beside a plain putter and getters.
void puts_and_gets(World& world) {
    auto& queues = world.make<Pair>("queues", 1u);
    auto& put = world.make<int>("put", 0);
    auto& got = world.make<int>("got", 0);
    queues.left.put(0);
    world.thread([&] {
        for (int i = 0; i < 2; ++i) {
            select(on_put(queues.left, 1, [&] { ++put; }), on_put(queues.right, 1, [&] { ++put; }));
        }
    });
    world.thread([&] {
        queues.left.put(1);
        ++put;
    });
    world.thread([&] {
        for (int i = 0; i < 3; ++i) {
            select(on_get(queues.left, [&](int) { ++got; }), on_get(queues.right, [&](int) { ++got; }));
        }
    });
    world.at_end([&] {
        for (auto* const queue : {&queues.left, &queues.right}) {
            while (queue->try_get()) ++got;
        }
        world.check(put == 3 && got == 4, "an item was lost or doubled");
    });
}

// shutdown() ends a select's wait, which has its items all the same.
void shut_down(World& world) {
    auto& queues = world.make<Pair>("queues");
    auto& got = world.make<int>("got", 0);
    world.thread([&] {
        bool open = true;
        while (open) {
            select(on_get(queues.left,
                          [&](std::optional<int>&& item) { item ? void(++got) : void(open = false); }),
                   on_get(queues.right, [&](int) { ++got; }));
        }
    });
    world.thread([&] {
        queues.left.put(1);
        queues.left.shutdown();
    });
    world.thread([&] { queues.right.put(1); });
    world.at_end([&] {
        while (queues.right.try_get()) ++got;
        world.check(got == 2, "an item was lost or doubled");
    });
}

// The queues are freed by the select that got the last item.
void freed(World& world) {
    auto& queues = world.make<Pair>("queues");
    world.thread([&] {
        for (int i = 0; i < 2; ++i) select(on_get(queues.left, [](int) {}), on_get(queues.right, [](int) {}));
        world.destroy(queues);
    });
    world.thread([&] { queues.left.put(1); });
    world.thread([&] { queues.right.put(1); });
}

// A fiber that is told of an item while it finds another is not made to run twice.
void in_a_fiber(World& world) {
    world.workers(1);
    auto& queues = world.make<Pair>("queues");
    auto& event = world.make<Event>("event");
    world.thread([&] {
        Thread fiber([&] {
            for (int i = 0; i < 2; ++i)
                select(on_get(queues.left, [](int) {}), on_get(queues.right, [](int) {}));
            event.wait();  // which nothing but set() may end
            world.check(event.is_set(), "a wait ended for nothing");
        });
        fiber.join();
    });
    world.thread([&] { queues.left.put(1); });
    world.thread([&] {
        queues.right.put(1);
        event.set();
    });
}

}  // namespace

void add_select_scenarios(std::vector<Scenario>& all) {
    all.insert(all.end(), {{"select.two", two_queues<2>},
                           {"select.three", two_queues<3>},
                           {"select.beside_a_getter", beside_a_getter},
                           {"select.future_and_timer", future_and_timer, 1},
                           {"select.puts_and_gets", puts_and_gets},
                           {"select.shut_down", shut_down},
                           {"select.freed", freed},
                           {"select.in_a_fiber", in_a_fiber}});
}

}  // namespace thrum::internal::model
