// thrum/http/internal/peer_limit.cpp: floor 3, http
#include <thrum/http/internal/peer_limit.hpp>

#include <netinet/in.h>

#include <cstring>
#include <mutex>
#include <span>

namespace thrum::http::internal {
namespace {

std::uint64_t number_of(std::span<const std::uint8_t> bytes) noexcept {
    std::uint64_t number = 0;
    for (const std::uint8_t byte : bytes) number = number << 8 | byte;
    return number;
}

}  // namespace

// The keys of both families cannot meet: that of an IPv6 address which begins with 32 zero bits is of no
// unicast address but ::1, whose key is 0, and no peer is 0.0.0.0.
std::optional<std::uint64_t> peer_key(const Address& address) {
    if (address.family() == AF_INET) {
        sockaddr_in four;
        std::memcpy(&four, address.data(), sizeof four);
        return ntohl(four.sin_addr.s_addr);
    }
    if (address.family() != AF_INET6) return {};
    sockaddr_in6 six;
    std::memcpy(&six, address.data(), sizeof six);
    const std::span<const std::uint8_t, 16> bytes(six.sin6_addr.s6_addr);
    return number_of(IN6_IS_ADDR_V4MAPPED(&six.sin6_addr) ? bytes.last(4) : bytes.first(8));
}

PeerLimit::Place::Place(PeerLimit& limit, const Address& peer, std::size_t most) : limit_(limit) {
    const auto key = peer_key(peer);
    if (!key || most == 0) return;
    const std::scoped_lock guard(limit_.lock_);
    std::size_t& count = limit_.counts_[*key];
    has_place_ = count < most;
    if (!has_place_) return;
    ++count;
    key_ = key;
}

// Shielded: it runs in threads that were cancelled too.
PeerLimit::Place::~Place() {
    if (!key_) return;
    limit_.lock_.lock_shielded();
    const std::scoped_lock guard(std::adopt_lock, limit_.lock_);
    const auto found = limit_.counts_.find(*key_);
    if (--found->second == 0) limit_.counts_.erase(found);
}

std::size_t PeerLimit::peers() {
    const std::scoped_lock guard(lock_);
    return counts_.size();
}

}  // namespace thrum::http::internal
