// thrum/threads/internal/select.cpp: floor 1, threads
// The selecting thread arms its word once and then enters the wait list of each case. From the first list on
// a waker may claim it, so a case that turns out ready while it enters the others is done only where the word
// can be taken back; else the waker's news is awaited first.
#include <thrum/threads/internal/select_case.hpp>

#include <cstdint>

namespace thrum::internal {

namespace {

// Which of several ready cases is looked at first. An OS thread's own, so that threads do not meet here; its
// first value is the same in every run.
std::size_t draw(std::size_t options) noexcept {
#if defined(THRUM_MODEL)
    return model::draw(options);
#else
    constexpr std::uint64_t seed = 0x9e3779b97f4a7c15U;
    thread_local std::uint64_t state = seed;
    state ^= state << 13U;
    state ^= state >> 7U;
    state ^= state << 17U;
    return state % options;
#endif
}

void shuffle(std::size_t* order, std::size_t count) noexcept {
    for (std::size_t i = 0; i < count; ++i) {
        const std::size_t at = draw(i + 1);
        order[i] = order[at];
        order[at] = i;
    }
}

constexpr std::size_t none = SIZE_MAX;

}  // namespace

// The cases of one select, without those that are left out.
class Selection {
public:
    Selection(SelectCase* const* cases, std::size_t* order, std::size_t count) noexcept
        : cases_(cases), order_(order), count_(count) {
        shuffle(order, count);
    }

    // The number of the case that was ready and is done; none.
    std::size_t try_each() {
        for (std::size_t i = 0; i < count_; ++i) {
            SelectCase& tried = *cases_[order_[i]];
            bool done = false;
            try {
                done = tried.enabled_ && tried.try_now();
            } catch (...) {
                pass_on_but(&tried);  // the queue it came from has passed on its own
                throw;
            }
            if (!done) continue;
            pass_on_but(&tried);
            return order_[i];
        }
        return none;
    }

    // Wake::idle when a case was found ready instead.
    Wake wait(Task& task, Deadline deadline) noexcept {
        for (std::size_t i = 0; i < count_; ++i) cases_[i]->popped_ = false;
        task.arm(false, {"select", cases_});
        std::size_t listed = 0;
        bool ready = false;
        for (; listed < count_ && !ready; ++listed) {
            SelectCase& listing = *cases_[order_[listed]];
            if (listing.enabled_) ready = !listing.enlist(listing.waiter_.emplace(task));
        }
        Wake how = Wake::idle;
        if (!ready || !task.interrupt(Wake::idle)) how = task.park(effective_deadline(task, deadline));
        for (std::size_t i = 0; i < listed; ++i) {
            SelectCase& left = *cases_[order_[i]];
            if (!left.enabled_) continue;
            const bool popped = left.withdraw(*left.waiter_);
            left.popped_ = popped && how == Wake::notified;
        }
        return how;
    }

private:
    // One of those popped has claimed us; which of them cannot be told, and a wake-up too many does no harm.
    void pass_on_but(const SelectCase* done) noexcept {
        for (std::size_t i = 0; i < count_; ++i) {
            SelectCase& other = *cases_[i];
            if (other.popped_ && &other != done) other.pass_on();
        }
    }

    SelectCase* const* cases_;
    std::size_t* order_;
    std::size_t count_;
};

std::size_t select_among(SelectCase* const* cases, std::size_t* order, std::size_t count) {
    std::size_t timer = none;
    std::size_t fallback = none;
    Deadline deadline = never;
    for (std::size_t i = 0; i < count; ++i) {
        if (!cases[i]->enabled_) continue;
        if (cases[i]->fallback_) fallback = i;
        if (cases[i]->deadline_ < deadline) {
            deadline = cases[i]->deadline_;
            timer = i;
        }
    }
    Selection selection(cases, order, count);
    Task& task = current_task();
    for (;;) {
        const std::size_t done = selection.try_each();
        if (done != none) return done;
        if (fallback != none) return fallback;
        const Wake how = selection.wait(task, deadline);
        if (how != Wake::idle && !settle(how, task, deadline)) return timer;
    }
}

bool QueueAccess::enlist_getter(QueueCore& queue, Waiter& waiter) noexcept {
    const SpinGuard guard(queue.spin_);
    if (queue.count_ > 0 || queue.shut_) return false;
    queue.getters_.push_back(waiter);
    return true;
}

bool QueueAccess::enlist_putter(QueueCore& queue, Waiter& waiter) noexcept {
    const SpinGuard guard(queue.spin_);
    if (queue.has_room() || queue.shut_) return false;
    queue.putters_.push_back(waiter);
    return true;
}

bool QueueAccess::withdraw_getter(QueueCore& queue, Waiter& waiter) noexcept {
    const SpinGuard guard(queue.spin_);
    if (!waiter.linked) return true;
    queue.getters_.remove(waiter);
    return false;
}

bool QueueAccess::withdraw_putter(QueueCore& queue, Waiter& waiter) noexcept {
    const SpinGuard guard(queue.spin_);
    if (!waiter.linked) return true;
    queue.putters_.remove(waiter);
    return false;
}

void QueueAccess::pass_on_item(QueueCore& queue) noexcept {
    SpinGuard guard(queue.spin_);
    if (queue.count_ > 0) queue.pass_on_item(guard);
}

void QueueAccess::pass_on_room(QueueCore& queue) noexcept {
    SpinGuard guard(queue.spin_);
    if (queue.has_room()) queue.pass_on_room(guard);
}

}  // namespace thrum::internal
