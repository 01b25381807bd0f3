// thrum/sockets/resolver.hpp: floor 2, sockets
// From names to addresses, without ever blocking a worker.
#pragma once

#include <thrum/sockets/address.hpp>

#include <string_view>
#include <vector>

namespace thrum {

// The addresses of `host`, each with `port`, in the order to try them (RFC 6724 as getaddrinfo(3) applies
// it); never empty. `family` is AF_UNSPEC for all or AF_INET or AF_INET6, `type` SOCK_STREAM or SOCK_DGRAM.
//
// Answered at once: numeric addresses; "" (every interface: 0.0.0.0 and ::); "localhost", which RFC 6761 §6.3
// binds to the loopback addresses whatever the name servers say, 127.0.0.1 first. Everything else is
// getaddrinfo(3) on an OS thread of its own, so /etc/hosts, nsswitch.conf and resolv.conf hold. The caller
// may leave it at any time: the look-up then ends unseen.
//
// Throws AddressError naming the host, TimeoutError when the deadline in force passes, Cancelled.
// Thread-safe.
std::vector<Address> resolve(std::string_view host, int port, int family = AF_UNSPEC, int type = SOCK_STREAM);

// The same for an address that may be a name; an address that is none is returned alone. Throws AddressError
// where it is of another family than the one asked for.
std::vector<Address> resolve(const Address& address, int family = AF_UNSPEC, int type = SOCK_STREAM);

}  // namespace thrum
