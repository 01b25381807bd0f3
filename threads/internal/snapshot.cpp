// thrum/threads/internal/snapshot.cpp: floor 1, threads
#include <thrum/threads/internal/clock.hpp>
#include <thrum/threads/internal/os_thread.hpp>
#include <thrum/threads/internal/pause.hpp>
#include <thrum/threads/internal/registry.hpp>
#include <thrum/threads/internal/runtime.hpp>
#include <thrum/threads/internal/snapshot.hpp>
#include <thrum/threads/thread.hpp>

#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <unordered_map>

namespace thrum::internal {

namespace {

constexpr auto longest_wait = std::chrono::milliseconds(100);  // for OS threads to come to rest, all together

std::string what_a_descriptor_is(int fd) {
    struct stat about {};
    if (::fstat(fd, &about) != 0) return "descriptor";
    return S_ISSOCK(about.st_mode) ? "socket" : S_ISFIFO(about.st_mode) ? "pipe" : "descriptor";
}

std::string hexadecimal(const void* address) {
    char text[32];
    std::snprintf(text, sizeof text, "%p", address);
    return text;
}

class Walk {
public:
    Look walk() {
        look_while_they_stand();
        // From outside, which takes its time; the workers have gone on.
        for (const Busy& busy : busy_) unwind(busy);
        const auto fibers = static_cast<std::ptrdiff_t>(look_.threads.size());
        const Deadline until = std::chrono::steady_clock::now() + longest_wait;
        for_each_os_task([&](Task& task) { add_os_thread(task, until); });
        std::rotate(look_.threads.begin(), look_.threads.begin() + fibers, look_.threads.end());
        for (Seen& seen : look_.threads) name_the_joined(seen);
        return std::move(look_);
    }

private:
    // A fiber that runs on a worker that does not stand; at `at` of those seen.
    struct Busy {
        std::size_t at;
        FiberReference fiber;
        const Worker* worker;
    };

    void look_while_they_stand() {
        const Pause pause;
        if (Runtime* const runtime = Runtime::started()) {
            const auto& workers = runtime->workers();
            for (std::size_t i = 0; i < workers.size(); ++i) {
                numbers_[workers[i].get()] = i;
                if (!pause.stands(workers[i].get())) look_.silent.push_back(i);
            }
        }
        for_each_fiber([&](FiberReference fiber) {
            if (!Pause::is_ours(fiber->run)) add_fiber(std::move(fiber), pause);
        });
    }

    void add_os_thread(Task& task, Deadline until) {
        const std::uint64_t id = task.id.load(std::memory_order_acquire);
        if (id == 0) return;  // it has ended since it was found
        const int os_id = task.os_id.load(std::memory_order_acquire);
        Seen seen;
        bool is_certain = false;
        do {
            seen = Seen();
            const Deadline since = task.waiting_since();
            say_what_for(task, id, seen);
            // Only where it waits in thrum: what it does elsewhere is not ours to disturb.
            if (os_id == own_os_id()) {
                seen.frames = unwind_here();
            } else if (seen.thread.state == ThreadState::waiting) {
                seen.frames = unwind_waiting(os_id, until);
            }
            // The record is another thread's when this one has ended. Or it is in another wait.
            if (task.id.load(std::memory_order_acquire) != id) return;
            is_certain = seen.thread.state != ThreadState::waiting ||
                         (task.waiting() && task.waiting_since() == since);
        } while (!is_certain && std::chrono::steady_clock::now() < until);
        if (!is_certain) seen.frames = no_frames("the thread goes on all the time");
        seen.thread.id = id;
        seen.thread.plain = true;
        seen.thread.name = name_of_os_thread(id, os_id);
        look_.threads.push_back(std::move(seen));
    }

    void add_fiber(FiberReference reference, const Pause& pause) {
        Fiber& fiber = *reference;
        Seen seen;
        seen.thread.id = fiber.id;
        seen.thread.name = fiber.name();
        joined_[fiber.joining_key()] = {seen.thread.name, seen.thread.id};
        const Worker* const worker = fiber.worker.load(std::memory_order_relaxed);
        if (worker == nullptr) {
            seen.thread.state = ThreadState::not_started;
        } else {
            seen.thread.worker = numbers_[worker];
            say_what_for(fiber, fiber.id, seen);
            const bool runs = worker->running() == &fiber;
            if (runs) seen.thread.state = ThreadState::running;
            if (!runs && seen.thread.state == ThreadState::running) seen.thread.state = ThreadState::ready;
            if (worker == Worker::current() && runs) {
                seen.frames = unwind_here();
            } else if (pause.stands(worker)) {
                seen.frames = unwind_parked(fiber.context);
            } else if (runs) {
                busy_.push_back({look_.threads.size(), std::move(reference), worker});
            }
        }
        look_.threads.push_back(std::move(seen));
    }

    void unwind(const Busy& busy) {
        Seen& seen = look_.threads[busy.at];
        const Frames frames = unwind_os_thread(busy.worker->os_id());
        if (busy.worker->running() == &*busy.fiber) {
            seen.frames = frames;
        } else {
            seen.frames = no_frames("the thread has gone on meanwhile");
        }
    }

    void say_what_for(Task& task, std::uint64_t id, Seen& seen) const {
        if (!task.waiting()) return;
        seen.thread.state = ThreadState::waiting;
        const WaitReason reason = task.reason();
        seen.kind = reason.kind == nullptr ? "something" : reason.kind;
        seen.thread.waits_for = std::max(internal::now() - task.waiting_since(), Deadline::duration());
        if (std::strchr(seen.kind.c_str(), '%') != nullptr) {
            const int fd = static_cast<int>(reinterpret_cast<std::intptr_t>(reason.object));
            const std::string what = what_a_descriptor_is(fd);
            seen.thread.waits_on = seen.kind;
            seen.thread.waits_on.replace(0, std::strlen("descriptor %"), what + " " + std::to_string(fd));
            seen.kind.replace(0, std::strlen("descriptor %"), "a " + what);
        } else {
            seen.thread.waits_on = seen.kind;
            if (reason.object != nullptr) seen.thread.waits_on += " " + hexadecimal(reason.object);
        }
        objects_[id] = reason.object;
    }

    // "Thread.join 0x7f…" becomes 'Thread.join of "loom" (id 7)'.
    void name_the_joined(Seen& seen) {
        if (seen.kind != "Thread.join") return;
        const auto found = joined_.find(objects_[seen.thread.id]);
        if (found == joined_.end()) return;
        seen.thread.waits_on = "Thread.join of \"" + found->second.first + "\" (id " +
                               std::to_string(found->second.second) + ")";
    }

    Look look_;
    std::vector<Busy> busy_;
    std::unordered_map<const Worker*, std::size_t> numbers_;
    std::unordered_map<const void*, std::pair<std::string, std::uint64_t>> joined_;
    mutable std::unordered_map<std::uint64_t, const void*> objects_;
};

}  // namespace

Look look_at_all_threads() {
    // One look at a time: two that stop each other's worker would both wait in vain.
    static auto& one_at_a_time = *new std::mutex;
    while (!one_at_a_time.try_lock()) yield();
    const std::scoped_lock guard(std::adopt_lock, one_at_a_time);
    return Walk().walk();
}

}  // namespace thrum::internal
