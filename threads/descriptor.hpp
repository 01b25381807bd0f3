// thrum/threads/descriptor.hpp: floor 1, threads
// A file descriptor whose waits park the thread: the one door from the floors above to the reactors.
#pragma once

#include <thrum/base/errors.hpp>
#include <thrum/threads/deadline.hpp>
#include <thrum/threads/internal/direct_file.hpp>

#include <sys/types.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace thrum {

// `error`: the error queue of a socket (recvmsg(2), MSG_ERRQUEUE), or a hang-up.
enum class Direction : unsigned char { read = 0, write = 1, error = 2 };
inline constexpr int directions = 3;

namespace internal {
struct IoHandle;
}

// A direct descriptor was used by a thread that runs on another worker than its own, or by a plain
// std::thread. make_ordinary(), called by a thread on its own worker, makes it usable everywhere.
class WrongWorkerError : public Error {
public:
    using Error::Error;
};

// Owns a pollable descriptor (socket, pipe, eventfd, pidfd) that is non-blocking, or is only used with calls
// that do not block (MSG_DONTWAIT). Move-only. Any number of threads may wait and perform on one Descriptor
// at once; close() wakes them all, and each gets OSError(EBADF). Moving or destroying it while others wait is
// a bug.
//
// It may be made direct: it then has no number, and does not count towards the limit of descriptors
// (RLIMIT_NOFILE), only towards the places in its worker's tables (io_uring_register_files_sparse(3)). It
// belongs to the worker of the thread that made it direct, and so to that thread and others that run there;
// anywhere else it can be closed and moved, and all other calls throw WrongWorkerError.
class Descriptor {
public:
    Descriptor() noexcept = default;
    // Takes ownership of `fd`.
    explicit Descriptor(int fd) noexcept : state_(fd < 0 ? nothing : static_cast<State>(fd)) {}
    Descriptor(Descriptor&& other) noexcept;
    Descriptor& operator=(Descriptor&& other) noexcept;
    ~Descriptor() { close(); }

    // -1 once closed or released, and while it is direct.
    int fd() const noexcept { return number_in(state_.load(std::memory_order_relaxed)); }
    bool is_open() const noexcept { return (state_.load(std::memory_order_relaxed) & closed) == 0; }
    bool is_direct() const noexcept { return is_direct(state_.load(std::memory_order_relaxed)); }
    // Gives up ownership; the descriptor stays open, under an ordinary number. -1 where there is none:
    // closed, or direct and not to be had here (another worker's, no number left), and then nothing has
    // changed.
    int release() noexcept;

    // Makes it direct, if the calling thread runs on a worker, the kernel has and allows io_uring
    // (Linux 6.14) and a table has room. False, with nothing changed, where it stays an ordinary one, which
    // does the same work. Nobody else may use it meanwhile. Throws OSError(EBADF) when closed.
    bool make_direct();
    // The other way. Throws WrongWorkerError, OSError (EMFILE: there is no number left). Nobody else may use
    // it meanwhile.
    void make_ordinary();

    // An ordinary number for calls that need one: its own, or for as long as this lives another one for a
    // direct descriptor. fd() is -1 when it is closed.
    class Loan {
    public:
        Loan(Loan&& other) noexcept : fd_(other.fd_), lent_(std::exchange(other.lent_, false)) {}
        Loan& operator=(Loan&&) = delete;
        ~Loan() {
            if (lent_) give_back();
        }
        int fd() const noexcept { return fd_; }

    private:
        friend class Descriptor;
        Loan(int fd, bool lent) noexcept : fd_(fd), lent_(lent) {}
        void give_back() const noexcept;

        int fd_;
        bool lent_;
    };
    // Costs nothing but for a direct one, where it is two system calls. Throws WrongWorkerError, and
    // OSError(EMFILE) where no number is left for it.
    Loan lend() const {
        const int own = fd();
        return own >= 0 ? Loan(own, false) : lend_direct();
    }

    // Idempotent. Wakes every waiter; a socket that was waited for is shut down first, as shutdown(2), so
    // that its end is seen at once even where a duplicate or a pending request keeps it open. Where an
    // operation is under way on another OS thread, that thread gives the number back as it ends, so that no
    // operation meets the number's next owner.
    void close() noexcept;

    // Waits until the descriptor is ready (or has failed or hung up) in `direction`. Returns false when
    // `deadline` or the deadline in force passed first. Throws Cancelled, OSError(EBADF) when closed.
    bool wait(Direction direction, Deadline deadline = never);

    // Runs `operation(fd)`, a system call returning -1 with errno on failure, until it says something else
    // than EAGAIN or EINTR, parking in between. Returns its result; -1 with errno ETIMEDOUT when `deadline`
    // or the deadline in force passed, EBADF when closed. Throws Cancelled. A result from 0 up to below
    // `drained_below` says that the kernel's buffer is now empty (a short read of a stream), so that the next
    // call parks without asking first; leave it 0 where that does not follow (datagrams, accept). Where
    // `operation` also takes an internal::DirectFile, that is what it gets of a direct descriptor; otherwise
    // a number lent for the call.
    template <class Operation>
    ssize_t perform(Direction direction, Deadline deadline, std::size_t drained_below,
                    Operation&& operation) {
        if (spend() && !take_turn(deadline)) return -1;
        for (bool is_late = false;;) {
            const unsigned seen = readiness();
            if (!is_late && !may_try(seen, direction)) {
                if (wait_for_perform(direction, deadline)) continue;
                if (errno != ETIMEDOUT) return -1;
                // The mark may be older than what has come: with no time left the kernel is asked once.
                is_late = true;
            }
            const ssize_t result = call(operation);
            if (result >= 0) {
                if (static_cast<std::size_t>(result) < drained_below) drained(seen, direction, false);
                return result;
            }
            if (errno == EINTR) continue;
            if (errno != EAGAIN) return result;
            drained(seen, direction, true);
            if (is_late) {
                errno = ETIMEDOUT;
                return -1;
            }
            if (!wait_for_perform(direction, deadline)) return -1;
        }
    }

private:
    // The number, a bit that says that it is an internal::DirectFile's, one that says that it is closed, and
    // the count of operations under way. Linux has fewer descriptors than 2^30 (fs.nr_open, proc(5)).
    using State = std::uint64_t;
    static constexpr State direct = State{1} << 30;
    static constexpr State closed = State{1} << 31;
    static constexpr State number = direct - 1;
    static constexpr State one_use = State{1} << 32;
    static constexpr State nothing = closed | direct | number;

    static int number_in(State state) noexcept {
        return (state & (closed | direct)) != 0 ? -1 : static_cast<int>(state & number);
    }
    static bool is_direct(State state) noexcept { return (state & (closed | direct)) == direct; }

    // Keeps the number from going back to the kernel.
    class Use {
    public:
        explicit Use(const Descriptor& descriptor) noexcept
            : descriptor_(descriptor), state_(descriptor.state_.fetch_add(one_use)) {}
        Use(const Use&) = delete;
        Use& operator=(const Use&) = delete;
        ~Use() {
            const State left = descriptor_.state_.fetch_sub(one_use) - one_use;
            if ((left & closed) != 0) descriptor_.close_unless_used(left);
        }
        // -1 where it was closed before, or is direct.
        int fd() const noexcept { return number_in(state_); }
        bool is_direct() const noexcept { return Descriptor::is_direct(state_); }
        // Of a direct one. Throws WrongWorkerError.
        internal::DirectFile file() const;

    private:
        const Descriptor& descriptor_;
        State state_;
    };

    template <class Operation>
    ssize_t call(Operation& operation) {
        const Use use(*this);
        if (use.fd() >= 0) return operation(use.fd());
        if (use.is_direct()) return call_direct(operation, use);
        errno = EBADF;
        return -1;
    }
    // Apart, so that its code is not in the way of the other.
    template <class Operation>
    [[gnu::noinline, gnu::cold]] static ssize_t call_direct(Operation& operation, const Use& use) {
        if constexpr (std::is_invocable_v<Operation&, const internal::DirectFile&>) {
            return operation(use.file());
        } else {
            const Loan loan = lend_number(use);
            return loan.fd() < 0 ? -1 : operation(loan.fd());
        }
    }

    Loan lend_direct() const;
    static Loan lend_number(const Use& use);
    // Gives a closed number back to the kernel where nobody else uses it. Keeps errno.
    void close_unless_used(State state) const noexcept;
    // Wakes all who wait, and forgets the handle. True where somebody waited.
    bool wake_waiters(int fd) noexcept;
    // Makes it own another number, or file, of the same open file.
    void replace(State state) noexcept;

    // After so many operations that did not have to wait, one checks for cancel and deadline and lets others
    // run.
    static constexpr unsigned operations_per_turn = 64;

    // Counts an operation; true when the turn is over. Exact only with one user, which is good enough.
    bool spend() noexcept {
        const unsigned left = budget_.load(std::memory_order_relaxed);
        budget_.store(left - 1, std::memory_order_relaxed);
        return left <= 1;
    }
    // False, with errno ETIMEDOUT, when a deadline has passed. Throws Cancelled.
    bool take_turn(Deadline deadline);
    // A snapshot of the readiness word (see internal/io_handle.hpp); 0 where the kernel has not been asked to
    // tell.
    unsigned readiness() const noexcept;
    static bool may_try(unsigned seen, Direction direction) noexcept;
    void drained(unsigned seen, Direction direction, bool was_eagain) noexcept;
    bool wait_for_perform(Direction direction, Deadline deadline);

    mutable std::atomic<State> state_ = nothing;
    std::atomic<internal::IoHandle*> handle_ = nullptr;
    std::atomic<unsigned> budget_ = operations_per_turn;
};

}  // namespace thrum
