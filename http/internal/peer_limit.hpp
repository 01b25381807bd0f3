// thrum/http/internal/peer_limit.hpp: floor 3, http
// PeerLimit: how many connections each address has now, so that no single one takes all places.
#pragma once

#include <thrum/sockets/address.hpp>
#include <thrum/threads/lock.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_map>

namespace thrum::http::internal {

// Whom `address` is counted as. An IPv4 address counts as itself, also where it is mapped into IPv6 (RFC 4291
// §2.5.5.2); an IPv6 address as its first 64 bits, since all that follows is its owner's to choose (RFC 4291
// §2.5.4). Nothing for Unix sockets, whose peers are on this machine and have no address.
std::optional<std::uint64_t> peer_key(const Address& address);

// Any number of threads may use one at once.
class PeerLimit {
public:
    // A connection's place while it lasts.
    class Place {
    public:
        // Throws Cancelled.
        Place(PeerLimit& limit, const Address& peer, std::size_t most);
        Place(const Place&) = delete;
        Place& operator=(const Place&) = delete;
        ~Place();
        // False where the peer had `most` already.
        explicit operator bool() const noexcept { return has_place_; }

    private:
        PeerLimit& limit_;
        std::optional<std::uint64_t> key_;  // of what is to be given back
        bool has_place_ = true;
    };

    // Peers that have a place now.
    std::size_t peers();

private:
    Lock lock_;
    std::unordered_map<std::uint64_t, std::size_t> counts_;  // under lock_; none is 0
};

}  // namespace thrum::http::internal
