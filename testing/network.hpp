// thrum/testing/network.hpp: yard, testing
// Loopback ports: a free one, and waiting until somebody listens there.
#pragma once

#include <thrum/testing/process.hpp>

#include <cstdint>
#include <string>

namespace thrum::testing {

// A TCP port of 127.0.0.1 that nobody had a moment ago. It lies below those that the kernel gives to clients
// and to servers which ask for any port, so only another call of this function may give it away again.
std::uint16_t free_port();

// A loopback address that no other process of these tests uses: where a port that was closed stays closed.
std::string own_address();

// True when a TCP connection to 127.0.0.1:`port` is accepted now.
bool listens(std::uint16_t port);

// The peer of this socket will see a reset rather than an end when it is closed (SO_LINGER, socket(7)).
void reset_at_close(int fd);

// Connects until somebody accepts. Throws Error when `process` ended first or a minute has passed.
void wait_until_listens(std::uint16_t port, Process& process);

}  // namespace thrum::testing
