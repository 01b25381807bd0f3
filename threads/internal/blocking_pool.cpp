// thrum/threads/internal/blocking_pool.cpp: floor 1, threads
#include <thrum/base/errors.hpp>
#include <thrum/threads/internal/blocking_pool.hpp>
#include <thrum/threads/internal/simulated_time.hpp>

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <system_error>
#include <thread>

namespace thrum::internal {

namespace {

constexpr std::size_t most_threads = 64;
constexpr auto idle_time = std::chrono::seconds(10);

class Pool {
public:
    void submit(BlockingJob& job) {
        std::unique_lock guard(mutex_);
        if (idle_ <= queued_ && threads_ < most_threads) start_thread();
        job.next = nullptr;
        (last_ != nullptr ? last_->next : first_) = &job;
        last_ = &job;
        ++queued_;
        guard.unlock();
        work_.notify_one();
    }

private:
    void start_thread() {
        try {
            std::thread([this] { serve(); }).detach();
            ++threads_;
        } catch (const std::system_error& error) {
            if (threads_ == 0)
                throw_os_error(error.code().value(), "cannot start a thread for a blocking call");
        }
    }

    void serve() noexcept {
        std::unique_lock guard(mutex_);
        for (;;) {
            ++idle_;
            const bool work = work_.wait_for(guard, idle_time, [this] { return first_ != nullptr; });
            --idle_;
            if (!work) break;
            BlockingJob& job = *first_;
            first_ = job.next;
            if (first_ == nullptr) last_ = nullptr;
            --queued_;
            guard.unlock();
            SimulatedTime* const time = job.time;
            job.run();
            if (time != nullptr) time->come_back(nullptr);
            guard.lock();
        }
        --threads_;
    }

    std::mutex mutex_;
    std::condition_variable work_;
    BlockingJob* first_ = nullptr;
    BlockingJob* last_ = nullptr;
    std::size_t queued_ = 0;
    std::size_t idle_ = 0;
    std::size_t threads_ = 0;
};

}  // namespace

void run_blocking(BlockingJob& job) {
    static Pool* const pool = new Pool;  // its threads may outlive main()
    job.time = simulated_time.load(std::memory_order_acquire);
    SimulatedTime* const time = job.time;
    if (time != nullptr) time->leave(nullptr);
    try {
        pool->submit(job);
    } catch (...) {
        if (time != nullptr) time->come_back(nullptr);
        throw;
    }
}

}  // namespace thrum::internal
