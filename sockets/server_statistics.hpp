// thrum/sockets/server_statistics.hpp: floor 2, sockets
// What a server counts, and whom it tells of failures.
#pragma once

#include <thrum/sockets/address.hpp>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>

namespace thrum {

// Counts since the server was made, taken at one moment, so that
// accepted = active + finished + failed + timed_out + cancelled. A UDPServer's clients are its datagrams.
struct ServerStatistics {
    std::uint64_t accepted = 0;   // clients whose handler was begun
    std::size_t active = 0;       // served now
    std::size_t most_active = 0;  // the most at one time
    std::uint64_t finished = 0;   // whose handler returned
    std::uint64_t failed = 0;     // whose handler threw, or whose TLS handshake failed
    std::uint64_t timed_out = 0;  // ended by a limit of the server's options
    std::uint64_t cancelled = 0;  // ended by shutdown() or by the end of the server
    std::uint64_t rejected = 0;   // closed at once, as verify_request wished
    std::uint64_t waited = 0;     // times that accepting stopped because the server was full
    std::uint64_t ran_out = 0;    // times that descriptors or memory had run out
};

// Told in the client's thread what its handler threw; by many at once. What it throws itself is told on
// standard error.
using ServerErrorHook = std::function<void(const Address& client, const std::exception_ptr& error)>;

}  // namespace thrum
