// thrum/threads/barrier.cpp: floor 1, threads
// A round ends for all at one point: under the Spin, every waiter is taken out and told its outcome. One
// whose deadline or cancel came a moment earlier finds that outcome, and breaks nothing: where all have come,
// it comes through with them.
#include <thrum/threads/barrier.hpp>

#include <utility>

namespace thrum {

using internal::SpinGuard;
using internal::Task;
using internal::Wake;

struct Barrier::Arrival : internal::Waiter {
    using Waiter::Waiter;
    Outcome outcome = Outcome::open;
};

namespace {

std::size_t checked(std::ptrdiff_t parties) {
    if (parties < 1) throw Error("cannot make a barrier of fewer than 1 parties");
    return static_cast<std::size_t>(parties);
}

}  // namespace

Barrier::Barrier(std::ptrdiff_t parties, BarrierOptions options)
    : parties_(checked(parties)), options_(std::move(options)) {}

std::size_t Barrier::wait_until(Deadline deadline) {
    SpinGuard guard(spin_);
    while (acting_) {
        if (wait_in(late_, guard, deadline) == Outcome::broken) throw_broken(guard);
    }
    if (broken_) throw_broken(guard);
    const std::size_t place = count_++;
    if (count_ < parties_) {
        if (wait_in(waiters_, guard, deadline) == Outcome::broken) throw_broken(guard);
        return place;
    }
    if (options_.action) act(guard);
    end_round(Outcome::passed);
    return place;
}

// Called with the guard held and returns so; what it throws, it throws without.
Barrier::Outcome Barrier::wait_in(internal::WaitList& list, SpinGuard& guard, Deadline deadline) {
    Task& task = internal::current_task();
    Arrival arrival(task);
    task.arm(false, {list.kind(), this});
    list.push_back(arrival);
    guard.unlock();
    const Wake how = task.park(internal::effective_deadline(task, deadline));
    guard.lock(spin_);
    if (arrival.outcome == Outcome::open) {
        list.remove(arrival);
        // One that came while an action ran is of no round yet: all of that round have come.
        const bool late = &list == &late_;
        if (!late) {
            broken_ = true;
            end_round(Outcome::broken);
        }
        guard.unlock();
        internal::settle(how, task, deadline);
        throw BrokenBarrierError(
            late ? "gave up waiting at a barrier for the action of the round before: timed out"
                 : "gave up waiting at a barrier for the others, and broke it: timed out");
    }
    if (how == Wake::cancelled && arrival.outcome == Outcome::passed && &list == &waiters_) {
        task.cancel();  // for its next wait: the others have come through, so it must
    } else if (how == Wake::cancelled) {
        guard.unlock();
        internal::settle(how, task, deadline);
    }
    return arrival.outcome;
}

// By the last one of a round, with the guard held, and so it returns; what it throws, it throws without.
void Barrier::act(SpinGuard& guard) {
    const std::uint64_t round = round_;
    acting_ = true;
    guard.unlock();
    try {
        options_.action();
    } catch (...) {
        guard.lock(spin_);
        if (round == round_) {
            broken_ = true;
            end_round(Outcome::broken);
        }
        guard.unlock();
        throw;
    }
    guard.lock(spin_);
    if (round != round_) throw_broken(guard);
}

void Barrier::end_round(Outcome outcome) noexcept {
    ++round_;
    count_ = 0;
    acting_ = false;
    end_waits(waiters_, outcome);
    end_waits(late_, outcome);
}

void Barrier::end_waits(internal::WaitList& list, Outcome outcome) noexcept {
    while (internal::Waiter* const waiter = list.front()) {
        Task* const task = waiter->task;
        static_cast<Arrival*>(waiter)->outcome = outcome;
        list.remove(*waiter);
        // It passes through the Spin before it returns, so it is there until then.
        if (task->claim(Wake::notified)) task->wake();
    }
}

void Barrier::throw_broken(SpinGuard& guard) {
    guard.unlock();
    throw BrokenBarrierError(
        "cannot wait at this barrier: it was broken, by abort(), by a wait that ended early or by its "
        "action, or reset "
        "under those that waited; reset() makes it whole");
}

void Barrier::abort() noexcept {
    const SpinGuard guard(spin_);
    broken_ = true;
    end_round(Outcome::broken);
}

void Barrier::reset() noexcept {
    const SpinGuard guard(spin_);
    broken_ = false;
    end_round(Outcome::broken);
}

std::size_t Barrier::n_waiting() const noexcept {
    const SpinGuard guard(spin_);
    return count_;
}

bool Barrier::broken() const noexcept {
    const SpinGuard guard(spin_);
    return broken_;
}

}  // namespace thrum
