// thrum/sockets/internal/zerocopy_ledger.hpp: floor 2, sockets
// Which of one call's zero-copy sends the kernel has done with.
#pragma once

#include <thrum/sockets/zerocopy.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace thrum::internal {

// The kernel numbers the sends of a socket that carry MSG_ZEROCOPY, modulo 2^32, and tells by ranges of these
// numbers, in any order, which it has done with. Where the numbers of one call begin is not known before all
// have been told of, so a call has to wait for all of its own.
class ZerocopyLedger {
public:
    // A send that took `size` bytes, in the order of sending.
    void sent(std::size_t size) { sizes_.push_back(size); }
    // The sends with the numbers from `first` to `last` are done with.
    void done(std::uint32_t first, std::uint32_t last, bool copied);

    bool is_settled() const noexcept { return settled_ >= sizes_.size(); }
    // Whether the kernel has copied once, as it will then go on to.
    bool saw_copy() const noexcept { return saw_copy_; }
    // Once settled.
    ZerocopyResult result() const noexcept;

private:
    struct Range {
        std::uint32_t first;
        std::uint32_t last;
        bool copied;
    };
    std::vector<std::size_t> sizes_;
    std::vector<Range> ranges_;
    std::size_t settled_ = 0;
    bool saw_copy_ = false;
};

}  // namespace thrum::internal
