// thrum/threads/internal/balance.cpp: floor 1, threads
// The part of the runtime that says where a new fiber runs, who takes it over, and which sleeper is woken for
// it.
#include <thrum/threads/internal/runtime.hpp>
#include <thrum/threads/internal/watched.hpp>

#include <algorithm>

namespace thrum::internal {

namespace {

// A worker with this many more live fibers than another, and a quarter more, starts new ones there.
constexpr std::size_t imbalance = 64;
constexpr std::size_t injected_batch = 64;

}  // namespace

void Runtime::launch(Fiber& fiber) noexcept {
    Worker* const own = Worker::current();
    if (own == nullptr) {
        inject(fiber);
    } else if (Worker* const other = less_loaded_than(*own)) {
        if (other->asleep()) {
            other->offer(fiber);
        } else {
            inject(fiber);
        }
    } else {
        own->add_new(fiber);
    }
}

Worker* Runtime::less_loaded_than(const Worker& own) noexcept {
    const std::size_t load = own.live();
    if (load < imbalance) return nullptr;
    for (const auto& worker : workers_) {
        const std::size_t other = worker->live();
        if (other + imbalance <= load && other + other / 4 <= load) return worker.get();
    }
    return nullptr;
}

void Runtime::inject(Fiber& fiber) noexcept {
    {
        SpinGuard guard(spin_);
        injected_.push_back(fiber);
        injected_count_.store(injected_.size());
    }
    if (sleepers_.load() > 0) wake_one();
}

Fiber* Runtime::take_injected(Worker& worker) noexcept {
    if (injected_count_.load(std::memory_order_relaxed) == 0) return nullptr;
    SpinGuard guard(spin_);
    Fiber* const first = injected_.pop_front();
    if (first != nullptr) {
        // A fair share, so that the others find some too.
        std::size_t more = std::min(injected_batch, injected_.size() / workers_.size());
        while (more-- > 0) {
            Fiber* const fiber = injected_.pop_front();
            if (!worker.nursery().push(*fiber)) {
                injected_.push_back(*fiber);
                break;
            }
        }
    }
    injected_count_.store(injected_.size());
    return first;
}

Fiber* Runtime::steal(Worker& thief) noexcept {
    for (const auto& victim : workers_) {
        if (victim.get() == &thief) continue;
        Fiber* const first = victim->nursery().take();
        if (first == nullptr) continue;
        for (std::uint32_t more = victim->nursery().size() / 2; more > 0; --more) {
            Fiber* const fiber = victim->nursery().take();
            if (fiber == nullptr) break;
            if (!thief.nursery().push(*fiber)) {
                inject(*fiber);
                break;
            }
        }
        thief.counters().stolen.add();
        return &thief.adopt(*first);
    }
    return nullptr;
}

bool Runtime::has_new_fibers() const noexcept {
    if (injected_count_.load() > 0) return true;
    return std::any_of(workers_.begin(), workers_.end(),
                       [](const auto& worker) { return worker->nursery().size() > 0; });
}

void Runtime::new_work(std::uint32_t waiting) noexcept {
    // One alone is most often run by its own worker within a microsecond, so nobody is woken for it as long
    // as an idle worker looks again soon anyway.
    if (sleepers_.load(std::memory_order_relaxed) == 0) return;
    if (waiting > 1 || watchers_.load(std::memory_order_relaxed) == 0) wake_one();
}

bool Runtime::begin_sleep() noexcept {
    const bool watching = sleepers_.fetch_add(1) + 1 < workers_.size();
    if (watching) watchers_.fetch_add(1);
    return watching;
}

void Runtime::end_sleep(bool watching) noexcept {
    if (watching) watchers_.fetch_sub(1);
    sleepers_.fetch_sub(1);
    tell_monitor();
}

bool Runtime::wake_one() noexcept {
    return std::any_of(workers_.begin(), workers_.end(), [](const auto& worker) { return worker->nudge(); });
}

}  // namespace thrum::internal
