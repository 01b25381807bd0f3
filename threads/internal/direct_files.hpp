// thrum/threads/internal/direct_files.hpp: floor 1, threads
// Open files without a descriptor number: io_uring's registered files ("direct descriptors"), of which a
// process may have more than its descriptor limit. io_uring_register_files_sparse(3): one ring's table has
// at most as many places as that limit, so a worker has as many rings, each with a table, as it needs.
//
// A file without a number is reached by requests of its own ring alone. Those made here never wait: with
// MSG_DONTWAIT the kernel answers while it takes the request, or says EAGAIN, and the thread then parks on a
// poll request as with any descriptor. So no request that knows a buffer ever outlives its call, and a cancel
// has no request to race with and loses no bytes. What has no request of its own is done by a system call on
// a number lent for as long as the call lasts.
#pragma once

#include <thrum/threads/internal/direct_file.hpp>
#include <thrum/threads/internal/io_handle.hpp>

#include <sys/socket.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace thrum::internal {

class DirectRing;

// Places in one table, where the descriptor limit is not lower; and tables of one worker.
inline constexpr unsigned most_files_per_table = 1U << DirectFile::place_bits;
inline constexpr unsigned most_tables_per_worker = 1U << DirectFile::table_bits;

// Those of one worker. All members but close() and count() are called by that worker alone.
class DirectFiles {
public:
    // nullptr where the kernel has too little of io_uring: Linux 6.14 is needed, since before 6.13 a removed
    // file stays open for as long as any older request of its ring waits. `wake_fd` is an eventfd that is
    // written to when news come while the worker sleeps.
    static std::unique_ptr<DirectFiles> make(int wake_fd) noexcept;
    ~DirectFiles();
    DirectFiles(const DirectFiles&) = delete;
    DirectFiles& operator=(const DirectFiles&) = delete;

    // Of the worker that calls; nullptr on another thread, and where none were made yet.
    static DirectFiles* here() noexcept;
    bool owns(DirectFile file) const noexcept { return file.worker() == id_; }
    // Of all workers, open now. By any thread.
    static std::size_t count() noexcept;

    // Puts an open file into a table; `fd` stays open. False, with errno, where that cannot be done.
    bool adopt(int fd, DirectFile& file) noexcept;
    // An ordinary number for it, close-on-exec; -1 with errno, EMFILE for one.
    int lend(DirectFile file) noexcept;
    // As the system calls, which never wait here: -1 with errno EAGAIN instead.
    ssize_t receive(DirectFile file, void* data, std::size_t size, int flags) noexcept;
    ssize_t send(DirectFile file, const void* data, std::size_t size, int flags) noexcept;
    ssize_t send(DirectFile file, const msghdr& message, int flags) noexcept;

    // As Reactor::watch() and unwatch().
    void watch(DirectFile file, IoWait& wait) noexcept;
    void unwatch(DirectFile file, IoWait& wait) noexcept;

    // By any thread, once for each file, when no other call knows it any more. From another thread than its
    // worker's it happens there, soon.
    static void close(DirectFile file) noexcept;

    // By the reactor: delivers what has come. True where something had.
    bool look() noexcept;
    // The worker is about to sleep: from here on news are written to the eventfd. True where there are some
    // already, so that it should not.
    bool before_sleep() noexcept;
    void after_sleep() noexcept;

private:
    explicit DirectFiles(int wake_fd) noexcept;
    DirectRing& ring_of(DirectFile file) noexcept { return *rings_[file.table()]; }
    DirectRing* ring_with_room() noexcept;
    void close_here(DirectFile file) noexcept;
    bool close_posted() noexcept;
    void post_close(DirectFile file) noexcept;
    ssize_t answer(int result) noexcept;

    const int wake_fd_;
    std::uint32_t id_ = 0;
    unsigned tables_ = 0;
    unsigned last_table_ = 0;  // that had room
    std::array<std::unique_ptr<DirectRing>, most_tables_per_worker> rings_;
    // Files that other threads closed, linked through their rings' places; the number, or none.
    std::atomic<std::uint32_t> posted_ = ~std::uint32_t{0};
};

// What a reactor has of them: made when first asked for.
class DirectFilesOnDemand {
public:
    // nullptr where there are none, nor any to be had if `make`.
    DirectFiles* get(bool make, int wake_fd) noexcept {
        if (make && files_ == nullptr) try_to_make(wake_fd);
        return files_.get();
    }
    // Around the reactor's look at the kernel, which lasts until the deadline that before_poll() gives.
    Deadline before_poll(Deadline until) noexcept {
        return files_ != nullptr && files_->before_sleep() ? Deadline::min() : until;
    }
    void after_poll() noexcept {
        if (files_ != nullptr) files_->after_sleep();
    }

private:
    void try_to_make(int wake_fd) noexcept;

    std::unique_ptr<DirectFiles> files_;
    bool lacking_ = false;
};

}  // namespace thrum::internal
