// thrum/threads/internal/reactor.hpp: floor 1, threads
// How a worker learns from the kernel that descriptors are ready: epoll or io_uring behind one interface.
#pragma once

#include <thrum/threads/deadline.hpp>
#include <thrum/threads/internal/io_handle.hpp>

#include <memory>

namespace thrum::internal {

class DirectFiles;

// One per worker. All members but wake() and forget() are called by that worker alone.
class Reactor {
public:
    virtual ~Reactor() = default;
    virtual const char* name() const noexcept = 0;

    // By the worker's OS thread, once, before anything else.
    virtual void start() = 0;
    // The fiber of `wait` is about to park until `fd` is ready; a completion claims and wakes it. Returns 0,
    // or an errno value where the kernel cannot watch this descriptor.
    virtual int watch(IoHandle& handle, int fd, IoWait& wait) noexcept = 0;
    // The wait has ended for another reason: no completion touches `wait` any more.
    virtual void unwatch(IoWait& wait) noexcept = 0;
    // Delivers what has come. Blocks until something comes or `until`, not at all where `until` has passed.
    virtual void poll(Deadline until) noexcept = 0;
    // By any thread: makes a blocked poll() return.
    virtual void wake() noexcept = 0;
    // By any thread, with the handle's Spin held, before the descriptor is closed.
    virtual void forget(IoHandle& handle, int fd) noexcept = 0;
    // The worker's files without numbers; nullptr where there are none, nor any to be had if `make`.
    virtual DirectFiles* direct_files(bool make) noexcept {
        static_cast<void>(make);
        return nullptr;
    }
};

std::unique_ptr<Reactor> make_epoll_reactor();
// nullptr where the kernel refuses io_uring or lacks what we use of it.
std::unique_ptr<Reactor> make_uring_reactor() noexcept;

}  // namespace thrum::internal
