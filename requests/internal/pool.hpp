// thrum/requests/internal/pool.hpp: floor 4, requests
// Pool: connections that wait for their next request, by origin.
#pragma once

#include <thrum/requests/internal/connection.hpp>
#include <thrum/requests/internal/context.hpp>
#include <thrum/requests/internal/origin.hpp>
#include <thrum/sockets/tls.hpp>
#include <thrum/threads/lock.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

namespace thrum::requests::internal {

inline constexpr std::size_t max_idle_per_origin = 128;
// Beyond it, and beyond idle_share, the one that idles longest goes.
inline constexpr std::size_t max_idle = 1024;
// Settings of TLS that are kept made up; a program has one or two.
inline constexpr std::size_t max_contexts = 64;
// nginx closes after 75 s, Apache after 5 s, most others in between; what they closed is noticed before use.
inline constexpr std::chrono::nanoseconds max_idle_time = std::chrono::seconds(60);

// Any number of threads may use one Pool at once. The connection that was used last is taken first, so that a
// pool which has grown for a burst shrinks again.
class Pool {
public:
    // The limit in force now holds for as long as the pool lives.
    Pool();

    // An idle connection that is still good; nothing where there is none.
    std::unique_ptr<Connection> take(const Origin& origin);
    // Makes a new one; `phase` follows it, for messages. Where no descriptor is left the idle ones are
    // closed, and it is tried once more. Throws what sockets throw.
    std::unique_ptr<Connection> connect(const Origin& origin, std::chrono::nanoseconds timeout, Phase& phase);
    // For a connection whose last answer was read to its end; one too many for its origin is closed, and one
    // too many for the pool closes the one that has idled longest. Throws Cancelled.
    void give_back(std::unique_ptr<Connection> connection);
    // The same without ever waiting, for destructors: closes the connection where the pool is busy.
    void give_back_now(std::unique_ptr<Connection> connection) noexcept;
    // Closes all idle ones.
    void clear();
    std::size_t idle();
    // The most that idle at once.
    std::size_t idle_limit() const noexcept { return idle_limit_; }
    // Origins it remembers.
    std::size_t origins();

private:
    using Idle = std::vector<std::unique_ptr<Connection>>;

    using Now = std::chrono::steady_clock::time_point;
    void keep(std::unique_ptr<Connection>& connection, Idle& outdated);
    void drop_expired(Idle& idle, Now now, Idle& outdated);
    void sweep(Now now, Idle& outdated);
    std::unique_ptr<Connection> pop(const Origin& origin);
    std::unique_ptr<Connection> make(const Origin& origin, Phase& phase);
    std::shared_ptr<const TLSContext> context_for(const Trust& trust);
    std::shared_ptr<const TLSContext> known_context(const Trust& trust);

    const std::size_t idle_limit_;
    Lock lock_;  // guards all below
    std::unordered_map<Origin, Idle, OriginHash> idle_;
    std::size_t count_ = 0;
    Now next_sweep_ = {};
    std::vector<std::pair<Trust, std::shared_ptr<const TLSContext>>> contexts_;  // the oldest first
};

}  // namespace thrum::requests::internal
