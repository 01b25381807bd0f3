// thrum/sockets/internal/zerocopy_ledger.cpp: floor 2, sockets
#include <thrum/sockets/internal/zerocopy_ledger.hpp>

namespace thrum::internal {

void ZerocopyLedger::done(std::uint32_t first, std::uint32_t last, bool copied) {
    ranges_.push_back({first, last, copied});
    settled_ += std::size_t{last - first} + 1;
    saw_copy_ = saw_copy_ || copied;
}

ZerocopyResult ZerocopyLedger::result() const noexcept {
    ZerocopyResult result;
    if (ranges_.empty()) return result;
    // The numbers wrap around, so the least is the one that lies behind no other.
    std::uint32_t base = ranges_.front().first;
    for (const Range& range : ranges_) {
        if (static_cast<std::int32_t>(range.first - base) < 0) base = range.first;
    }
    for (const Range& range : ranges_) {
        const std::size_t begin = range.first - base;
        for (std::size_t i = begin; i <= range.last - base && i < sizes_.size(); ++i)
            (range.copied ? result.copied : result.in_place) += sizes_[i];
    }
    return result;
}

}  // namespace thrum::internal
