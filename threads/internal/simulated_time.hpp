// thrum/threads/internal/simulated_time.hpp: floor 1, threads
// Where whoever goes to sleep says so while time is simulated, so that time can pass once all do.
#pragma once

#include <thrum/threads/deadline.hpp>

#include <atomic>

namespace thrum::internal {

class Task;
class Worker;

class SimulatedTime {
public:
    // By a worker with nothing to do before `until`: until when it shall sleep. Deadline::min() where time
    // has just passed and it has.
    virtual Deadline rest(Worker& worker, Deadline until) noexcept = 0;
    virtual void rise(Worker& worker) noexcept = 0;
    // The same by a thread that is no fiber; it sleeps for a moment and looks again.
    virtual Deadline rest(Task& task, Deadline until) noexcept = 0;
    virtual void rise(Task& task) noexcept = 0;
    // A wait for the kernel or for a blocking call begins and ends; such waits take real time. `task` is the
    // one that does nothing else meanwhile; nullptr where somebody else makes the call.
    virtual void leave(Task* task) noexcept = 0;
    virtual void come_back(Task* task) noexcept = 0;

protected:
    ~SimulatedTime() = default;
};

// nullptr while time is real. What it points to is never destroyed.
inline std::atomic<SimulatedTime*> simulated_time = nullptr;

// While it stands, the task waits for something that no simulation hastens.
class RealTime {
public:
    explicit RealTime(Task& task) noexcept
        : time_(simulated_time.load(std::memory_order_acquire)), task_(task) {
        if (time_ != nullptr) time_->leave(&task_);
    }
    ~RealTime() {
        if (time_ != nullptr) time_->come_back(&task_);
    }
    RealTime(const RealTime&) = delete;
    RealTime& operator=(const RealTime&) = delete;

private:
    SimulatedTime* const time_;
    Task& task_;
};

}  // namespace thrum::internal
