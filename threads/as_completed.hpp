// thrum/threads/as_completed.hpp: floor 1, threads
// Several futures at once: as_completed gives them in the order of finishing, wait sorts them into done and
// not.
#pragma once

#include <thrum/threads/future.hpp>
#include <thrum/threads/internal/wait_set.hpp>

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

namespace thrum {

namespace internal {

// The range of as_completed(): yields each future once, when it is done.
template <class T>
class Completed {
public:
    Completed(std::vector<Future<T>>& futures, Deadline deadline)
        : futures_(&futures), set_(futures.size()), deadline_(deadline) {
        for (const auto& future : futures) set_.add(FutureAccess::core(future));
    }

    struct End {};
    class Iterator {
    public:
        explicit Iterator(Completed& range) : range_(&range) { ++*this; }
        Future<T>& operator*() const { return (*range_->futures_)[index_]; }
        Iterator& operator++() {
            if (left_ == 0) {
                left_ = -1;
                return *this;
            }
            --left_;
            const auto next = range_->set_.next(range_->deadline_);
            if (!next) throw_late();
            index_ = *next;
            return *this;
        }
        bool operator==(End) const { return left_ < 0; }

    private:
        [[noreturn]] void throw_late() const {
            throw TimeoutError(std::to_string(left_ + 1) + " of " + std::to_string(range_->futures_->size()) +
                               " futures were not done in time");
        }

        Completed* range_;
        std::size_t index_ = 0;
        std::ptrdiff_t left_ = static_cast<std::ptrdiff_t>(range_->futures_->size());
    };

    Iterator begin() { return Iterator(*this); }
    End end() const { return {}; }

private:
    std::vector<Future<T>>* futures_;
    WaitSet set_;
    Deadline deadline_;
};

}  // namespace internal

// for (auto& future : as_completed(futures)): each as soon as it is done. `futures` must stay as it is
// meanwhile. The iteration throws TimeoutError when the timeout passes first, counted from this call,
// Cancelled when the caller is cancelled; as_completed itself InvalidStateError where one of them is empty.
template <class T>
internal::Completed<T> as_completed(std::vector<Future<T>>& futures) {
    return internal::Completed<T>(futures, never);
}
template <class T>
internal::Completed<T> as_completed(std::vector<Future<T>>& futures, std::chrono::nanoseconds timeout) {
    return internal::Completed<T>(futures, deadline_after(timeout));
}

enum class ReturnWhen {
    first_completed,  // one is done, or cancelled
    first_exception,  // one has failed, or all are done
    all_completed,
};

struct WaitOptions {
    ReturnWhen return_when = ReturnWhen::all_completed;
    std::chrono::nanoseconds timeout = std::chrono::nanoseconds::max();  // the longest one waits
};

// Pointers into the vector that was waited for, in its order.
template <class T>
struct WaitResult {
    std::vector<Future<T>*> done;
    std::vector<Future<T>*> not_done;
};

// Python's concurrent.futures.wait(). Returns when what `return_when` says has come, or the timeout has
// passed: look at not_done. Throws Cancelled, TimeoutError when the deadline in force passes, and
// InvalidStateError where a future is empty.
template <class T>
WaitResult<T> wait(std::vector<Future<T>>& futures, const WaitOptions& options = {}) {
    if (!futures.empty()) {
        internal::WaitSet set(futures.size());
        for (const auto& future : futures) set.add(internal::FutureAccess::core(future));
        const bool first = options.return_when == ReturnWhen::first_completed;
        set.wait(first ? 1 : futures.size(), options.return_when == ReturnWhen::first_exception,
                 deadline_after(options.timeout));
    }
    WaitResult<T> result;
    for (auto& future : futures) (future.done() ? result.done : result.not_done).push_back(&future);
    return result;
}
template <class T>
WaitResult<T> wait(std::vector<Future<T>>& futures, ReturnWhen return_when) {
    return wait(futures, WaitOptions{.return_when = return_when});
}

}  // namespace thrum
