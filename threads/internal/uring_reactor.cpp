// thrum/threads/internal/uring_reactor.cpp: floor 1, threads
// io_uring: each wait is a one-shot poll request, submitted together with the next look at the ring, so
// arming costs no system call of its own (io_uring_setup(2): SINGLE_ISSUER, DEFER_TASKRUN;
// io_uring_enter(2)).
#include <thrum/base/file.hpp>
#include <thrum/threads/internal/clock.hpp>
#include <thrum/threads/internal/direct_files.hpp>
#include <thrum/threads/internal/poll_slots.hpp>
#include <thrum/threads/internal/reactor.hpp>

#include <liburing.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

namespace thrum::internal {

namespace {

constexpr unsigned submission_entries = 256;
constexpr unsigned completion_entries = 4096;
constexpr unsigned waits_ahead = 8;
constexpr unsigned tasks_ahead = 4;
constexpr std::uint64_t ignored_data = PollSlots::reserved;
constexpr std::uint64_t wake_data = PollSlots::reserved + 1;

class UringReactor final : public Reactor {
public:
    // Leaves valid() false where the kernel refuses.
    UringReactor() noexcept : wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
        io_uring_params parameters;
        std::memset(&parameters, 0, sizeof parameters);
        parameters.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_R_DISABLED |
                           IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE | IORING_SETUP_TASKRUN_FLAG |
                           IORING_SETUP_COOP_TASKRUN;
        parameters.cq_entries = completion_entries;
        valid_ = wake_ && io_uring_queue_init_params(submission_entries, &ring_, &parameters) == 0;
        if (valid_ && (parameters.features & (IORING_FEAT_EXT_ARG | IORING_FEAT_NODROP)) !=
                          (IORING_FEAT_EXT_ARG | IORING_FEAT_NODROP)) {
            io_uring_queue_exit(&ring_);
            valid_ = false;
        }
    }
    ~UringReactor() override {
        if (valid_) io_uring_queue_exit(&ring_);
    }

    bool valid() const noexcept { return valid_; }
    const char* name() const noexcept override { return "io_uring"; }

    void start() override {
        // The thread that enables the ring becomes its single issuer. Debian's liburing 2.3 declares
        // io_uring_enable_rings() but does not export it.
        if (::syscall(__NR_io_uring_register, ring_.ring_fd, IORING_REGISTER_ENABLE_RINGS, nullptr, 0) != 0) {
            std::fprintf(stderr, "thrum: cannot enable an io_uring: %s\n", std::strerror(errno));
            std::abort();
        }
        arm_wake();
    }

    int watch(IoHandle&, int fd, IoWait& wait) noexcept override {
        slots_.take(wait);
        io_uring_sqe* const sqe = next_entry();
        wait.polled = fd;
        io_uring_prep_poll_add(sqe, fd, events_of(wait.direction));
        sqe->user_data = slots_.data_of(wait);
        return 0;
    }

    void unwatch(IoWait& wait) noexcept override {
        if (!slots_.holds(wait)) return;
        remove_poll(slots_.data_of(wait));
        slots_.give_back(wait);
        // At once: the request holds the file open, and its owner may be about to close it.
        io_uring_submit_and_get_events(&ring_);
    }

    void poll(Deadline until) noexcept override {
        until = direct_.before_poll(until);
        if (io_uring_cq_ready(&ring_) == 0) enter(until);
        unsigned head;
        unsigned count = 0;
        io_uring_cqe* cqe;
        const unsigned ready = io_uring_cq_ready(&ring_);
        io_uring_for_each_cqe(&ring_, head, cqe) {
            ++count;
            if (count + waits_ahead < ready) warm_up(head + waits_ahead, false);
            if (count + tasks_ahead < ready) warm_up(head + tasks_ahead, true);
            complete(*cqe);
        }
        io_uring_cq_advance(&ring_, count);
        if (rearm_wake_) arm_wake();
        direct_.after_poll();
    }

    void wake() noexcept override {
        const std::uint64_t one = 1;
        [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof one);
    }

    // The waiter that close() wakes removes its own poll request.
    void forget(IoHandle&, int) noexcept override {}

    DirectFiles* direct_files(bool make) noexcept override { return direct_.get(make, wake_.get()); }

private:
    void enter(Deadline until) noexcept {
        if (until == never) {
            io_uring_submit_and_wait(&ring_, 1);
            return;
        }
        const Deadline now = internal::now();
        if (until <= now) {
            // With DEFER_TASKRUN completions wait for us to ask; the flag says whether there are any.
            const bool pending = (*ring_.sq.kflags & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) != 0;
            if (pending || io_uring_sq_ready(&ring_) > 0) io_uring_submit_and_get_events(&ring_);
            return;
        }
        const auto left = std::chrono::nanoseconds(until - now).count();
        __kernel_timespec timeout{};
        timeout.tv_sec = left / 1'000'000'000;
        timeout.tv_nsec = left % 1'000'000'000;
        io_uring_cqe* first = nullptr;
        io_uring_submit_and_wait_timeout(&ring_, &first, 1, &timeout, nullptr);
    }

    // Brings what a completion to come will touch into the caches, where with thousands of waits nothing is
    // by itself: first the wait, then, from there, its task.
    void warm_up(unsigned position, bool task) noexcept {
        const std::uint64_t data = ring_.cq.cqes[position & *ring_.cq.kring_mask].user_data;
        if (const IoWait* const wait = slots_.waiting_for(data)) {
            warm_up_waiter(wait, task ? wait->task : nullptr);
        }
    }

    void complete(const io_uring_cqe& cqe) noexcept {
        if (cqe.user_data == wake_data) {
            std::uint64_t count;
            [[maybe_unused]] const ssize_t got = ::read(wake_.get(), &count, sizeof count);
            rearm_wake_ = (cqe.flags & IORING_CQE_F_MORE) == 0;
            return;
        }
        IoWait* const wait = slots_.waiting_for(cqe.user_data);
        if (wait == nullptr) return;
        if (wait->direction != Direction::read && cqe.res == POLLRDHUP) {
            wait_beyond_half_close(*wait, cqe);
            return;
        }
        // Of several to come, none is wanted any more.
        if ((cqe.flags & IORING_CQE_F_MORE) != 0) remove_poll(cqe.user_data);
        slots_.give_back(*wait);
        // Whatever the result, the system call itself will tell: the waiter asks again.
        if (wait->task->claim(Wake::notified)) wait->task->wake();
    }

    // io_uring tells every poll of a peer that has ended its way, unasked, and at once, as it stands for
    // good: who waits for such a peer to read would go round in circles. A multishot poll tells of it once
    // and then of changes only.
    void wait_beyond_half_close(const IoWait& wait, const io_uring_cqe& cqe) noexcept {
        if ((cqe.flags & IORING_CQE_F_MORE) != 0) return;
        io_uring_sqe* const sqe = next_entry();
        io_uring_prep_poll_multishot(sqe, wait.polled, events_of(wait.direction));
        sqe->user_data = slots_.data_of(wait);
    }

    void remove_poll(std::uint64_t data) noexcept {
        io_uring_sqe* const sqe = next_entry();
        io_uring_prep_poll_remove(sqe, data);
        sqe->user_data = ignored_data;
    }

    void arm_wake() noexcept {
        rearm_wake_ = false;
        io_uring_sqe* const sqe = next_entry();
        io_uring_prep_poll_multishot(sqe, wake_.get(), POLLIN);
        sqe->user_data = wake_data;
    }

    io_uring_sqe* next_entry() noexcept {
        for (;;) {
            if (io_uring_sqe* const sqe = io_uring_get_sqe(&ring_)) return sqe;
            io_uring_submit(&ring_);
        }
    }

    io_uring ring_{};
    UniqueFd wake_;
    bool valid_ = false;
    bool rearm_wake_ = false;
    PollSlots slots_;
    DirectFilesOnDemand direct_;
};

}  // namespace

std::unique_ptr<Reactor> make_uring_reactor() noexcept {
    auto reactor = std::make_unique<UringReactor>();
    if (!reactor->valid()) return nullptr;
    return reactor;
}

}  // namespace thrum::internal
