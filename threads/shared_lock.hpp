// thrum/threads/shared_lock.hpp: floor 1, threads
// SharedLock: many readers or one writer.
#pragma once

#include <thrum/threads/deadline.hpp>
#include <thrum/threads/internal/atomic.hpp>
#include <thrum/threads/internal/wait_list.hpp>

#include <chrono>
#include <cstdint>

namespace thrum {

// C++'s SharedTimedLockable: std::shared_lock, std::unique_lock and std::scoped_lock work with it. Not
// recursive; nor may a reader lock it shared again, for it would wait behind a writer that waits for it. Any
// thread may unlock it. Thread-safe; may be destroyed as soon as its last holder's unlock has let another
// thread lock it.
//
// Nobody starves, by construction (it is phase-fair: Brandenburg and Anderson, 2010). Once a writer waits,
// new readers queue. When a writer leaves, all readers that wait then go in together; when the last reader
// leaves, the writer that came first goes in. So a reader waits for one writer at most after the readers that
// are inside, and a writer for those that came before it, with one round of readers between any two.
class SharedLock {
public:
    SharedLock() noexcept = default;
    SharedLock(const SharedLock&) = delete;
    SharedLock& operator=(const SharedLock&) = delete;

    // For writing. Throws Cancelled, and TimeoutError when the deadline in force passes first.
    void lock() {
        if (!try_lock()) lock_slow(never);
    }
    bool try_lock() noexcept {
        std::uint64_t word = 0;
        return word_.compare_exchange_strong(word, written, std::memory_order_acquire,
                                             std::memory_order_relaxed);
    }
    // False when the duration or deadline passed. Throw as lock() does.
    bool try_lock_for(std::chrono::nanoseconds duration) { return try_lock_until(deadline_after(duration)); }
    bool try_lock_until(Deadline deadline) { return try_lock() || lock_slow(deadline); }
    // Aborts with a message when nobody holds it for writing, which is a bug of the caller.
    void unlock() noexcept {
        std::uint64_t word = written;
        // Acquires too: whoever was handed the lock sees here that the one before has left it, and may free
        // it.
        if (!word_.compare_exchange_strong(word, 0, std::memory_order_acq_rel, std::memory_order_relaxed)) {
            unlock_slow();
        }
    }

    // For reading, along with others. As above; try_lock_shared() fails while a writer waits, too.
    void lock_shared() {
        if (!try_lock_shared()) lock_shared_slow(never);
    }
    bool try_lock_shared() noexcept {
        std::uint64_t word = word_.load(std::memory_order_relaxed);
        while ((word & not_for_readers) == 0) {
            if (word_.compare_exchange_weak(word, word + one_reader, std::memory_order_acquire,
                                            std::memory_order_relaxed)) {
                return true;
            }
        }
        return false;
    }
    bool try_lock_shared_for(std::chrono::nanoseconds duration) {
        return try_lock_shared_until(deadline_after(duration));
    }
    bool try_lock_shared_until(Deadline deadline) { return try_lock_shared() || lock_shared_slow(deadline); }
    // Aborts with a message when nobody holds it for reading.
    void unlock_shared() noexcept {
        std::uint64_t word = word_.load(std::memory_order_relaxed);
        while ((word & not_for_readers) == 0 && word >= one_reader) {
            if (word_.compare_exchange_weak(word, word - one_reader, std::memory_order_acq_rel,
                                            std::memory_order_relaxed)) {
                return;
            }
        }
        unlock_shared_slow();
    }

    // How many readers, and whether a writer, hold it at this moment.
    std::size_t readers() const noexcept {
        return static_cast<std::size_t>(word_.load(std::memory_order_relaxed) / one_reader);
    }
    bool locked() const noexcept { return (word_.load(std::memory_order_relaxed) & written) != 0; }

private:
    // The word: whether it is held for writing, whether somebody changes the lists, whether anybody is in
    // them, and above these the number of readers inside.
    static constexpr std::uint64_t written = 1;
    static constexpr std::uint64_t busy = 2;
    static constexpr std::uint64_t awaited = 4;
    static constexpr std::uint64_t one_reader = 8;
    static constexpr std::uint64_t not_for_readers = written | busy | awaited;

    bool lock_slow(Deadline deadline);
    bool lock_shared_slow(Deadline deadline);
    bool wait_in(internal::WaitList& list, std::uint64_t word, Deadline deadline);
    void unlock_slow() noexcept;
    void unlock_shared_slow() noexcept;
    std::uint64_t take_lists() noexcept;
    void give_lists(std::uint64_t word) noexcept;
    std::uint64_t admit_readers() noexcept;

    internal::Atomic<std::uint64_t> word_ = 0;
    internal::WaitList writers_{"SharedLock.lock"};  // both are changed only by whoever has set `busy`
    internal::WaitList readers_{"SharedLock.lock_shared"};
};

}  // namespace thrum
