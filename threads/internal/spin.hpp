// thrum/threads/internal/spin.hpp: floor 1, threads
// The few-instruction lock inside each primitive. Never held across a wait of a thrum thread.
#pragma once

#include <thrum/threads/internal/atomic.hpp>

#include <sched.h>

#include <utility>

namespace thrum::internal {

inline void cpu_relax() noexcept {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

// Waits a little longer at each call: first on the spot, then by giving the processor away, because the
// holder may be an OS thread that was preempted.
class Backoff {
public:
    void pause() noexcept {
#if defined(THRUM_MODEL)
        model::pause();  // until another thread changes something
#else
        if (++rounds_ < spins_before_yield) {
            cpu_relax();
        } else {
            ::sched_yield();
        }
#endif
    }

private:
    static constexpr int spins_before_yield = 64;
    [[maybe_unused]] int rounds_ = 0;
};

class Spin {
public:
    void lock() noexcept {
        if (!held_.exchange(true, std::memory_order_acquire)) return;
        Backoff backoff;
        do {
            while (held_.load(std::memory_order_relaxed)) backoff.pause();
        } while (held_.exchange(true, std::memory_order_acquire));
    }
    bool try_lock() noexcept { return !held_.exchange(true, std::memory_order_acquire); }
    void unlock() noexcept { held_.store(false, std::memory_order_release); }

private:
    Atomic<bool> held_ = false;
};

class SpinGuard {
public:
    explicit SpinGuard(Spin& spin) noexcept : spin_(&spin) { spin_->lock(); }
    ~SpinGuard() { unlock(); }
    SpinGuard(const SpinGuard&) = delete;
    SpinGuard& operator=(const SpinGuard&) = delete;
    // Again after unlock().
    void lock(Spin& spin) noexcept {
        spin.lock();
        spin_ = &spin;
    }
    void unlock() noexcept {
        if (spin_ != nullptr) std::exchange(spin_, nullptr)->unlock();
    }

private:
    Spin* spin_;
};

}  // namespace thrum::internal
