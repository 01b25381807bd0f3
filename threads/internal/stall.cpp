// thrum/threads/internal/stall.cpp: floor 1, threads
// A worker stalls where it looks for no other fiber for a while. That is told where it sleeps in the kernel,
// by a call that blocks, and where it computes while others wait for their turn on it. A worker that is ready
// but gets no processor is not to blame, nor is a computation that keeps nobody waiting.
#include <thrum/threads/internal/os_thread_state.hpp>
#include <thrum/threads/internal/pause.hpp>
#include <thrum/threads/internal/registry.hpp>
#include <thrum/threads/internal/runtime.hpp>
#include <thrum/threads/internal/snapshot.hpp>
#include <thrum/threads/internal/stall.hpp>
#include <thrum/threads/internal/unwind.hpp>

#include <unistd.h>

#include <algorithm>
#include <optional>

namespace thrum::internal {

namespace {

using Clock = std::chrono::steady_clock;

constexpr int most_doublings = 10;
constexpr std::size_t most_reports = 32;  // of one process; a program full of stalls knows by then

// The fiber that runs on `worker`, kept from being freed.
std::optional<FiberReference> running_on(const Worker& worker) {
    std::optional<FiberReference> found;
    for_each_fiber([&](FiberReference fiber) {
        if (worker.running() == &*fiber) found.emplace(std::move(fiber));
    });
    return found;
}

// " in the system call read", where the thread sleeps in one.
std::string call_of(int os_id) {
    const OsThreadState state(os_id);
    if (state.kind != OsThreadState::Kind::in_system_call) return "";
    const char* const name = name_of_system_call(state.system_call);
    return " in the system call " + (name != nullptr ? name : "number " + std::to_string(state.system_call));
}

// What is the same when it happens again: the functions, without lines; where those are not known, the
// thread.
std::string place_of(const Fiber& fiber, const std::vector<std::string>& stack) {
    if (stack.empty()) return "thread " + std::to_string(fiber.id);
    std::string place;
    for (const std::string& line : stack) place += line.substr(0, line.rfind(':')) + "\n";
    return place;
}

}  // namespace

StallDetector::StallDetector(Runtime& runtime, std::chrono::milliseconds limit)
    : runtime_(runtime), limit_(limit), watched_(runtime.worker_count()) {}

void StallDetector::look() noexcept {
    try {
        for (std::size_t i = 0; i < watched_.size(); ++i) look_at(i, *runtime_.workers()[i], watched_[i]);
    } catch (const std::exception&) {
        // Out of memory; the next look may do better.
    }
}

void StallDetector::forget() noexcept {
    for (Watched& watched : watched_) watched = Watched();
}

void StallDetector::look_at(std::size_t number, Worker& worker, Watched& watched) {
    const std::uint64_t switches = worker.counters().switches.get();
    const auto now = Clock::now();
    if (worker.asleep() || worker.running() == nullptr || watched.since == Clock::time_point() ||
        switches != watched.switches) {
        watched = {switches, now, processor_time(worker.os_id()), 0};
        return;
    }
    const auto limit = limit_ * (1 << watched.looks);
    if (now - watched.since < limit) return;
    const auto fiber = running_on(worker);
    if (!fiber) return;
    if (Pause::is_ours((*fiber)->run)) {  // somebody looks at all threads
        watched.since = {};
        return;
    }
    const bool blocked = sleeps_in_kernel(worker.os_id());
    // Most of the time at least: a look at a busy machine comes late.
    const bool computes = processor_time(worker.os_id()) - watched.processor_time >= limit * 3 / 4;
    if (!blocked && !(computes && worker.others_wait())) return;
    stalls_seen.fetch_add(1, std::memory_order_relaxed);
    // The fiber may go on to block somewhere else without a switch.
    if (watched.looks < most_doublings) ++watched.looks;
    report(number, worker, **fiber, now - watched.since, blocked);
    watched.since = now;
    watched.processor_time = processor_time(worker.os_id());
}

void StallDetector::report(std::size_t number, const Worker& worker, const Fiber& fiber,
                           std::chrono::nanoseconds kept, bool blocked) {
    if (places_.size() >= most_reports) return;
    const std::string where = blocked ? call_of(worker.os_id()) : "";
    const Frames frames = unwind_os_thread(worker.os_id());
    const auto stack = describe_stack(frames);
    if (worker.running() != &fiber || !places_.insert(place_of(fiber, stack)).second) return;
    const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(kept).count();
    std::string text =
        "thrum: thread \"" + fiber.name() + "\" (id " + std::to_string(fiber.id) + ") " +
        (blocked ? "blocks" : "computes on") + " worker " + std::to_string(number) + " for " +
        std::to_string(milliseconds) + " ms" + where + "; " +
        (blocked ? "calls that block belong into thrum::to_thread()"
                 : "others wait there: call thrum::yield() now and then, or use thrum::to_thread()") +
        ". THRUM_STALL=off turns this report off, THRUM_STALL=2000ms makes it rarer.\n";
    for (const std::string& line : stack) text += "    " + line + "\n";
    if (frames.missing != nullptr)
        text += "    (its stack is not known: " + std::string(frames.missing) + ")\n";
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace thrum::internal
