// thrum/threads/rlock.cpp: floor 1, threads
// The owner's id is compared with the caller's own, which no other thread can have put there, so a relaxed
// look is enough.
#include <thrum/threads/internal/misuse.hpp>
#include <thrum/threads/internal/task.hpp>
#include <thrum/threads/rlock.hpp>

#include <utility>

namespace thrum {

bool RLock::owned() const noexcept {
    return owner_.load(std::memory_order_relaxed) == internal::current_task().id;
}

bool RLock::enter_again() noexcept {
    if (!owned()) return false;
    ++depth_;
    return true;
}

void RLock::own() noexcept {
    owner_.store(internal::current_task().id, std::memory_order_relaxed);
    depth_ = 1;
}

void RLock::lock() {
    if (enter_again()) return;
    lock_.lock();
    own();
}

bool RLock::try_lock() noexcept {
    if (enter_again()) return true;
    if (!lock_.try_lock()) return false;
    own();
    return true;
}

bool RLock::try_lock_until(Deadline deadline) {
    if (enter_again()) return true;
    if (!lock_.try_lock_until(deadline)) return false;
    own();
    return true;
}

void RLock::lock_shielded() noexcept {
    if (enter_again()) return;
    lock_.lock_shielded();
    own();
}

void RLock::unlock() noexcept {
    check_owner("unlocks");
    if (--depth_ > 0) return;
    owner_.store(0, std::memory_order_relaxed);
    lock_.unlock();
}

void RLock::check_owner(const char* action) const noexcept {
    const std::uint64_t owner = owner_.load(std::memory_order_relaxed);
    if (owner == internal::current_task().id) return;
    if (owner == 0) internal::abort_misuse("%s an RLock that nobody holds", action);
    internal::abort_misuse("%s an RLock that thread %s holds: only its owner may", action,
                           internal::describe_thread(owner).c_str());
}

std::size_t RLock::release_all() noexcept {
    check_owner("waits on a Condition with");
    const std::size_t depth = std::exchange(depth_, 0);
    owner_.store(0, std::memory_order_relaxed);
    lock_.unlock();
    return depth;
}

void RLock::restore(std::size_t depth) noexcept {
    lock_.lock_shielded();
    own();
    depth_ = depth;
}

}  // namespace thrum
