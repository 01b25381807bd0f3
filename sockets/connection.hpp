// thrum/sockets/connection.hpp: floor 2, sockets
// create_server and create_connection: a socket that listens, and one that is connected, in one call.
#pragma once

#include <thrum/sockets/socket.hpp>

#include <chrono>
#include <optional>

namespace thrum {

struct ServerOptions {
    int backlog = default_backlog;
    bool reuse_address = true;  // SO_REUSEADDR: a restart need not wait for TIME_WAIT
    bool reuse_port =
        false;  // SO_REUSEPORT: several sockets share the port, the kernel shares out the clients
    bool dual_stack = false;  // an IPv6 socket takes IPv4 too; "" then means every interface of both
};

// A stream socket that listens on `address`: TCP for IPv4, IPv6 and names, Unix for paths. Port 0 takes a
// free one, which getsockname() tells. A name or "" is IPv4 where it has an IPv4 address, as in Python.
// Throws OSError naming the address and, where one helps, what to do; AddressError; TimeoutError, Cancelled
// while a name is looked up.
Socket create_server(const Address& address, const ServerOptions& options = {});

// RFC 8305 §8: how long the next address waits for the one before, and how little that may be.
inline constexpr std::chrono::milliseconds default_attempt_delay{250};
inline constexpr std::chrono::nanoseconds least_attempt_delay = std::chrono::milliseconds(10);

// RFC 8305 §3 and §8: how long the IPv4 addresses of a name, when they are there first, wait for the IPv6
// ones.
inline constexpr std::chrono::milliseconds default_resolution_delay{50};

struct ConnectionOptions {
    // For all of it, the look-up included; it stays on the socket as settimeout(), as in Python.
    std::optional<std::chrono::nanoseconds> timeout = std::nullopt;
    std::optional<Address> source = std::nullopt;  // bound to before connecting
    // Until the next address of a name is tried beside those that have not answered; at least
    // least_attempt_delay. An hour makes it one after the other.
    std::chrono::nanoseconds attempt_delay = default_attempt_delay;
    // Of a name that is slow to look up.
    std::chrono::nanoseconds resolution_delay = default_resolution_delay;
};

// A stream socket connected to `address`. A name's addresses race (Happy Eyeballs, RFC 8305): the families in
// turn, each begun attempt_delay after the one before or as soon as one has failed, the first to answer wins,
// the others are closed. Both families are looked up at once, in the order that getaddrinfo(3) gives them;
// where that takes longer than 50 ms, each family is asked for alone as well (§3), so that one whose name
// server is silent does not hold up the other: IPv6 begins as soon as it is known, IPv4 resolution_delay
// later, and what becomes known after that joins the race. When all fail, throws the error of the last
// address, naming each tried and its failure; TimeoutError naming those that had not answered and those that
// had failed; AddressError, Cancelled.
Socket create_connection(const Address& address, const ConnectionOptions& options = {});

}  // namespace thrum
