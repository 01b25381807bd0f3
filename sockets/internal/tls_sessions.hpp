// thrum/sockets/internal/tls_sessions.hpp: floor 2, sockets
// What makes the next handshake short: the sessions a client remembers, and the keys of a server's tickets.
#pragma once

#include <thrum/threads/lock.hpp>

#include <openssl/ssl.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace thrum::internal {

struct FreeSession {
    void operator()(SSL_SESSION* session) const noexcept { SSL_SESSION_free(session); }
};
using SessionHandle = std::unique_ptr<SSL_SESSION, FreeSession>;

// Tickets kept for one host: servers give two for each connection, and a burst may want several at once.
inline constexpr std::size_t sessions_per_host = 8;
// How old a server's ticket key becomes before another takes its place; it is accepted for as long again.
inline constexpr std::chrono::hours ticket_key_life{12};

// The sessions of one context, by host. Any number of threads may use it at once.
class SessionCache {
public:
    // Remembers up to `most` hosts. Not while others use it.
    void set_limit(std::size_t most) noexcept { most_ = most; }
    bool is_used() const noexcept { return most_ != 0; }
    // The newest session for `host` that can still be resumed; null where there is none. One of TLS 1.3 is
    // taken out: a ticket that is used twice lets observers link connections (RFC 8446 §C.4).
    SessionHandle take(const std::string& host);
    // Never throws, for it stands behind calls that have succeeded: without memory the session is forgotten.
    void put(const std::string& host, SessionHandle session) noexcept;
    std::size_t hosts();

private:
    struct Host {
        std::string name;
        std::vector<SessionHandle> sessions;  // the oldest first
    };
    using Order = std::list<Host>;  // the one used last in front

    Order::iterator find_or_make(const std::string& host);

    Lock lock_;
    std::size_t most_ = 0;
    Order order_;
    std::unordered_map<std::string_view, Order::iterator> by_name_;
};

// RFC 5077 §4: what a ticket is encrypted and signed with, and the name that leads back to it.
struct TicketKey {
    std::array<unsigned char, 16> name;
    std::array<unsigned char, 32> encryption;
    std::array<unsigned char, 32> signature;
    std::chrono::steady_clock::time_point made;
};
struct TicketKeys {
    TicketKey current;
    std::optional<TicketKey> previous;
};

// Any number of threads may use one ring at once.
class TicketKeyRing {
public:
    // The keys of now, made anew where the current one is old. Throws Cancelled, std::bad_alloc; null where
    // there is no randomness.
    std::shared_ptr<const TicketKeys> keys(std::chrono::steady_clock::time_point now);

private:
    Lock lock_;
    std::shared_ptr<const TicketKeys> keys_;
};

}  // namespace thrum::internal
