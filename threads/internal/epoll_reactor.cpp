// thrum/threads/internal/epoll_reactor.cpp: floor 1, threads
// Edge-triggered epoll: a descriptor is registered once, with the worker that first waits on it, for both
// directions (epoll(7)). Its events then cost no further system calls.
#include <thrum/base/errors.hpp>
#include <thrum/base/file.hpp>
#include <thrum/threads/internal/clock.hpp>
#include <thrum/threads/internal/direct_files.hpp>
#include <thrum/threads/internal/reactor.hpp>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>

namespace thrum::internal {

namespace {

constexpr std::size_t events_per_poll = 256;
constexpr int handles_ahead = 8;
constexpr int waiters_ahead = 4;

class EpollReactor final : public Reactor {
public:
    EpollReactor() : epoll_(::epoll_create1(EPOLL_CLOEXEC)), wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
        if (!epoll_ || !wake_) throw_os_error(errno, "cannot make an epoll instance");
        epoll_event event{};
        event.events = EPOLLIN | EPOLLET;
        event.data.ptr = nullptr;
        if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event) != 0) {
            throw_os_error(errno, "cannot watch an eventfd");
        }
    }

    const char* name() const noexcept override { return "epoll"; }
    void start() override {}

    int watch(IoHandle& handle, int fd, IoWait& wait) noexcept override {
        // Under the handle's Spin, so that two first waiters do not both register. A waiter that close() took
        // out meanwhile is no longer linked: the number may be another's.
        SpinGuard guard(handle.spin);
        if (!wait.linked || handle.registered != nullptr) return 0;
        epoll_event event{};
        event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
        event.data.ptr = &handle;
        if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) return errno;
        handle.registered = this;
        return 0;
    }

    void unwatch(IoWait&) noexcept override {}

    void poll(Deadline until) noexcept override {
        const int count = wait(direct_.before_poll(until));
        for (int i = 0; i < count; ++i) {
            warm_up(events_.data(), i, count);
            const epoll_event& event = events_[static_cast<std::size_t>(i)];
            if (event.data.ptr == nullptr) continue;  // wake(): edge-triggered, the counter is never read
            const bool gone = (event.events & (EPOLLERR | EPOLLHUP)) != 0;
            deliver(*static_cast<IoHandle*>(event.data.ptr),
                    gone || (event.events & (EPOLLIN | EPOLLRDHUP)) != 0,
                    gone || (event.events & EPOLLOUT) != 0, gone || (event.events & EPOLLRDHUP) != 0);
        }
        direct_.after_poll();
    }

    void wake() noexcept override {
        const std::uint64_t one = 1;
        [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof one);
    }

    void forget(IoHandle&, int fd) noexcept override {
        // Closing would not do where a duplicate of the descriptor lives on, in a child process for one.
        epoll_event event{};
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, &event);
    }

    DirectFiles* direct_files(bool make) noexcept override { return direct_.get(make, wake_.get()); }

private:
    // With thousands of descriptors none of what an event leads to is in the caches: what the events to come
    // will touch is brought there while this one is dealt with.
    static void warm_up(const epoll_event* events, int i, int count) noexcept {
        if (i + handles_ahead < count) __builtin_prefetch(events[i + handles_ahead].data.ptr, 1);
        if (i + waiters_ahead >= count) return;
        const auto* const handle = static_cast<const IoHandle*>(events[i + waiters_ahead].data.ptr);
        if (handle == nullptr) return;
        warm_up_waiter(handle->last_wait.load(std::memory_order_relaxed),
                       handle->last_task.load(std::memory_order_relaxed));
    }

    int wait(Deadline until) noexcept {
        timespec left{};
        if (until != never) {
            const Deadline now = internal::now();
            if (until > now) {
                const auto nanoseconds = std::chrono::nanoseconds(until - now).count();
                left.tv_sec = nanoseconds / 1'000'000'000;
                left.tv_nsec = nanoseconds % 1'000'000'000;
            }
        }
        if (has_pwait2_) {
            const int count = ::epoll_pwait2(epoll_.get(), events_.data(), events_per_poll,
                                             until == never ? nullptr : &left, nullptr);
            if (count >= 0 || errno == EINTR) return count;
            has_pwait2_ = false;  // before Linux 5.11, or refused by an old sandbox
        }
        constexpr long longest = 1'000'000;  // milliseconds; poll() may return early
        const long milliseconds =
            left.tv_sec >= 1000 ? longest : left.tv_sec * 1000 + (left.tv_nsec + 999'999) / 1'000'000;
        return ::epoll_wait(epoll_.get(), events_.data(), events_per_poll,
                            until == never ? -1 : static_cast<int>(milliseconds));
    }

    // Not on the stack: whoever parks while others are ready looks at the kernel, and would keep these pages.
    std::array<epoll_event, events_per_poll> events_;
    UniqueFd epoll_;
    UniqueFd wake_;
    DirectFilesOnDemand direct_;
    bool has_pwait2_ = true;
};

}  // namespace

std::unique_ptr<Reactor> make_epoll_reactor() { return std::make_unique<EpollReactor>(); }

}  // namespace thrum::internal
