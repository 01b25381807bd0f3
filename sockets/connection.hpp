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

struct ConnectionOptions {
    // For all of it, the look-up included; it stays on the socket as settimeout(), as in Python.
    std::optional<std::chrono::nanoseconds> timeout = std::nullopt;
    std::optional<Address> source = std::nullopt;  // bound to before connecting
};

// A stream socket connected to `address`. A name's addresses are tried one after the other, the families in
// turn (the order of RFC 8305 §4, without its race yet). When all fail, throws the error of the last, naming
// each address tried and its failure; TimeoutError, AddressError, Cancelled.
Socket create_connection(const Address& address, const ConnectionOptions& options = {});

}  // namespace thrum
