// thrum/threads/internal/model/parts.hpp: floor 1, threads
// What several scenarios are built of.
#pragma once

#include <thrum/threads/internal/model/world.hpp>

namespace thrum::internal::model {

// A canceller needs to know whom; it comes too early as often as not.
using Victim = Task*;

inline void cancel(const Victim& victim) {
    if (victim != nullptr) victim->cancel();
}

// A place that only one may be in at a time. The atomic between makes room for another to come in.
class Room {
public:
    void visit(World& world) {
        world.check(inside_++ == 0, "two threads hold the lock at once");
        ++visits_;
        world.check(--inside_ == 0, "two threads held the lock at once");
    }
    int visits() const { return static_cast<int>(visits_.peek()); }

private:
    int inside_ = 0;
    Atomic<int> visits_ = 0;
};

// Waits until `holds()`, which looks at atomics, without a wait of the code that is tried.
template <class Holds>
void spin_until(Holds&& holds) {
    while (!holds()) pause();
}

}  // namespace thrum::internal::model
