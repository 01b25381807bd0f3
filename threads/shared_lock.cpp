// thrum/threads/shared_lock.cpp: floor 1, threads
// Whoever sets `busy` owns the word and the lists until it stores the word again, which is its last touch:
// the lock may be destroyed right after. Waiters are handed the lock, never told to try again.
//
// Invariant, whenever `busy` is not set: who waits, waits for somebody inside. No reader waits while only
// readers are inside, unless a writer waits too.
#include <thrum/threads/internal/misuse.hpp>
#include <thrum/threads/internal/spin.hpp>
#include <thrum/threads/internal/task.hpp>
#include <thrum/threads/shared_lock.hpp>

namespace thrum {

using internal::Task;
using internal::Wake;

// The word as it was, without `busy` and `awaited`: whether anybody waits is then for the lists to say.
std::uint64_t SharedLock::take_lists() noexcept {
    internal::Backoff backoff;
    std::uint64_t word = word_.load(std::memory_order_relaxed);
    for (;;) {
        if ((word & busy) != 0) {
            backoff.pause();
            word = word_.load(std::memory_order_relaxed);
        } else if (word_.compare_exchange_weak(word, word | busy, std::memory_order_acquire,
                                               std::memory_order_relaxed)) {
            return word & ~awaited;
        }
    }
}

void SharedLock::give_lists(std::uint64_t word) noexcept {
    const bool waiters = !writers_.empty() || !readers_.empty();
    word_.store(waiters ? word | awaited : word, std::memory_order_release);
}

bool SharedLock::lock_slow(Deadline deadline) {
    const std::uint64_t word = take_lists();
    if (word == 0) {
        give_lists(written);
        return true;
    }
    return wait_in(writers_, word, deadline);
}

bool SharedLock::lock_shared_slow(Deadline deadline) {
    const std::uint64_t word = take_lists();
    if ((word & written) == 0 && writers_.empty()) {
        give_lists(word + one_reader);
        return true;
    }
    return wait_in(readers_, word, deadline);
}

// With the lists taken; true when the lock was handed over.
bool SharedLock::wait_in(internal::WaitList& list, std::uint64_t word, Deadline deadline) {
    Task& task = internal::current_task();
    internal::Waiter waiter(task);
    task.arm(false, {list.kind(), this});
    list.push_back(waiter);
    give_lists(word);
    const Wake how = task.park(internal::effective_deadline(task, deadline));
    if (how == Wake::notified) return true;
    word = take_lists();
    if (waiter.linked) list.remove(waiter);
    // Readers may have waited behind this writer alone.
    if ((word & written) == 0 && writers_.empty()) word += admit_readers();
    give_lists(word);
    return internal::settle(how, task, deadline);
}

// Lets in all that wait. They may run before the lists are given back, but not unlock.
std::uint64_t SharedLock::admit_readers() noexcept {
    std::uint64_t admitted = 0;
    while (Task* const task = readers_.claim_one()) {
        admitted += one_reader;
        task->wake();
    }
    return admitted;
}

void SharedLock::unlock_slow() noexcept {
    std::uint64_t word = take_lists();
    if ((word & written) == 0) {
        internal::abort_misuse("unlocks a SharedLock that nobody holds for writing%s",
                               word == 0 ? "" : ": readers call unlock_shared()");
    }
    Task* writer = nullptr;
    word = admit_readers();
    if (word == 0) {
        writer = writers_.claim_one();
        if (writer != nullptr) word = written;
    }
    give_lists(word);
    if (writer != nullptr) writer->wake();
}

void SharedLock::unlock_shared_slow() noexcept {
    std::uint64_t word = take_lists();
    if (word < one_reader) {
        internal::abort_misuse("unlocks a SharedLock that nobody holds for reading%s",
                               word == 0 ? "" : ": its writer calls unlock()");
    }
    word -= one_reader;
    Task* writer = nullptr;
    if (word == 0) {
        writer = writers_.claim_one();
        word = writer != nullptr ? written : admit_readers();
    }
    give_lists(word);
    if (writer != nullptr) writer->wake();
}

}  // namespace thrum
