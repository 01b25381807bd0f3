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
inline constexpr std::size_t max_idle = 1024;
// nginx closes after 75 s, Apache after 5 s, most others in between; what they closed is noticed before use.
inline constexpr std::chrono::nanoseconds max_idle_time = std::chrono::seconds(60);

// Any number of threads may use one Pool at once. The connection that was used last is taken first, so that a
// pool which has grown for a burst shrinks again.
class Pool {
public:
    // An idle connection that is still good; nothing where there is none.
    std::unique_ptr<Connection> take(const Origin& origin);
    // Makes a new one. Throws what sockets throw.
    std::unique_ptr<Connection> connect(const Origin& origin, std::chrono::nanoseconds timeout);
    // For a connection whose last answer was read to its end; one too many is closed. Throws Cancelled.
    void give_back(std::unique_ptr<Connection> connection);
    // The same without ever waiting, for destructors: closes the connection where the pool is busy.
    void give_back_now(std::unique_ptr<Connection> connection) noexcept;
    // Closes all idle ones.
    void clear();
    std::size_t idle();

private:
    using Idle = std::vector<std::unique_ptr<Connection>>;

    void keep(std::unique_ptr<Connection>& connection, Idle& outdated);
    std::unique_ptr<Connection> pop(const Origin& origin);
    const TLSContext& context_for(const Trust& trust);

    Lock lock_;  // guards all below
    std::unordered_map<Origin, Idle, OriginHash> idle_;
    std::size_t count_ = 0;
    std::vector<std::pair<Trust, std::unique_ptr<const TLSContext>>> contexts_;
};

}  // namespace thrum::requests::internal
