// thrum/threads/internal/bound_call_test.cpp: floor 1, threads
// Whatever makes a call elsewhere takes the function and its arguments in the same way.
#include <thrum/threads.hpp>

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

namespace thrum {
namespace {

using namespace std::chrono_literals;

// Calls use(NAME, start) for each way to have function(arguments...) called elsewhere: start(function,
// arguments...) returns when that is over.
template <class Use>
void for_each_way(Use&& use) {
    use("Thread", []<class... Parts>(Parts&&... parts) { Thread(std::forward<Parts>(parts)...).join(); });
    use("Thread with options", []<class... Parts>(Parts&&... parts) {
        Thread(ThreadOptions{.name = "named"}, std::forward<Parts>(parts)...).join();
    });
    use("TaskGroup", []<class... Parts>(Parts&&... parts) {
        TaskGroup group;
        group.start(std::forward<Parts>(parts)...);
        group.wait();
    });
    use("Timer", []<class... Parts>(Parts&&... parts) { Timer(0ns, std::forward<Parts>(parts)...).join(); });
    use("submit", []<class... Parts>(Parts&&... parts) {
        ThreadPoolExecutor(1).submit(std::forward<Parts>(parts)...).result();
    });
    use("to_thread", []<class... Parts>(Parts&&... parts) { to_thread(std::forward<Parts>(parts)...); });
    use("to_thread_abandonable",
        []<class... Parts>(Parts&&... parts) { to_thread_abandonable(std::forward<Parts>(parts)...); });
}

struct Counted {
    explicit Counted(int& count) : copies(&count) {}
    Counted(const Counted& other) : copies(other.copies) { ++*copies; }
    Counted(Counted&&) noexcept = default;
    Counted& operator=(const Counted&) = delete;
    Counted& operator=(Counted&&) = delete;
    ~Counted() = default;
    int* copies;
};

// An lvalue is copied once, an rvalue moved; std::ref gives the thing itself.
TEST(BoundCall, ArgumentsAreCopiedOrMovedIn) {
    for_each_way([](const char* name, auto start) {
        SCOPED_TRACE(name);
        int copies = 0;
        Counted argument(copies);
        start([](Counted&&) {}, argument);
        EXPECT_EQ(copies, 1);
        start([](const Counted&) {}, std::move(argument));
        EXPECT_EQ(copies, 1);
        std::string text = "caller's";
        start([](std::string mine) { mine += " changed"; }, text);
        start([](std::string& same) { same += " own"; }, std::ref(text));
        EXPECT_EQ(text, "caller's own");
        start([](auto word) { static_assert(std::is_same_v<decltype(word), const char*>); }, "literal");
        auto owned = std::make_unique<int>(7);
        int seen = 0;
        start([&](std::unique_ptr<int> mine, int more) { seen = *mine + more; }, std::move(owned), 1);
        EXPECT_EQ(seen, 8);
        EXPECT_EQ(owned, nullptr);
    });
}

// So is the function; a call is made once, so it is called as an rvalue. Members are functions too.
TEST(BoundCall, FunctionsOfEveryKind) {
    struct Once {
        std::unique_ptr<int> owned;
        int* place;
        void operator()(int more) && { *place = *owned + more; }
    };
    struct Tank {
        int litres = 0;
        void fill(int more) { litres += more; }
    };
    for_each_way([](const char* name, auto start) {
        SCOPED_TRACE(name);
        int place = 0;
        start(Once{std::make_unique<int>(3), &place}, 4);
        EXPECT_EQ(place, 7);
        Tank tank;
        start(&Tank::fill, &tank, 5);
        start(&Tank::fill, std::ref(tank), 6);
        EXPECT_EQ(tank.litres, 11);
        int copies = 0;
        const auto kept = [counted = Counted(copies)] { static_cast<void>(counted); };
        start(kept);
        EXPECT_EQ(copies, 1);
        const auto throws = [](const std::string& what) { throw std::domain_error(what); };
        EXPECT_THROW(start(throws, "elsewhere"), std::domain_error);
    });
}

}  // namespace
}  // namespace thrum
