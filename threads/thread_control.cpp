// thrum/threads/thread_control.cpp: floor 1, threads
// The members of Thread that the wake-up protocol has nothing to do with.
#include <thrum/threads/internal/fiber.hpp>
#include <thrum/threads/internal/runtime.hpp>
#include <thrum/threads/thread.hpp>

namespace thrum {

std::stop_source Thread::get_stop_source() {
    if (!stop_.stop_possible()) {
        stop_ = std::stop_source();
        if (cancelled_) stop_.request_stop();
    }
    return stop_;
}

bool Thread::request_stop() { return fiber_ != nullptr && get_stop_source().request_stop(); }

std::optional<std::size_t> Thread::worker() const {
    if (fiber_ == nullptr) return std::nullopt;
    const internal::Worker* const own = fiber_->worker.load(std::memory_order_relaxed);
    const auto& workers = internal::Runtime::get().workers();
    for (std::size_t i = 0; i < workers.size(); ++i) {
        if (workers[i].get() == own) return i;
    }
    return std::nullopt;
}

}  // namespace thrum
