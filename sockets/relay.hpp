// thrum/sockets/relay.hpp: floor 2, sockets
// relay: two connections joined, what comes on one goes out on the other.
#pragma once

#include <thrum/sockets/stream.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

namespace thrum {

enum class RelayWay { forward, backward };

// Bytes that went each way; may be shared by many relays and read at any time.
struct RelayCounters {
    std::atomic<std::uint64_t> forward = 0;
    std::atomic<std::uint64_t> backward = 0;
};

struct RelayOptions {
    // Ends the relay with TimeoutError when so long nothing has gone either way.
    std::optional<std::chrono::nanoseconds> idle_timeout = std::nullopt;
    // Added to as bytes go; must outlive the relay.
    RelayCounters* counters = nullptr;
    // The end of the way backward ends the way forward too, which may have no end of its own: a terminal's.
    bool backward_ends_all = false;
    // Sees each piece before it goes on, in the thread of its way, one call at a time for each. It may wait,
    // and says how much of the piece goes on as one write, before it sees the rest: all of it, or less; 0
    // ends this way here, as if it had ended. What it throws ends the relay.
    std::function<std::size_t(RelayWay way, std::string_view piece)> inspect = {};
    // Lets long transfers between two plain sockets pass through the kernel alone (splice(2)), which holds a
    // pipe, two descriptors, for each way that carries one. Not where `inspect` is given.
    bool splice = true;
};

struct RelayResult {
    std::uint64_t forward = 0;  // bytes from `a` to `b`
    std::uint64_t backward = 0;
};

// Passes on what comes from `a` to `b` and the other way round until both ways have ended, and returns how
// much it was. The end of one way is passed on as such (shutdown_write), the other goes on. A peer that takes
// nothing more (BrokenPipeError) ends the way to it. Any other failure ends both and is thrown; after one, a
// plain socket's close() is a reset, so that its peer can tell a broken connection from an end. Neither
// stream may be used by others meanwhile; none is closed. Throws Cancelled, TimeoutError, OSError.
RelayResult relay(Stream& a, Stream& b, const RelayOptions& options = {});

}  // namespace thrum
