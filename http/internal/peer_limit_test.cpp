// thrum/http/internal/peer_limit_test.cpp: floor 3, http
// An address has as many places as it may have, and gives each back.
#include <thrum/http/internal/peer_limit.hpp>

#include <gtest/gtest.h>

#include <optional>

namespace thrum::http::internal {
namespace {

// Who shares a count: one IPv4 address in both spellings, one IPv6 network of 64 bits; nobody else.
TEST(PeerLimitTest, KnowsWhoIsTheSame) {
    const struct {
        const char* one;
        const char* other;
        bool same;
    } rows[] = {
        {"192.0.2.1", "192.0.2.1", true},
        {"192.0.2.1", "192.0.2.2", false},
        {"192.0.2.1", "::ffff:192.0.2.1", true},
        {"192.0.2.1", "::ffff:192.0.2.2", false},
        {"::ffff:192.0.2.1", "::ffff:192.0.2.2", false},
        {"2001:db8::1", "2001:db8::2", true},
        {"2001:db8::1", "2001:db8:0:0:ffff::1", true},
        {"2001:db8::1", "2001:db8:0:1::1", false},
        {"2001:db8::1", "32.1.13.184", false},  // the same first bytes
        {"::1", "127.0.0.1", false},
        {"fe80::1%lo", "fe80::2%lo", true},
    };
    for (const auto& [one, other, same] : rows) {
        EXPECT_EQ(peer_key({one, 1}) == peer_key({other, 2}), same) << one << ' ' << other;
        EXPECT_TRUE(peer_key({one, 1}));
    }
    EXPECT_FALSE(peer_key(Address::unix_path("/a")));
}

// A place is had until its end; one too many is none, and takes nothing from those who come later.
TEST(PeerLimitTest, GivesPlacesBack) {
    PeerLimit limit;
    const Address one("192.0.2.1", 1);
    {
        const PeerLimit::Place first(limit, one, 2);
        std::optional<PeerLimit::Place> second(std::in_place, limit, one, 2);
        EXPECT_TRUE(first);
        EXPECT_TRUE(*second);
        for (int i = 0; i < 3; ++i) EXPECT_FALSE(PeerLimit::Place(limit, one, 2));
        EXPECT_TRUE(PeerLimit::Place(limit, {"192.0.2.2", 1}, 2));
        EXPECT_EQ(limit.peers(), 1u);
        second.reset();
        EXPECT_TRUE(PeerLimit::Place(limit, one, 2));
    }
    EXPECT_EQ(limit.peers(), 0u) << "nothing is kept of who has gone";
}

// 0 sets no limit, and peers without an address have none.
TEST(PeerLimitTest, LimitsNobodyWhereThereIsNoLimit) {
    PeerLimit limit;
    const Address local = Address::unix_path("/a");
    const PeerLimit::Place first(limit, local, 1);
    EXPECT_TRUE(PeerLimit::Place(limit, local, 1));
    const PeerLimit::Place other(limit, {"192.0.2.1", 1}, 0);
    EXPECT_TRUE(PeerLimit::Place(limit, {"192.0.2.1", 1}, 0));
    EXPECT_EQ(limit.peers(), 0u);
}

}  // namespace
}  // namespace thrum::http::internal
