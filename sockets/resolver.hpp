// thrum/sockets/resolver.hpp: floor 2, sockets
// From names to addresses, without ever blocking a worker.
#pragma once

#include <thrum/sockets/address.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace thrum {

inline constexpr std::size_t default_resolver_entries = 1024;
inline constexpr std::chrono::seconds default_resolver_keep{30};
inline constexpr std::chrono::seconds default_resolver_keep_failures{1};

// How long answers are used again. getaddrinfo(3) does not tell how long they hold, so it is short; 0 asks
// each time, though those who ask at once still share one look-up.
struct ResolverOptions {
    std::size_t max_entries = default_resolver_entries;  // beyond, the one not used for longest goes
    std::chrono::nanoseconds keep = default_resolver_keep;
    // Of "there is no such name". That no name server answered is never kept.
    std::chrono::nanoseconds keep_failures = default_resolver_keep_failures;
};

struct ResolverStatistics {
    std::uint64_t lookups = 0;  // the system was asked
    std::uint64_t hits = 0;     // answered from what was kept
    std::uint64_t shared = 0;   // answered by somebody else's look-up
    std::size_t entries = 0;    // kept now
};

// The addresses of `host`, each with `port`, in the order to try them (RFC 6724 as getaddrinfo(3) applies
// it); never empty. `family` is AF_UNSPEC for all or AF_INET or AF_INET6, `type` SOCK_STREAM or SOCK_DGRAM.
//
// Answered at once: numeric addresses; "" (every interface: 0.0.0.0 and ::); "localhost", which RFC 6761 §6.3
// binds to the loopback addresses whatever the name servers say, 127.0.0.1 first. Everything else is
// getaddrinfo(3) on an OS thread of its own, so /etc/hosts, nsswitch.conf and resolv.conf hold. The caller
// may leave it at any time: the look-up goes on for whoever else asked for the same name, or ends unseen.
// Answers are kept for a while (ResolverOptions); clear_resolver() forgets them, after /etc/hosts changed for
// one.
//
// Throws AddressError naming the host, TimeoutError when the deadline in force passes, Cancelled.
// Thread-safe.
std::vector<Address> resolve(std::string_view host, int port, int family = AF_UNSPEC, int type = SOCK_STREAM);

// The same for an address that may be a name; an address that is none is returned alone. Throws AddressError
// where it is of another family than the one asked for.
std::vector<Address> resolve(const Address& address, int family = AF_UNSPEC, int type = SOCK_STREAM);

// Of the whole process. Thread-safe.
void set_resolver_options(const ResolverOptions& options);
void clear_resolver();
ResolverStatistics resolver_statistics();

}  // namespace thrum
