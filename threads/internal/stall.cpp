// thrum/threads/internal/stall.cpp: floor 1, threads
// A worker stalls where it looks for no other fiber for a while. That is told where it sleeps in the kernel,
// by a call that blocks, and where it computes while others wait for their turn on it. A worker that is ready
// but gets no processor is not to blame, nor is a computation that keeps nobody waiting.
#include <thrum/threads/internal/registry.hpp>
#include <thrum/threads/internal/runtime.hpp>
#include <thrum/threads/internal/snapshot.hpp>
#include <thrum/threads/internal/stall.hpp>
#include <thrum/threads/internal/unwind.hpp>

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <optional>

namespace thrum::internal {

namespace {

using Clock = std::chrono::steady_clock;

constexpr int most_doublings = 10;
constexpr std::size_t most_reports = 32;  // of one process; a program full of stalls knows by then

std::string read_of_thread(int os_id, const char* name) {
    const std::string path = "/proc/self/task/" + std::to_string(os_id) + "/" + name;
    std::FILE* const file = std::fopen(path.c_str(), "re");
    if (file == nullptr) return "";
    char text[512];
    const std::size_t size = std::fread(text, 1, sizeof text - 1, file);
    std::fclose(file);
    return {text, size};
}

// proc_pid_schedstat: nanoseconds on a processor come first.
std::chrono::nanoseconds processor_time(int os_id) {
    const std::string text = read_of_thread(os_id, "schedstat");
    return std::chrono::nanoseconds(std::strtoll(text.c_str(), nullptr, 10));
}

// proc_pid_stat(5): the letter after the name in parentheses. Sleeping, in one way or the other.
bool sleeps_in_kernel(int os_id) {
    const std::string text = read_of_thread(os_id, "stat");
    const std::size_t end = text.rfind(')');
    if (end == std::string::npos || end + 2 >= text.size()) return false;
    return text[end + 2] == 'S' || text[end + 2] == 'D';
}

// The fiber that runs on `worker`, kept from being freed.
std::optional<FiberReference> running_on(const Worker& worker) {
    std::optional<FiberReference> found;
    for_each_fiber([&](FiberReference fiber) {
        if (worker.running() == &*fiber) found.emplace(std::move(fiber));
    });
    return found;
}

// What is the same when it happens again: the functions, without lines.
std::string place_of(const std::vector<std::string>& stack) {
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
    const bool blocked = sleeps_in_kernel(worker.os_id());
    // Most of the time at least: a look at a busy machine comes late.
    const bool computes = processor_time(worker.os_id()) - watched.processor_time >= limit * 3 / 4;
    if (!blocked && !(computes && worker.others_wait())) return;
    // The fiber may go on to block somewhere else without a switch.
    if (watched.looks < most_doublings) ++watched.looks;
    report(number, worker, now - watched.since, blocked);
    watched.since = now;
    watched.processor_time = processor_time(worker.os_id());
}

void StallDetector::report(std::size_t number, Worker& worker, std::chrono::nanoseconds kept, bool blocked) {
    if (places_.size() >= most_reports) return;
    const auto fiber = running_on(worker);
    if (!fiber) return;
    const auto stack = describe_stack(unwind_os_thread(worker.os_id()));
    if (worker.running() != &**fiber || !places_.insert(place_of(stack)).second) return;
    const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(kept).count();
    std::string text =
        "thrum: thread \"" + (*fiber)->name() + "\" (id " + std::to_string((*fiber)->id) + ") " +
        (blocked ? "blocks" : "computes on") + " worker " + std::to_string(number) + " for " +
        std::to_string(milliseconds) + " ms; " +
        (blocked ? "calls that block belong into thrum::to_thread()"
                 : "others wait there: call thrum::yield() now and then, or use thrum::to_thread()") +
        ". THRUM_STALL=off turns this report off, THRUM_STALL=2000ms makes it rarer.\n";
    for (const std::string& line : stack) text += "    " + line + "\n";
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace thrum::internal
