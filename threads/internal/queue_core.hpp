// thrum/threads/internal/queue_core.hpp: floor 1, threads
// What all queues share, whatever they hold: who waits, how many items there are, whether it was shut down.
#pragma once

#include <thrum/base/errors.hpp>
#include <thrum/threads/internal/wait_list.hpp>

#include <cstddef>

namespace thrum::internal {

struct QueueAccess;

class QueueCore {
public:
    QueueCore(const QueueCore&) = delete;
    QueueCore& operator=(const QueueCore&) = delete;

protected:
    enum class Look { ready, shut, not_yet };

    explicit QueueCore(std::size_t maximum) noexcept : maximum_(maximum) {}
    ~QueueCore() = default;

    // All below with `guard` held on spin_.
    bool has_room() const noexcept { return maximum_ == 0 || count_ < maximum_; }
    // True when there is room, with the guard still held; false when the deadline passed. Throws
    // QueueShutDown, and as waits do.
    bool await_room(SpinGuard& guard, Deadline deadline) {
        return (!shut_ && has_room()) || await_room_slowly(guard, deadline);
    }
    // As above; with `ready` and `shut` the guard is held.
    Look await_item(SpinGuard& guard, Deadline deadline) {
        return count_ > 0 ? Look::ready : await_item_slowly(guard, deadline);
    }
    // Lets go of the guard and wakes whom the change concerns.
    void one_more(SpinGuard& guard) noexcept {
        ++count_;
        ++unfinished_;
        wake_one_of(getters_, guard);
    }
    void one_less(SpinGuard& guard) noexcept {
        --count_;
        wake_one_of(putters_, guard);
    }
    // The wake-up that we had is for another: what it was about is still there.
    void pass_on_item(SpinGuard& guard) noexcept { wake_one_of(getters_, guard); }
    void pass_on_room(SpinGuard& guard) noexcept { wake_one_of(putters_, guard); }
    void shut(bool drained) noexcept;

    void finish_task();
    void await_all_finished();

    mutable Spin spin_;
    bool shut_ = false;
    const std::size_t maximum_;
    std::size_t count_ = 0;
    std::size_t unfinished_ = 0;

private:
    friend struct QueueAccess;

    bool await_room_slowly(SpinGuard& guard, Deadline deadline);
    Look await_item_slowly(SpinGuard& guard, Deadline deadline);
    bool wait_in(WaitList& list, SpinGuard& guard, Deadline deadline);
    static void wake_one_of(WaitList& list, SpinGuard& guard) noexcept {
        Task* const task = list.claim_one();
        guard.unlock();
        if (task != nullptr) task->wake();
    }

    WaitList getters_{"Queue.get"};
    WaitList putters_{"Queue.put"};
    WaitList joiners_{"Queue.join"};
};

}  // namespace thrum::internal
