// thrum/threads/internal/wait_set.hpp: floor 1, threads
// One thread that waits for several futures: they tell it as they finish, and nothing is left in them when it
// goes.
#pragma once

#include <thrum/threads/internal/future_state.hpp>

#include <cstddef>
#include <optional>
#include <vector>

namespace thrum::internal {

class WaitSet;

// One future of a set. Its links are guarded by the future's Spin, `next_done` by the set's.
struct Watch {
    WaitSet* set = nullptr;
    FutureCore* core = nullptr;
    std::size_t index = 0;
    Watch* previous = nullptr;
    Watch* next = nullptr;
    bool linked = false;
    Watch* next_done = nullptr;
};

// Used by one thread, told by any.
class WaitSet {
public:
    explicit WaitSet(std::size_t size) { watches_.reserve(size); }
    ~WaitSet();
    WaitSet(const WaitSet&) = delete;
    WaitSet& operator=(const WaitSet&) = delete;

    // Not more often than the size given.
    void add(FutureCore& core) noexcept;

    // The number of the future that finished next, in the order of adding; nothing when the deadline passed
    // first. Throws as waits do.
    std::optional<std::size_t> next(Deadline deadline);
    // Until `count` have finished, or one has failed if `or_failure`. False when the deadline passed first.
    bool wait(std::size_t count, bool or_failure, Deadline deadline);

    // By a future that is done, under its Spin or after.
    void finished(Watch& watch, bool failed) noexcept;

private:
    bool satisfied() const noexcept { return done_ >= wanted_ || (failed_ && wants_failure_); }

    Spin spin_;
    std::vector<Watch> watches_;
    std::size_t done_ = 0;
    std::size_t taken_ = 0;
    std::size_t wanted_ = 0;
    bool failed_ = false;
    bool wants_failure_ = false;
    Watch* first_done_ = nullptr;
    Watch* last_done_ = nullptr;
    WaitList waiters_{"futures"};
};

}  // namespace thrum::internal
