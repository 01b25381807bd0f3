// thrum/threads/internal/direct_ring.cpp: floor 1, threads
#include <thrum/threads/internal/direct_files.hpp>
#include <thrum/threads/internal/direct_ring.hpp>

#include <poll.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>

namespace thrum::internal {

namespace {

constexpr unsigned submission_entries = 256;
constexpr unsigned completion_entries = 4096;
constexpr std::uint64_t ignored_data = PollSlots::reserved;
constexpr std::uint64_t answer_data = PollSlots::reserved + 1;
// IORING_FEAT_RW_ATTR, Linux 6.14, which liburing 2.3 does not know. See DirectFiles::make().
constexpr unsigned needed_features = 1U << 16;

unsigned places_allowed() noexcept {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
    // The last place of the last table would have the number that stands for none.
    return static_cast<unsigned>(std::min<rlim_t>(limit.rlim_cur, most_files_per_table - 1));
}

}  // namespace

std::unique_ptr<DirectRing> DirectRing::make(int wake_fd) noexcept {
    std::unique_ptr<DirectRing> ring(new (std::nothrow) DirectRing);
    if (ring == nullptr) {
        errno = ENOMEM;
        return nullptr;
    }
    if (const int code = ring->start(wake_fd); code != 0) {
        ring.reset();
        errno = -code;
    }
    return ring;
}

int DirectRing::start(int wake_fd) noexcept {
    io_uring_params parameters;
    std::memset(&parameters, 0, sizeof parameters);
    parameters.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SUBMIT_ALL |
                       IORING_SETUP_CQSIZE | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_COOP_TASKRUN;
    parameters.cq_entries = completion_entries;
    int code = io_uring_queue_init_params(submission_entries, &ring_, &parameters);
    valid_ = code == 0;
    const unsigned count = places_allowed();
    if (valid_ && (parameters.features & needed_features) == 0) code = -ENOSYS;
    if (code == 0 && count == 0) code = -EMFILE;
    if (code == 0) code = io_uring_register_files_sparse(&ring_, count);
    if (code == 0) code = io_uring_register_eventfd(&ring_, wake_fd);
    if (code == 0) {
        places_.reset(new (std::nothrow) Place[count]);
        if (places_ == nullptr) code = -ENOMEM;
    }
    if (code != 0) return code;
    tell(false);
    for (std::uint32_t place = count; place-- > 0;) {
        places_[place].link.store(free_, std::memory_order_relaxed);
        free_ = place;
    }
    return 0;
}

DirectRing::~DirectRing() {
    if (valid_) io_uring_queue_exit(&ring_);
}

std::uint32_t DirectRing::adopt(int fd) noexcept {
    const std::uint32_t place = free_;
    const int done = io_uring_register_files_update(&ring_, place, &fd, 1);
    if (done != 1) {
        errno = done < 0 ? -done : EINVAL;
        return no_place;
    }
    free_ = places_[place].link.load(std::memory_order_relaxed);
    places_[place].removed = false;
    return place;
}

void DirectRing::remove(std::uint32_t place) noexcept {
    // Submitted at once, behind what was asked of the file before, so that no such request meets the next.
    io_uring_sqe* const entry = next_entry();
    io_uring_prep_close_direct(entry, place);
    run_plain(entry, 0);
    places_[place].removed = true;
    reuse_if_left(place);
}

void DirectRing::reuse_if_left(std::uint32_t place) noexcept {
    if (!places_[place].removed || places_[place].watched != 0) return;
    places_[place].link.store(free_, std::memory_order_relaxed);
    free_ = place;
}

io_uring_sqe* DirectRing::next_entry() noexcept {
    for (;;) {
        if (io_uring_sqe* const entry = io_uring_get_sqe(&ring_)) return entry;
        io_uring_submit(&ring_);
    }
}

int DirectRing::run_plain(io_uring_sqe* entry, unsigned flags) noexcept {
    entry->flags |= static_cast<unsigned char>(flags);
    entry->user_data = answer_data;
    answered_ = false;
    io_uring_submit(&ring_);
    for (;;) {
        drain();
        if (answered_) return answer_;
        // The queue had overflowed, or the kernel had no memory: it keeps what it could not say or take.
        io_uring_submit_and_get_events(&ring_);
    }
}

void DirectRing::watch(std::uint32_t place, IoWait& wait) noexcept {
    slots_.take(wait);
    wait.polled = static_cast<int>(place);
    ++places_[place].watched;
    io_uring_sqe* const entry = next_entry();
    io_uring_prep_poll_add(entry, wait.polled, events_of(wait.direction));
    entry->flags |= IOSQE_FIXED_FILE;
    entry->user_data = slots_.data_of(wait);
}

void DirectRing::unwatch(IoWait& wait) noexcept {
    if (!slots_.holds(wait)) return;
    remove_poll(slots_.data_of(wait));
    forget(wait);
    // At once: the request holds the file open, and its owner may have closed it.
    io_uring_submit_and_get_events(&ring_);
}

void DirectRing::forget(const IoWait& wait) noexcept {
    slots_.give_back(wait);
    const auto place = static_cast<std::uint32_t>(wait.polled);
    --places_[place].watched;
    reuse_if_left(place);
}

void DirectRing::remove_poll(std::uint64_t data) noexcept {
    io_uring_sqe* const entry = next_entry();
    io_uring_prep_poll_remove(entry, data);
    entry->user_data = ignored_data;
}

// As in the reactor: a one-shot poll would be told of a peer that has ended its way again and again.
void DirectRing::watch_beyond_half_close(const IoWait& wait, const io_uring_cqe& completion) noexcept {
    if ((completion.flags & IORING_CQE_F_MORE) != 0) return;
    io_uring_sqe* const entry = next_entry();
    io_uring_prep_poll_multishot(entry, wait.polled, events_of(wait.direction));
    entry->flags |= IOSQE_FIXED_FILE;
    entry->user_data = slots_.data_of(wait);
}

bool DirectRing::has_news() const noexcept {
    return io_uring_cq_ready(&ring_) > 0 || io_uring_sq_ready(&ring_) > 0 ||
           (IO_URING_READ_ONCE(*ring_.sq.kflags) & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) != 0;
}

bool DirectRing::look() noexcept {
    if (!has_news()) return false;
    io_uring_submit_and_get_events(&ring_);
    return drain();
}

bool DirectRing::drain() noexcept {
    unsigned head;
    unsigned count = 0;
    bool woke = false;
    io_uring_cqe* completion;
    io_uring_for_each_cqe(&ring_, head, completion) {
        ++count;
        if (completion->user_data == answer_data) {
            answered_ = true;
            answer_ = completion->res;
        } else if (IoWait* const wait = slots_.waiting_for(completion->user_data)) {
            if (wait->direction != Direction::read && completion->res == POLLRDHUP) {
                watch_beyond_half_close(*wait, *completion);
                continue;
            }
            // Of several to come, none is wanted any more.
            if ((completion->flags & IORING_CQE_F_MORE) != 0) remove_poll(completion->user_data);
            forget(*wait);
            // Whatever the result, the next call on the file will tell: the waiter asks again.
            if (wait->task->claim(Wake::notified)) wait->task->wake();
            woke = true;
        }
    }
    io_uring_cq_advance(&ring_, count);
    return woke;
}

}  // namespace thrum::internal
