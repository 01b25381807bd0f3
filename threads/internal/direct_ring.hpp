// thrum/threads/internal/direct_ring.hpp: floor 1, threads
// One io_uring with a table of files, and what is asked of them (direct_files.hpp).
#pragma once

#include <thrum/threads/internal/poll_slots.hpp>

#include <liburing.h>

#include <atomic>
#include <cstdint>
#include <memory>

namespace thrum::internal {

// Used by the thread that made it alone, but for link().
class DirectRing {
public:
    static constexpr std::uint32_t no_place = ~std::uint32_t{0};

    // nullptr with errno where the kernel refuses.
    static std::unique_ptr<DirectRing> make(int wake_fd) noexcept;
    ~DirectRing();
    DirectRing(const DirectRing&) = delete;
    DirectRing& operator=(const DirectRing&) = delete;

    bool is_full() const noexcept { return free_ == no_place; }
    // The place it got, which is not full; no_place with errno.
    std::uint32_t adopt(int fd) noexcept;
    // Gives the place back, once nobody waits on it any more. The file ends unless a poll request or somebody
    // else holds it.
    void remove(std::uint32_t place) noexcept;
    // Somebody waits for it, so that remove() alone would not end it at once.
    bool is_watched(std::uint32_t place) const noexcept { return places_[place].watched != 0; }
    // Of a place in use, for a list that its owner keeps.
    std::atomic<std::uint32_t>& link(std::uint32_t place) const noexcept { return places_[place].link; }

    // An entry that names the file at `place`, to be filled by io_uring_prep_…(entry, place, …) and then
    // finished by run().
    io_uring_sqe* next_entry() noexcept;
    // Sends it off as one for a file of the table; the kernel must answer without waiting. The result, or
    // minus an errno value.
    int run(io_uring_sqe* entry) noexcept { return run_plain(entry, IOSQE_FIXED_FILE); }

    void watch(std::uint32_t place, IoWait& wait) noexcept;
    void unwatch(IoWait& wait) noexcept;

    // Delivers what has come. True where something had.
    bool look() noexcept;
    bool has_news() const noexcept;
    // Whether news are written to the eventfd.
    void tell(bool on) noexcept { io_uring_cq_eventfd_toggle(&ring_, on); }

private:
    struct Place {
        std::atomic<std::uint32_t> link = no_place;  // the next free one, or of the owner's list
        std::uint32_t watched = 0;                   // poll requests on it
        bool removed = false;                        // its file; those who waited have not all gone
    };

    DirectRing() noexcept = default;
    int start(int wake_fd) noexcept;  // 0 or minus an errno value
    void reuse_if_left(std::uint32_t place) noexcept;
    int run_plain(io_uring_sqe* entry, unsigned flags) noexcept;
    void forget(const IoWait& wait) noexcept;
    void remove_poll(std::uint64_t data) noexcept;
    void watch_beyond_half_close(const IoWait& wait, const io_uring_cqe& completion) noexcept;
    bool drain() noexcept;

    mutable io_uring ring_{};
    bool valid_ = false;
    bool answered_ = false;
    int answer_ = 0;
    std::uint32_t free_ = no_place;
    std::unique_ptr<Place[]> places_;
    PollSlots slots_;
};

}  // namespace thrum::internal
