// thrum/sockets/zerocopy.hpp: floor 2, sockets
// The words of Socket::sendall_zerocopy(): from which size on it is worth it, and how the bytes went.
#pragma once

#include <cstddef>
#include <cstdint>

namespace thrum {

// Fewer bytes are copied: to pin their pages and to wait for the peer's word costs more than the copy
// (Documentation/networking/msg_zerocopy of the kernel puts the break-even near 10 KB without the wait).
inline constexpr std::size_t least_zerocopy_size = 32 * 1024;

// How many bytes went which way.
struct ZerocopyResult {
    std::uint64_t in_place = 0;  // sent from where they lay
    std::uint64_t copied = 0;    // copied first: by choice, or by the kernel after all
};

}  // namespace thrum
