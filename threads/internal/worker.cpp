// thrum/threads/internal/worker.cpp: floor 1, threads
// Fibers switch straight to one another; the worker's own context runs only when there is nothing to run.
//
// A fiber that parks is published to wakers before it has left its stack. That is safe without more ado
// because it is pinned: whoever wakes it puts it into a queue that only this OS thread drains, which it does
// after the switch.
#include <thrum/threads/internal/clock.hpp>
#include <thrum/threads/internal/runtime.hpp>
#include <thrum/threads/internal/simulated_time.hpp>
#include <thrum/threads/internal/worker.hpp>

#include <algorithm>
#include <chrono>

namespace thrum::internal {

namespace {

// While fibers are ready all the time, the timers are looked at every so often all the same.
constexpr auto busy_poll_interval = std::chrono::microseconds(50);
// The kernel, which is dear to ask, once each of them has had its turn, so that many events come at once; at
// the latest after this.
constexpr auto longest_between_polls = std::chrono::milliseconds(1);
// The clock is looked at after so many switches at most, after fewer where they take longer, so that the
// interval is kept.
constexpr unsigned most_switches_per_look = 32;
// Of so many fibers in turn, the stacks do not stay in the processor's first caches.
constexpr std::size_t cold_queue = 32;
// Every so many switches a new fiber goes before the ready ones.
constexpr unsigned switches_per_new_fiber = 8;
// Every so many new fibers, the queue that all workers share goes before the worker's own.
constexpr unsigned new_fibers_per_injected_look = 61;
// Idle while others work: look for new fibers to take over this often, in case their worker is in a long
// computation.
constexpr auto watch_interval = std::chrono::milliseconds(2);
constexpr std::size_t warm_stacks = 64;  // kept per worker, without asking the common pool

}  // namespace

constinit thread_local Worker* Worker::current_ = nullptr;

Worker::Worker(Runtime& runtime, std::unique_ptr<Reactor> reactor)
    : runtime_(runtime),
      reactor_(std::move(reactor)),
      timers_(now()),
      polled_(now()),
      ticked_(polled_),
      now_(polled_) {
    stacks_.reserve(warm_stacks);
}

void Worker::run() {
    current_ = this;
    Context root;
    root_ = &root;
    here_ = &root;
    reactor_->start();
    for (;;) {
        Fiber* next = pick();
        if (next == nullptr) next = runtime_.steal(*this);
        if (next != nullptr) {
            resume(*next);
        } else {
            sleep_until_work();
        }
    }
}

Fiber* Worker::pick() noexcept {
    counters_.switches.add();
    const std::uint64_t switches = counters_.switches.get() - counted_from_;
    if (--until_look_ == 0) look_at_clock();
    if (inbox_.load(std::memory_order_relaxed) != nullptr) drain_inbox();
    if (switches % switches_per_new_fiber == 0) {
        if (Fiber* const fresh = pick_new()) return fresh;
    }
    // Those whose time has come and the others by turns, so that sleepers are not late and nobody starves.
    if (!expired_.empty() && (expired_turn_ || ready_.empty())) {
        expired_turn_ = false;
        return expired_.pop_front();
    }
    expired_turn_ = true;
    if (Fiber* const fiber = ready_.pop_front()) {
        if (ready_.size() >= cold_queue) warm_up(*ready_.front());
        return fiber;
    }
    return pick_new();
}

void Worker::warm_up(const Fiber& next) noexcept {
    next.context.prefetch();
    __builtin_prefetch(next.next, 1);
}

void Worker::look_at_clock() noexcept {
    const Deadline before = now_;
    now_ = now();
    const auto each = (now_ - before) / look_span_;
    const long fitting = each.count() > 0 ? busy_poll_interval / 2 / each : most_switches_per_look;
    // Fewer at once, more only by and by: a few short turns say little about the next.
    const long most = std::min(2 * look_span_, most_switches_per_look);
    until_look_ = look_span_ = static_cast<unsigned>(std::clamp<long>(fitting, 1, most));
    const bool set_back = now_ < before;  // a SimulatedClock has gone
    if (!set_back && now_ - ticked_ < busy_poll_interval) return;
    if (set_back || counters_.switches.get() >= round_end_ || now_ - polled_ >= longest_between_polls) {
        poll(now_);
    } else {
        wake_expired();
    }
}

Fiber* Worker::pick_new() noexcept {
    Fiber* fiber = nullptr;
    if (++fresh_ % new_fibers_per_injected_look == 0) fiber = runtime_.take_injected(*this);
    if (fiber == nullptr) fiber = nursery_.take();
    if (fiber == nullptr) fiber = runtime_.take_injected(*this);
    return fiber == nullptr ? nullptr : &adopt(*fiber);
}

Fiber& Worker::adopt(Fiber& fiber) noexcept {
    fiber.worker.store(this, std::memory_order_relaxed);
    live_.fetch_add(1, std::memory_order_relaxed);
    return fiber;
}

void Worker::drain_inbox() noexcept {
    Fiber* fiber = inbox_.exchange(nullptr, std::memory_order_acquire);
    Fiber* oldest_first = nullptr;
    while (fiber != nullptr) {
        Fiber* const next = fiber->next;
        fiber->next = oldest_first;
        oldest_first = fiber;
        fiber = next;
    }
    bool any_new = false;
    while (oldest_first != nullptr) {
        Fiber* const next = oldest_first->next;
        if (is_new(*oldest_first)) {
            any_new = true;
            if (!nursery_.push(*oldest_first)) runtime_.inject(*oldest_first);
        } else {
            ready_.push_back(*oldest_first);
            counters_.arrived.add();
        }
        oldest_first = next;
    }
    // Also those that came before and have not begun: what became ready now goes before them.
    if (any_new || nursery_.size() > 0) share_new();
}

void Worker::share_new() noexcept {
    if ((!ready_.empty() || !expired_.empty()) && runtime_.has_new_fibers()) runtime_.wake_one();
}

bool Worker::is_new(const Fiber& fiber) noexcept {
    return fiber.worker.load(std::memory_order_relaxed) == nullptr;
}

void Worker::poll(Deadline until) noexcept {
    counters_.polls.add();
    reactor_->poll(until);
    polled_ = now_ = now();
    wake_expired();
    round_end_ = counters_.switches.get() + ready_.size() + expired_.size();
}

void Worker::wake_expired() noexcept {
    ticked_ = now_;
    timers_.advance(now_, [this](TimerNode& node) {
        Fiber& fiber = *fiber_of(node);
        if (fiber.interrupt(Wake::expired)) expired_.push_back(fiber);
    });
}

Fiber* Worker::fiber_of(TimerNode& node) noexcept {
    // Only fibers put their timer into a wheel.
    return static_cast<Fiber*>(node.owner);
}

void Worker::resume(Fiber& next, bool ending) noexcept {
    Context& from = *here_;
    here_ = &next.context;
    running_.store(&next, std::memory_order_relaxed);
    Context::switch_to(from, next.context, ending);
    arrived();
}

void Worker::go_idle(bool ending) noexcept {
    Context& from = *here_;
    here_ = root_;
    running_.store(nullptr, std::memory_order_relaxed);
    Context::switch_to(from, *root_, ending);
    arrived();
}

void Worker::arrived() noexcept {
    if (ended_ != nullptr) std::exchange(ended_, nullptr)->release();
}

void Worker::suspend() noexcept {
    Fiber* const next = pick();
    if (next == nullptr) {
        go_idle(false);
    } else if (next != running()) {  // it is the running one where its wake-up has come already
        resume(*next);
    }
}

void Worker::yield() noexcept {
    ready_.push_back(*running());
    suspend();
}

void Worker::leave() noexcept {
    ended_ = running();
    live_.fetch_sub(1, std::memory_order_relaxed);
    if (Fiber* const next = pick()) {
        resume(*next, true);
    } else {
        go_idle(true);
    }
    __builtin_unreachable();
}

void Worker::make_ready(Fiber& fiber) noexcept {
    Worker& home = *fiber.worker.load(std::memory_order_relaxed);
    if (&home == current_) {
        home.ready_.push_back(fiber);
    } else {
        home.post(fiber);
    }
}

void Worker::post(Fiber& fiber) noexcept {
    Fiber* head = inbox_.load(std::memory_order_relaxed);
    do {
        fiber.next = head;
    } while (!inbox_.compare_exchange_weak(head, &fiber));
    nudge();
}

void Worker::pin_and_post(Fiber& fiber) noexcept { post(adopt(fiber)); }

void Worker::offer(Fiber& fiber) noexcept {
    Fiber* head = inbox_.load(std::memory_order_relaxed);
    do {
        fiber.next = head;
    } while (!inbox_.compare_exchange_weak(head, &fiber));
    if (nudge()) return;
    // It has woken meanwhile, perhaps to run something long: nobody else looks into its inbox.
    Fiber* list = inbox_.exchange(nullptr, std::memory_order_acquire);
    while (list != nullptr) {
        Fiber& taken = *std::exchange(list, list->next);
        if (is_new(taken)) {
            runtime_.inject(taken);
        } else {
            post(taken);
        }
    }
}

bool Worker::nudge() noexcept {
    if (!asleep_.load() || !asleep_.exchange(false)) return false;
    reactor_->wake();
    return true;
}

void Worker::add_new(Fiber& fiber) noexcept {
    if (!nursery_.push(fiber)) {
        runtime_.inject(fiber);
        return;
    }
    runtime_.new_work(nursery_.size());
}

void Worker::sleep_until_work() noexcept {
    asleep_.store(true);
    const bool watching = runtime_.begin_sleep();
    if (inbox_.load() == nullptr && !runtime_.has_new_fibers()) {
        Deadline until = timers_.next();
        SimulatedTime* const time = simulated_time.load(std::memory_order_acquire);
        if (time != nullptr) {
            until = time->rest(*this, until);
            counted_from_ = counters_.switches.get();
            fresh_ = 0;  // how often it idled before shall not decide who runs first
        } else if (watching) {
            until = std::min<Deadline>(until, now() + watch_interval);
        }
        poll(until);
        if (time != nullptr) time->rise(*this);
    }
    asleep_.store(false);  // first: whom end_sleep() tells shall see that it is awake
    runtime_.end_sleep(watching);
    if (inbox_.load(std::memory_order_relaxed) != nullptr) drain_inbox();
    share_new();
}

Stack Worker::take_stack(std::size_t size) {
    Worker* const worker = current_;
    if (worker != nullptr && !worker->stacks_.empty() && worker->stacks_.back().size == size) {
        const Stack stack = worker->stacks_.back();
        worker->stacks_.pop_back();
        return stack;
    }
    return allocate_stack(size);
}

void Worker::give_stack(const Stack& stack) noexcept {
    Worker* const worker = current_;
    if (worker != nullptr && worker->stacks_.size() < warm_stacks && stack.pooled) {
        worker->stacks_.push_back(stack);
    } else {
        release_stack(stack);
    }
}

}  // namespace thrum::internal
