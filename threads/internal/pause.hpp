// thrum/threads/internal/pause.hpp: floor 1, threads
// Makes the workers stand still for a look at their fibers. Each is sent a fiber of our own, so nothing is
// asked of those who switch: while that one runs, all others on its worker are parked.
#pragma once

#include <memory>
#include <vector>

namespace thrum::internal {

class Worker;

// Not from a signal handler. The caller's own worker stands still because the caller runs on it.
class Pause {
public:
    // Waits until all stand still, at most a fifth of a second. Without memory for the fibers, some do not.
    Pause() noexcept;
    ~Pause();
    Pause(const Pause&) = delete;
    Pause& operator=(const Pause&) = delete;

    // Whether that worker's fibers may be looked at.
    bool stands(const Worker* worker) const noexcept;
    // Whether `fiber` is one of those that make workers stand.
    static bool is_ours(void (*run)(void*)) noexcept;

private:
    struct Order;
    std::vector<std::shared_ptr<Order>> orders_;
};

}  // namespace thrum::internal
