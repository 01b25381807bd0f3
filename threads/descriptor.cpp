// thrum/threads/descriptor.cpp: floor 1, threads
#include <thrum/base/errors.hpp>
#include <thrum/threads/descriptor.hpp>
#include <thrum/threads/internal/clock.hpp>
#include <thrum/threads/internal/direct_files.hpp>
#include <thrum/threads/internal/forked.hpp>
#include <thrum/threads/internal/io_handle.hpp>
#include <thrum/threads/internal/reactor.hpp>
#include <thrum/threads/internal/simulated_time.hpp>
#include <thrum/threads/internal/worker.hpp>
#include <thrum/threads/thread.hpp>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <utility>

namespace thrum {

using internal::DirectFile;
using internal::DirectFiles;
using internal::IoHandle;
using internal::IoWait;
using internal::SpinGuard;
using internal::Task;
using internal::Wake;
using internal::Worker;
namespace readiness = internal::readiness;

namespace {

// The handle of a descriptor, made at its first wait; two first waiters agree on one.
IoHandle& handle_of(std::atomic<IoHandle*>& place) {
    IoHandle* handle = place.load(std::memory_order_acquire);
    if (handle != nullptr) return *handle;
    IoHandle* const fresh = internal::allocate_handle();
    if (place.compare_exchange_strong(handle, fresh, std::memory_order_acq_rel)) return *fresh;
    internal::recycle_handle(fresh);
    return *handle;
}

// What poll(2) is asked for; errors and hang-ups it tells of unasked.
constexpr short events_of(Direction direction) noexcept {
    if (direction == Direction::error) return 0;
    return direction == Direction::read ? POLLIN | POLLRDHUP : POLLOUT;
}

Wake park_on(IoHandle& handle, IoWait& wait, Task& task, int fd, Deadline deadline) noexcept {
    const internal::RealTime real(task);
    if (!task.is_fiber()) {
        return task.park_on_descriptor(fd, events_of(wait.direction), deadline);
    }
    internal::Reactor& reactor = Worker::current()->reactor();
    wait.error = reactor.watch(handle, fd, wait);
    if (wait.error != 0 && task.claim(Wake::notified)) task.wake();
    const Wake how = task.park(deadline);
    if (how != Wake::notified) reactor.unwatch(wait);
    return how;
}

Wake park_on(DirectFiles& files, DirectFile file, IoWait& wait, Task& task, Deadline deadline) noexcept {
    const internal::RealTime real(task);
    files.watch(file, wait);
    const Wake how = task.park(deadline);
    // In any case: an event that was under way to the handle's last owner may have woken it.
    files.unwatch(file, wait);
    return how;
}

// As a dump of all threads tells it.
const char* waited_for(Direction direction, bool direct) noexcept {
    switch (direction) {
        case Direction::read: return direct ? "direct descriptor % for reading" : "descriptor % for reading";
        case Direction::write: return direct ? "direct descriptor % for writing" : "descriptor % for writing";
        default: break;
    }
    return direct ? "direct descriptor % for its error queue" : "descriptor % for its error queue";
}

// Those of the calling worker, which `file` is one of.
DirectFiles& files_with(DirectFile file) {
    DirectFiles* const files = DirectFiles::here();
    if (files != nullptr && files->owns(file)) return *files;
    throw WrongWorkerError(
        "cannot use a direct descriptor here: it lies in the table of another worker. Use it in the thread "
        "that "
        "made it direct, or call make_ordinary() there first");
}

}  // namespace

Descriptor::Descriptor(Descriptor&& other) noexcept
    : state_(other.state_.exchange(nothing)), handle_(other.handle_.exchange(nullptr)) {}

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
    if (this != &other) {
        close();
        handle_.store(other.handle_.exchange(nullptr));
        state_.store(other.state_.exchange(nothing));
    }
    return *this;
}

bool Descriptor::wake_waiters(int fd) noexcept {
    IoHandle* const handle = handle_.exchange(nullptr);
    // In a forked child the waiters and the reactor are the parent's.
    if (handle == nullptr || internal::in_forked_child.load(std::memory_order_relaxed)) return false;
    bool waited_for = false;
    {
        SpinGuard guard(handle->spin);
        handle->closed = true;
        if (handle->registered != nullptr) handle->registered->forget(*handle, fd);
        for (auto& waiters : handle->waiters) {
            waited_for = waited_for || !waiters.empty();
            waiters.wake_all(Wake::closed);
        }
    }
    internal::recycle_handle(handle);
    return waited_for;
}

int Descriptor::release() noexcept {
    if (is_direct()) {
        try {
            make_ordinary();
        } catch (const Error&) {
            return -1;
        }
    }
    State state = state_.load();
    do {
        if ((state & closed) != 0) {
            wake_waiters(-1);
            return -1;
        }
    } while (!state_.compare_exchange_weak(state, state | nothing));
    wake_waiters(number_in(state));
    return number_in(state);
}

void Descriptor::close() noexcept {
    const Use use(*this);
    const State state = state_.fetch_or(closed);
    if ((state & closed) != 0) {
        wake_waiters(-1);  // none; but a first wait that came too late has left a handle
        return;
    }
    // An io_uring request of a waiter holds the file open until the waiter takes it back. The peer, and
    // whoever wants the port, shall not wait for that. Where it is no socket, nothing is shut down.
    // DirectFiles::close() sees to that itself.
    const int fd = number_in(state);
    if (wake_waiters(fd) && fd >= 0) ::shutdown(fd, SHUT_RDWR);
}

void Descriptor::close_unless_used(State state) const noexcept {
    // A use that begins now sees the closed bit, and as it ends it comes here.
    if (state == nothing || state >= one_use || !state_.compare_exchange_strong(state, nothing)) return;
    const int error = errno;
    if ((state & direct) != 0) {
        DirectFiles::close(DirectFile{static_cast<std::uint32_t>(state & number)});
    } else {
        ::close(static_cast<int>(state & number));
    }
    errno = error;
}

DirectFile Descriptor::Use::file() const {
    const DirectFile file{static_cast<std::uint32_t>(state_ & number)};
    files_with(file);
    return file;
}

void Descriptor::Loan::give_back() const noexcept {
    const int error = errno;
    ::close(fd_);
    errno = error;
}

Descriptor::Loan Descriptor::lend_number(const Use& use) {
    const DirectFile file = use.file();
    const int fd = files_with(file).lend(file);
    return Loan(fd, fd >= 0);
}

Descriptor::Loan Descriptor::lend_direct() const {
    const Use use(*this);
    if (!use.is_direct()) {
        errno = EBADF;
        return Loan(-1, false);
    }
    Loan loan = lend_number(use);
    if (loan.fd() < 0) throw_os_error(errno, "cannot get a number for a direct descriptor");
    return loan;
}

void Descriptor::replace(State state) noexcept {
    wake_waiters(fd());
    Descriptor old;
    old.state_.store(state_.exchange(state));
}

bool Descriptor::make_direct() {
    if (!is_open()) throw_os_error(EBADF, "cannot make a descriptor direct");
    if (is_direct()) return true;
    Worker* const worker = Worker::current();
    DirectFiles* const files = worker == nullptr ? nullptr : worker->reactor().direct_files(true);
    DirectFile file;
    if (files == nullptr || !files->adopt(fd(), file)) return false;
    replace(direct | file.number);
    return true;
}

void Descriptor::make_ordinary() {
    if (!is_open()) throw_os_error(EBADF, "cannot make a descriptor an ordinary one");
    if (!is_direct()) return;
    const DirectFile file = Use(*this).file();
    const int fd = files_with(file).lend(file);
    if (fd < 0) throw_os_error(errno, "cannot make a direct descriptor an ordinary one");
    replace(static_cast<State>(fd));
}

unsigned Descriptor::readiness() const noexcept {
    const IoHandle* const handle = handle_.load(std::memory_order_acquire);
    return handle == nullptr ? 0 : handle->word.load(std::memory_order_acquire);
}

bool Descriptor::may_try(unsigned seen, Direction direction) noexcept {
    return (seen & readiness::dry(direction)) == 0;
}

void Descriptor::drained(unsigned seen, Direction direction, bool was_eagain) noexcept {
    IoHandle* const handle = handle_.load(std::memory_order_acquire);
    if (handle == nullptr) return;
    // After a hang-up there will be no further event to undo the mark, so only the kernel's own word sets it.
    if (!was_eagain && (seen & readiness::hung_up) != 0) return;
    // That there is nothing to read says that no end has come. That nothing can be written does not.
    const unsigned over = direction == Direction::read ? readiness::hung_up : 0;
    const unsigned marked = (seen & ~over) | readiness::dry(direction);
    handle->word.compare_exchange_strong(seen, marked, std::memory_order_acq_rel);
}

bool Descriptor::wait_for_perform(Direction direction, Deadline deadline) {
    const State state = state_.load() & (closed | direct | number);
    if ((state & closed) != 0) {
        errno = EBADF;
        return false;
    }
    const DirectFile file{static_cast<std::uint32_t>(state & number)};
    DirectFiles* const files = is_direct(state) ? &files_with(file) : nullptr;
    Task& task = internal::current_task();
    IoHandle& handle = handle_of(handle_);
    IoWait wait(task, direction);
    Wake how;
    {
        SpinGuard guard(handle.spin);
        // close() takes the number away before it comes through this Spin: from here on it will find the
        // waiter.
        if (handle.closed || handle_.load() != &handle || (state_.load() & closed) != 0) {
            errno = EBADF;
            return false;
        }
        // News may have come between the system call and now; an unregistered handle gets none, so it must
        // park.
        const unsigned word = handle.word.load(std::memory_order_acquire);
        if (handle.registered != nullptr && may_try(word, direction)) return true;
        task.arm(false, {waited_for(direction, files != nullptr),
                         reinterpret_cast<const void*>(static_cast<std::intptr_t>(file.number))});
        handle.waiters[static_cast<int>(direction)].push_back(wait);
        handle.last_task.store(&task, std::memory_order_relaxed);
        handle.last_wait.store(&wait, std::memory_order_relaxed);
    }
    const Deadline until = internal::effective_deadline(task, deadline);
    if (files != nullptr) {
        how = park_on(*files, file, wait, task, until);
    } else {
        how = park_on(handle, wait, task, number_in(state), until);
    }
    {
        SpinGuard guard(handle.spin);
        if (wait.linked) handle.waiters[static_cast<int>(direction)].remove(wait);
        // Where no epoll event undoes the mark (io_uring, poll(2)), the waiter does, whatever ended its wait:
        // the news may have come just after.
        if (how == Wake::notified || handle.registered == nullptr)
            handle.word.fetch_and(~readiness::dry(direction));
    }
    budget_.store(operations_per_turn, std::memory_order_relaxed);
    if (how == Wake::notified) {
        // EPERM: not a kind of descriptor that is watched, a plain file for one. It is always ready.
        if (wait.error == 0 || wait.error == EPERM) return true;
        errno = wait.error;
        return false;
    }
    if (how == Wake::cancelled) throw Cancelled();
    errno = how == Wake::closed ? EBADF : ETIMEDOUT;
    return false;
}

bool Descriptor::take_turn(Deadline deadline) {
    budget_.store(operations_per_turn, std::memory_order_relaxed);
    Task& task = internal::current_task();
    if (task.take_cancel()) throw Cancelled();
    const Deadline until = internal::effective_deadline(task, deadline);
    if (until != never && until <= internal::now()) {
        errno = ETIMEDOUT;
        return false;
    }
    yield();
    return true;
}

bool Descriptor::wait(Direction direction, Deadline deadline) {
    // Asks the kernel first: a mark may be older than the readiness.
    const short events = events_of(direction);
    const auto ask = [events](int fd) {
        pollfd now{fd, events, 0};
        return ::poll(&now, 1, 0);
    };
    for (;;) {
        const unsigned seen = readiness();
        const ssize_t ready = call(ask);
        if (ready > 0) return true;
        if (ready < 0 && errno == EINTR) continue;
        if (ready < 0) throw_os_error(errno, "cannot wait on a descriptor");
        drained(seen, direction, true);
        if (wait_for_perform(direction, deadline)) continue;
        if (errno == ETIMEDOUT) return false;
        throw_os_error(errno, "cannot wait on a descriptor");
    }
}

}  // namespace thrum
