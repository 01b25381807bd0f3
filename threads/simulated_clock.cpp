// thrum/threads/simulated_clock.cpp: floor 1, threads
#include <thrum/base/errors.hpp>
#include <thrum/threads/internal/clock.hpp>
#include <thrum/threads/internal/runtime.hpp>
#include <thrum/threads/internal/simulated_time.hpp>
#include <thrum/threads/simulated_clock.hpp>

#include <algorithm>
#include <chrono>
#include <random>
#include <utility>
#include <vector>

namespace thrum {

namespace internal {

namespace {

using RealClock = std::chrono::steady_clock;

constexpr auto latest = std::chrono::milliseconds(1);  // that a seed makes it
// A plain thread might miss being woken between looking at the clock and falling asleep, so it looks again.
constexpr auto nap = std::chrono::milliseconds(1);

// The next full 2^50 ns, 13 days: wheels that start there place and round all deadlines alike, whenever a
// test runs.
Deadline beginning() noexcept {
    constexpr int bits = 50;
    const std::int64_t real = std::chrono::nanoseconds(RealClock::now().time_since_epoch()).count();
    return Deadline(std::chrono::nanoseconds(((real >> bits) + 1) << bits));
}

// Never destroyed: a worker may still be on its way out of it when the simulation has ended.
class Simulation final : public SimulatedTime {
public:
    static Simulation& get() {
        static auto* const instance = new Simulation;
        return *instance;
    }

    bool begin(std::uint64_t seed) {
        Runtime& runtime = Runtime::get();
        {
            SpinGuard guard(spin_);
            if (on_) return false;
            on_ = true;
            seeded_ = seed != 0;
            random_.seed(seed);
            time_ = beginning();
            flows_ = false;
            jumps_ = 0;
            owner_ = &current_task();
            owner_rests_ = false;
            workers_.clear();
            for (const auto& worker : runtime.workers()) workers_.push_back({worker.get(), never, false});
        }
        set_clock([]() noexcept { return get().now(); });
        simulated_time.store(this);
        // Those asleep come by and lie down again, here.
        for (const auto& worker : runtime.workers()) worker->nudge();
        return true;
    }

    void end() noexcept {
        simulated_time.store(nullptr);
        set_clock(nullptr);
        {
            SpinGuard guard(spin_);
            on_ = false;
            owner_ = nullptr;
        }
        // Their wheels go back to the real time.
        for (const auto& worker : Runtime::get().workers()) worker->nudge();
    }

    Deadline now() noexcept {
        SpinGuard guard(spin_);
        return look();
    }
    std::uint64_t jumps() noexcept {
        SpinGuard guard(spin_);
        return jumps_;
    }

    Deadline rest(Worker& worker, Deadline until) noexcept override {
        SpinGuard guard(spin_);
        for (Resting& own : workers_) {
            if (own.worker != &worker) continue;
            own.until = until;
            own.rests = true;
            pass(&worker);
            if (!own.rests) return Deadline::min();
        }
        return until;
    }

    void rise(Worker& worker) noexcept override {
        SpinGuard guard(spin_);
        stand_still();
        for (Resting& own : workers_) {
            if (own.worker == &worker) own.rests = false;
        }
    }

    Deadline rest(Task& task, Deadline until) noexcept override {
        SpinGuard guard(spin_);
        sleepers_.push_back({&task, until});
        if (&task == owner_) owner_rests_ = true;
        pass(nullptr);
        const Deadline soon = look() + nap;
        return std::min(until, soon);
    }

    void rise(Task& task) noexcept override {
        SpinGuard guard(spin_);
        std::erase_if(sleepers_, [&task](const Sleeper& sleeper) { return sleeper.task == &task; });
        if (&task == owner_) owner_rests_ = false;
        if (!task.waiting()) stand_still();
    }

    void leave(Task* task) noexcept override {
        SpinGuard guard(spin_);
        ++real_waits_;
        if (task == owner_ && task != nullptr) owner_rests_ = true;
        pass(nullptr);
    }

    void come_back(Task* task) noexcept override {
        SpinGuard guard(spin_);
        stand_still();
        --real_waits_;
        if (task == owner_ && task != nullptr) owner_rests_ = false;
    }

private:
    struct Resting {
        Worker* worker;
        Deadline until;
        bool rests;
    };
    struct Sleeper {
        Task* task;
        Deadline until;
    };

    Deadline look() const noexcept { return flows_ ? time_ + (RealClock::now() - since_) : time_; }

    void stand_still() noexcept {
        time_ = look();
        flows_ = false;
    }

    // Whoever was nudged or claimed runs, or is about to.
    bool all_rest() const noexcept {
        return (owner_ == nullptr || (owner_rests_ && owner_->waiting())) &&
               std::all_of(workers_.begin(), workers_.end(),
                           [](const Resting& each) { return each.rests && each.worker->asleep(); }) &&
               std::all_of(sleepers_.begin(), sleepers_.end(),
                           [](const Sleeper& each) { return each.task->waiting(); }) &&
               !Runtime::get().has_new_fibers();
    }

    // Lets time pass where all wait. `self` is the worker that asks; it need not be woken.
    void pass(const Worker* self) noexcept {
        if (!on_ || !all_rest()) return;
        if (real_waits_ > 0) {
            if (!flows_) since_ = RealClock::now();
            flows_ = true;
            return;
        }
        Deadline next = never;
        for (const Resting& each : workers_) next = std::min(next, each.until);
        for (const Sleeper& each : sleepers_) next = std::min(next, each.until);
        if (next == never) return;
        stand_still();
        if (next > time_) {
            time_ = next;
            ++jumps_;
            if (seeded_) {
                time_ += std::chrono::nanoseconds(random_() % std::chrono::nanoseconds(latest).count());
            }
        }
        for (Resting& each : workers_) {
            if (each.until > time_) continue;
            each.rests = false;
            if (each.worker != self) each.worker->nudge();
        }
        for (const Sleeper& each : sleepers_) {
            if (each.until <= time_) each.task->wake();
        }
    }

    Spin spin_;
    bool on_ = false;
    bool seeded_ = false;
    bool flows_ = false;  // with the real clock, since `since_`
    bool owner_rests_ = false;
    Deadline time_;
    Deadline since_;
    std::uint64_t jumps_ = 0;
    int real_waits_ = 0;
    Task* owner_ = nullptr;
    std::vector<Resting> workers_;
    std::vector<Sleeper> sleepers_;
    std::mt19937_64 random_;
};

}  // namespace

}  // namespace internal

using internal::Simulation;

SimulatedClock::SimulatedClock(std::uint64_t seed) {
    if (internal::current_task().is_fiber()) {
        throw Error("cannot simulate the clock from a thread of thrum; do it in main or in the test itself");
    }
    if (!Simulation::get().begin(seed)) {
        throw Error("cannot simulate the clock twice at once; end the other SimulatedClock first");
    }
}

SimulatedClock::~SimulatedClock() { Simulation::get().end(); }

Deadline SimulatedClock::now() const noexcept { return Simulation::get().now(); }

std::uint64_t SimulatedClock::jumps() const noexcept { return Simulation::get().jumps(); }

}  // namespace thrum
