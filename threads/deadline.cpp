// thrum/threads/deadline.cpp: floor 1, threads
#include <thrum/threads/deadline.hpp>
#include <thrum/threads/internal/clock.hpp>
#include <thrum/threads/internal/task.hpp>

#include <algorithm>

namespace thrum {

Deadline deadline_after(std::chrono::nanoseconds duration) noexcept {
    const Deadline now = internal::now();
    return duration >= never - now ? never : now + duration;
}

Deadline current_deadline() noexcept { return internal::current_task().deadline; }

Timeout::Timeout(Deadline deadline) noexcept : outer_(internal::current_task().deadline) {
    internal::current_task().deadline = std::min(outer_, deadline);
}

Timeout::~Timeout() { internal::current_task().deadline = outer_; }

}  // namespace thrum
