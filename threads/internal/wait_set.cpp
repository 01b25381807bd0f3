// thrum/threads/internal/wait_set.cpp: floor 1, threads
// Locks are taken in the order future, set; the set's own thread holds neither while it takes the other.
#include <thrum/threads/internal/wait_set.hpp>

namespace thrum::internal {

WaitSet::~WaitSet() {
    for (Watch& watch : watches_) {
        // Through the future's Spin in any case: a finisher may be in finished() this moment.
        watch.core->unwatch(watch);
        watch.core->release();
    }
}

void WaitSet::add(FutureCore& core) noexcept {
    Watch& watch = watches_.emplace_back();
    watch.set = this;
    watch.core = &core;
    watch.index = watches_.size() - 1;
    core.retain();
    core.watch(watch);
}

void WaitSet::finished(Watch& watch, bool failed) noexcept {
    SpinGuard guard(spin_);
    (last_done_ != nullptr ? last_done_->next_done : first_done_) = &watch;
    last_done_ = &watch;
    ++done_;
    failed_ |= failed;
    if (satisfied()) waiters_.wake_all();
}

std::optional<std::size_t> WaitSet::next(Deadline deadline) {
    if (!wait(taken_ + 1, false, deadline)) return std::nullopt;
    SpinGuard guard(spin_);
    Watch& watch = *first_done_;
    first_done_ = watch.next_done;
    if (first_done_ == nullptr) last_done_ = nullptr;
    ++taken_;
    return watch.index;
}

bool WaitSet::wait(std::size_t count, bool or_failure, Deadline deadline) {
    SpinGuard guard(spin_);
    wanted_ = count;
    wants_failure_ = or_failure;
    if (satisfied()) return true;
    Task& task = current_task();
    return settle(wait_on(waiters_, spin_, guard, task, deadline), task, deadline);
}

}  // namespace thrum::internal
