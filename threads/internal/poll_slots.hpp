// thrum/threads/internal/poll_slots.hpp: floor 1, threads
// The poll requests of one io_uring: which wait a completion is for.
//
// A request's user data names a slot and the slot's generation. A completion whose generation is over is
// dropped, so nobody waits for the completion of a cancelled poll: the kernel writes to no memory of ours but
// the ring.
#pragma once

#include <thrum/threads/internal/io_handle.hpp>

#include <poll.h>

#include <cstdint>
#include <vector>

namespace thrum::internal {

// What a poll request asks for. Errors and hang-ups are told of unasked.
inline unsigned events_of(Direction direction) noexcept {
    if (direction == Direction::error) return 0;
    return direction == Direction::read ? POLLIN | POLLRDHUP : POLLOUT;
}

// Used by the ring's own thread alone.
class PollSlots {
public:
    // No user data of a slot is equal to this or above; for a ring's other requests.
    static constexpr std::uint64_t reserved = std::uint64_t{1} << 63;

    // A slot for `wait`, which remembers it.
    void take(IoWait& wait) {
        if (free_ == none) {
            slots_.emplace_back();
            free_ = static_cast<std::uint32_t>(slots_.size() - 1);
        }
        wait.slot = free_;
        free_ = slots_[wait.slot].next_free;
        slots_[wait.slot].wait = &wait;
    }
    // False where it has completed, and its wake-up lost the race to another reason.
    bool holds(const IoWait& wait) const noexcept { return slots_[wait.slot].wait == &wait; }
    std::uint64_t data_of(const IoWait& wait) const noexcept {
        return std::uint64_t{slots_[wait.slot].generation} << 32 | wait.slot;
    }
    void give_back(const IoWait& wait) noexcept {
        Slot& slot = slots_[wait.slot];
        slot.wait = nullptr;
        // 31 bits, so that no data word is a reserved one.
        slot.generation = (slot.generation + 1) & 0x7fff'ffff;
        slot.next_free = free_;
        free_ = wait.slot;
    }
    // nullptr where nobody waits for it any more.
    IoWait* waiting_for(std::uint64_t data) const noexcept {
        const auto index = static_cast<std::uint32_t>(data);
        if (index >= slots_.size()) return nullptr;
        const Slot& slot = slots_[index];
        return slot.generation == static_cast<std::uint32_t>(data >> 32) ? slot.wait : nullptr;
    }

private:
    static constexpr std::uint32_t none = ~std::uint32_t{0};

    struct Slot {
        IoWait* wait = nullptr;
        std::uint32_t generation = 0;
        std::uint32_t next_free = none;
    };

    std::vector<Slot> slots_;
    std::uint32_t free_ = none;
};

}  // namespace thrum::internal
