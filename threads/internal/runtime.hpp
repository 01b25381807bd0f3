// thrum/threads/internal/runtime.hpp: floor 1, threads
// The workers together: where a new fiber goes, who is asleep, who takes over what.
#pragma once

#include <thrum/threads/internal/worker.hpp>

#include <cstddef>
#include <memory>
#include <vector>

namespace thrum::internal {

// Started at first use, never destroyed: detached threads may run until the process ends. Thread-safe.
class Runtime {
public:
    // Throws OSError where the kernel has no descriptors or threads left for it.
    static Runtime& get();
    // nullptr where nothing has started it yet. Never throws, never starts it.
    static Runtime* started() noexcept;

    const char* reactor_name() const noexcept { return reactor_name_; }
    const std::vector<std::unique_ptr<Worker>>& workers() const noexcept { return workers_; }
    std::size_t worker_count() const noexcept { return workers_.size(); }

    // A fiber that never ran, by any thread.
    void launch(Fiber& fiber) noexcept;
    // To the queue all workers share.
    void inject(Fiber& fiber) noexcept;
    // For `worker`: one new fiber to run, more of them into its nursery; nullptr where there are none.
    Fiber* take_injected(Worker& worker) noexcept;
    Fiber* steal(Worker& thief) noexcept;
    bool has_new_fibers() const noexcept;

    // A worker has `waiting` new fibers of its own: wakes another to share them where that pays.
    void new_work(std::uint32_t waiting) noexcept;
    // Around a worker's sleep. True: others are awake, so sleep only for a while and look again.
    bool begin_sleep() noexcept;
    void end_sleep(bool watching) noexcept;
    // Wakes a worker that sleeps; false where none does.
    bool wake_one() noexcept;
    // All sleep until they are woken.
    bool all_asleep() const noexcept { return sleepers_.load() == workers_.size() && watchers_.load() == 0; }

private:
    friend struct ModelAccess;  // internal/model/

    Runtime();
    void start_workers();
    Worker* less_loaded_than(const Worker& own) noexcept;

    std::vector<std::unique_ptr<Worker>> workers_;
    const char* reactor_name_ = "";
    Atomic<bool> ready_ = false;  // the workers may begin
    Spin spin_;
    FiberQueue injected_;
    Atomic<std::size_t> injected_count_ = 0;
    Atomic<unsigned> sleepers_ = 0;
    Atomic<unsigned> watchers_ = 0;
};

}  // namespace thrum::internal
