// thrum/threads/local_test.cpp: floor 1, threads
// Local: every thread its own value, made at first use and destroyed at the thread's end, whoever ends first.
#include <thrum/base/errors.hpp>
#include <thrum/threads.hpp>

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace thrum {
namespace {

using namespace std::chrono_literals;

// Counts its live objects, so that a value that is lost or destroyed twice shows.
struct Counted {
    explicit Counted(std::atomic<int>& live) : live_(live) { ++live_; }
    ~Counted() { --live_; }
    Counted(const Counted&) = delete;  // values need neither copies nor moves
    std::atomic<int>& live_;
};

// Every thread, of every kind, sees its own value only, across waits too.
TEST(Local, EachThreadHasItsOwn) {
    Local<int> local([] { return 100; });
    *local = 1;
    const auto body = [&](int number) {
        EXPECT_EQ(local.get_if(), nullptr);
        EXPECT_EQ(*local, 100);
        *local = number;
        for (int i = 0; i < 100; ++i) {
            yield();
            ASSERT_EQ(*local, number);
            ASSERT_EQ(&local.get(), local.get_if());
        }
    };
    TaskGroup group;
    std::vector<std::thread> plain;
    for (int i = 0; i < 20; ++i) group.start(body, i);
    for (int i = 0; i < 4; ++i) plain.emplace_back(body, 1000 + i);
    group.wait();
    for (std::thread& thread : plain) thread.join();
    EXPECT_EQ(*local, 1);
}

// A thread's values are gone when join() returns.
TEST(Local, ValuesEndWithTheirThread) {
    std::atomic<int> live = 0;
    Local<Counted> local([&] { return Counted(live); });
    for (int round = 0; round < 200; ++round) {
        Thread fiber([&] { local.get(); });
        std::thread plain([&] { local.get(); });
        fiber.join();
        plain.join();
        ASSERT_EQ(live, 0);
    }
}

// As C++'s thread_locals: the newest first; and what destructors make is destroyed before the rest.
TEST(Local, NewestFirst) {
    std::string order;
    Local<int> late;
    struct Named {
        std::string& order;
        char name;
        Local<int>* uses;
        ~Named() {
            if (uses != nullptr) **uses = 1;
            order += name;
        }
    };
    std::array<std::unique_ptr<Local<Named>>, 3> locals;
    for (std::size_t i = 0; i < locals.size(); ++i) {
        const char name = static_cast<char>('a' + i);
        locals[i] = std::make_unique<Local<Named>>([&order, &late, name] {
            return Named{order, name, name == 'b' ? &late : nullptr};
        });
    }
    Thread thread([&] {
        locals[1]->get();
        locals[2]->get();
        locals[0]->get();
    });
    thread.join();
    EXPECT_EQ(order, "acb");
}

// The Local may go first: it takes every thread's value with it, and the threads' ends find nothing to do.
TEST(Local, TakesItsValuesAlong) {
    std::atomic<int> live = 0;
    auto local = std::make_unique<Local<Counted>>([&] { return Counted(live); });
    std::atomic<int> made = 0;
    Event gone;
    TaskGroup group;
    const auto body = [&] {
        local->get();
        ++made;
        gone.wait();
    };
    for (int i = 0; i < 10; ++i) group.start(body);
    std::thread plain(body);
    while (made.load() < 11) yield();
    EXPECT_EQ(live, 11);
    local.reset();
    EXPECT_EQ(live, 0);
    gone.set();
    group.wait();
    plain.join();
}

// Threads that end while the Local is being destroyed: each value is destroyed once, and before the
// destructor returns.
TEST(Local, EndsOfBothKindsMeet) {
    for (int round = 0; round < 500; ++round) {
        std::atomic<int> live = 0;
        auto local = std::make_unique<Local<Counted>>([&] { return Counted(live); });
        std::atomic<int> made = 0;
        std::vector<Thread> threads;
        for (int i = 0; i < 4; ++i) {
            threads.emplace_back([&] {
                local->get();
                ++made;
            });
        }
        std::thread plain([&] {
            local->get();
            ++made;
        });
        while (made.load() < 5) yield();
        local.reset();
        ASSERT_EQ(live, 0);
        for (Thread& thread : threads) thread.join();
        plain.join();
    }
}

// Thousands of Locals at once, and thousands one after the other, in one thread: each finds its own.
TEST(Local, ManyLocals) {
    std::vector<std::unique_ptr<Local<std::size_t>>> locals;
    for (std::size_t i = 0; i < 3000; ++i) {
        locals.push_back(std::make_unique<Local<std::size_t>>([i] { return i; }));
    }
    const auto use = [&] {
        for (std::size_t i = 0; i < locals.size(); ++i) ASSERT_EQ(locals[i]->get(), i);
        for (std::size_t i = 0; i < locals.size(); i += 3) locals[i]->reset();
        for (std::size_t i = 0; i < locals.size(); ++i) {
            ASSERT_EQ(locals[i]->get_if() == nullptr, i % 3 == 0);
            ASSERT_EQ(locals[i]->get(), i);
        }
    };
    Thread fiber(use);
    std::thread plain(use);
    fiber.join();
    plain.join();
    use();
    for (std::size_t i = 0; i < 10'000; ++i) {
        auto& place = locals[i % locals.size()];
        place = std::make_unique<Local<std::size_t>>([i] { return i; });
        ASSERT_EQ(place->get_if(), nullptr);
        ASSERT_EQ(place->get(), i);
    }
}

// reset() destroys the calling thread's value alone; the next use makes a new one.
TEST(Local, Reset) {
    std::atomic<int> live = 0;
    Local<Counted> local([&] { return Counted(live); });
    local.reset();
    local.get();
    Thread([&] { local.get(), local.reset(); }).join();
    EXPECT_EQ(live, 1);
    local.reset();
    EXPECT_EQ(live, 0);
    local.get();
    EXPECT_EQ(live, 1);
}

// An initialiser may fail and is tried again; one that needs its own Local is told so.
TEST(Local, InitialisersThatFail) {
    int calls = 0;
    Local<int> local([&]() -> int {
        if (++calls < 3) throw std::runtime_error("not yet");
        return calls;
    });
    EXPECT_THROW(local.get(), std::runtime_error);
    EXPECT_THROW(local.get(), std::runtime_error);
    EXPECT_EQ(local.get_if(), nullptr);
    EXPECT_EQ(local.get(), 3);
    EXPECT_EQ(local.get(), 3);

    Local<int>* self = nullptr;
    Local<int> circular([&] { return self->get() + 1; });
    self = &circular;
    EXPECT_THROW(circular.get(), Error);
    EXPECT_THROW(circular.get(), Error);
}

// An initialiser and a destructor may wait, and use other Locals.
TEST(Local, InitialisersAndDestructorsMayWait) {
    struct Slow {
        Slow() { sleep(1ms); }
        ~Slow() { sleep(1ms); }
    };
    Local<int> other([] { return 7; });
    Local<std::unique_ptr<Slow>> local([&] {
        EXPECT_EQ(*other, 7);
        return std::make_unique<Slow>();
    });
    TaskGroup group;
    for (int i = 0; i < 10; ++i) group.start([&] { EXPECT_NE(local.get(), nullptr); });
    group.wait();
}

// A destructor that makes its own value anew, for ever, is named.
TEST(LocalDeathTest, DestructorsWithoutEnd) {
    testing::FLAGS_gtest_death_test_style = "threadsafe";
    EXPECT_DEATH(
        {
            static Local<std::shared_ptr<void>>* local = nullptr;
            local = new Local<std::shared_ptr<void>>(
                [] { return std::shared_ptr<void>(nullptr, [](void*) { local->get(); }); });
            std::thread([] { local->get(); }).join();
        },
        "Local values make new ones without end");
}

}  // namespace
}  // namespace thrum
