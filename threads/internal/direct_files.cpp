// thrum/threads/internal/direct_files.cpp: floor 1, threads
#include <thrum/threads/internal/direct_files.hpp>
#include <thrum/threads/internal/direct_ring.hpp>
#include <thrum/threads/internal/forked.hpp>
#include <thrum/threads/internal/worker.hpp>

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <new>

namespace thrum::internal {

namespace {

constexpr std::uint32_t none = ~std::uint32_t{0};
constexpr unsigned most_workers = 1U << DirectFile::worker_bits;
// A request's length has 32 bits; more would be asked for modulo 2^32.
constexpr std::size_t most_bytes_per_request = std::size_t{1} << 30;
constexpr unsigned char install_operation = 54;  // IORING_OP_FIXED_FD_INSTALL, Linux 6.8

// By number; a worker's are never destroyed while one of its files is known to anybody.
std::array<std::atomic<DirectFiles*>, most_workers> all_files;
std::atomic<unsigned> files_made = 0;
std::atomic<std::size_t> open_files = 0;

}  // namespace

std::unique_ptr<DirectFiles> DirectFiles::make(int wake_fd) noexcept {
    std::unique_ptr<DirectFiles> files(new (std::nothrow) DirectFiles(wake_fd));
    if (files == nullptr || files->ring_with_room() == nullptr) return nullptr;
    files->id_ = files_made.fetch_add(1);
    if (files->id_ >= most_workers) return nullptr;
    all_files[files->id_].store(files.get());
    return files;
}

DirectFiles::DirectFiles(int wake_fd) noexcept : wake_fd_(wake_fd) {}

DirectFiles::~DirectFiles() = default;

DirectFiles* DirectFiles::here() noexcept {
    Worker* const worker = Worker::current();
    // The rings are the parent's.
    if (worker == nullptr || in_forked_child.load(std::memory_order_relaxed)) return nullptr;
    return worker->reactor().direct_files(false);
}

std::size_t DirectFiles::count() noexcept { return open_files.load(std::memory_order_relaxed); }

DirectRing* DirectFiles::ring_with_room() noexcept {
    for (unsigned tried = 0; tried < tables_; ++tried) {
        const unsigned table = (last_table_ + tried) % tables_;
        if (rings_[table]->is_full()) continue;
        last_table_ = table;
        return rings_[table].get();
    }
    if (tables_ == most_tables_per_worker) {
        errno = EMFILE;
        return nullptr;
    }
    std::unique_ptr<DirectRing> ring = DirectRing::make(wake_fd_);
    if (ring == nullptr) return nullptr;
    last_table_ = tables_;
    rings_[tables_] = std::move(ring);
    return rings_[tables_++].get();
}

bool DirectFiles::adopt(int fd, DirectFile& file) noexcept {
    DirectRing* const ring = ring_with_room();
    if (ring == nullptr) return false;
    const std::uint32_t place = ring->adopt(fd);
    if (place == DirectRing::no_place) return false;
    file.number = (id_ << DirectFile::table_bits | last_table_) << DirectFile::place_bits | place;
    open_files.fetch_add(1, std::memory_order_relaxed);
    return true;
}

ssize_t DirectFiles::answer(int result) noexcept {
    if (result >= 0) return result;
    errno = -result;
    return -1;
}

int DirectFiles::lend(DirectFile file) noexcept {
    DirectRing& ring = ring_of(file);
    io_uring_sqe* const entry = ring.next_entry();
    io_uring_prep_rw(install_operation, entry, static_cast<int>(file.place()), nullptr, 0, 0);
    return static_cast<int>(answer(ring.run(entry)));
}

ssize_t DirectFiles::receive(DirectFile file, void* data, std::size_t size, int flags) noexcept {
    DirectRing& ring = ring_of(file);
    io_uring_sqe* const entry = ring.next_entry();
    size = std::min(size, most_bytes_per_request);
    io_uring_prep_recv(entry, static_cast<int>(file.place()), data, size, flags | MSG_DONTWAIT);
    return answer(ring.run(entry));
}

ssize_t DirectFiles::send(DirectFile file, const void* data, std::size_t size, int flags) noexcept {
    DirectRing& ring = ring_of(file);
    io_uring_sqe* const entry = ring.next_entry();
    size = std::min(size, most_bytes_per_request);
    io_uring_prep_send(entry, static_cast<int>(file.place()), data, size, flags | MSG_DONTWAIT);
    return answer(ring.run(entry));
}

ssize_t DirectFiles::send(DirectFile file, const msghdr& message, int flags) noexcept {
    DirectRing& ring = ring_of(file);
    io_uring_sqe* const entry = ring.next_entry();
    io_uring_prep_sendmsg(entry, static_cast<int>(file.place()), &message,
                          static_cast<unsigned>(flags) | MSG_DONTWAIT);
    return answer(ring.run(entry));
}

void DirectFiles::watch(DirectFile file, IoWait& wait) noexcept { ring_of(file).watch(file.place(), wait); }

void DirectFiles::unwatch(DirectFile file, IoWait& wait) noexcept { ring_of(file).unwatch(wait); }

void DirectFiles::close(DirectFile file) noexcept {
    if (in_forked_child.load(std::memory_order_relaxed)) return;  // which has no such file
    DirectFiles* const own = here();
    if (own != nullptr && own->owns(file)) {
        own->close_here(file);
    } else {
        all_files[file.worker()].load()->post_close(file);
    }
}

void DirectFiles::close_here(DirectFile file) noexcept {
    DirectRing& ring = ring_of(file);
    open_files.fetch_sub(1, std::memory_order_relaxed);  // first: whoever sees its end finds it gone
    if (ring.is_watched(file.place())) {
        // A waiter that was woken takes its request back when it runs; the peer shall not wait for that.
        const int fd = lend(file);
        if (fd >= 0) {
            ::shutdown(fd, SHUT_RDWR);
            ::close(fd);
        }
    }
    ring.remove(file.place());
}

void DirectFiles::post_close(DirectFile file) noexcept {
    std::atomic<std::uint32_t>& link = ring_of(file).link(file.place());
    std::uint32_t head = posted_.load(std::memory_order_relaxed);
    do {
        link.store(head, std::memory_order_relaxed);
    } while (!posted_.compare_exchange_weak(head, file.number, std::memory_order_release,
                                            std::memory_order_relaxed));
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(wake_fd_, &one, sizeof one);
}

bool DirectFiles::close_posted() noexcept {
    if (posted_.load(std::memory_order_relaxed) == none) return false;
    DirectFile file{posted_.exchange(none, std::memory_order_acquire)};
    while (file.number != none) {
        const std::uint32_t next = ring_of(file).link(file.place()).load(std::memory_order_relaxed);
        close_here(file);
        file.number = next;
    }
    return true;
}

bool DirectFiles::look() noexcept {
    bool came = close_posted();  // which may wake somebody, too
    for (unsigned table = 0; table < tables_; ++table) came |= rings_[table]->look();
    return came;
}

bool DirectFiles::before_sleep() noexcept {
    if (look()) return true;
    for (unsigned table = 0; table < tables_; ++table) rings_[table]->tell(true);
        // The kernel notes its news and then asks whether to tell; here it is the other way about.
#if defined(__SANITIZE_THREAD__)
    posted_.fetch_or(0);  // a fence it does not know; on x86-64 this is one, too
#else
    std::atomic_thread_fence(std::memory_order_seq_cst);
#endif
    bool has_news = false;
    for (unsigned table = 0; table < tables_; ++table) has_news |= rings_[table]->has_news();
    return has_news;
}

void DirectFiles::after_sleep() noexcept {
    for (unsigned table = 0; table < tables_; ++table) rings_[table]->tell(false);
    look();
}

void DirectFilesOnDemand::try_to_make(int wake_fd) noexcept {
    if (lacking_) return;
    files_ = DirectFiles::make(wake_fd);
    // What has run out comes back; what the kernel lacks does not.
    lacking_ = files_ == nullptr && errno != EMFILE && errno != ENFILE && errno != ENOMEM;
}

}  // namespace thrum::internal
