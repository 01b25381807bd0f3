// thrum/requests/idle_test.cpp: floor 4, requests
// What the pool keeps is bounded in number and age, for each origin and for all, and a full pool goes on
// serving new origins.
#include <thrum/requests/internal/pool.hpp>
#include <thrum/sockets/socket.hpp>
#include <thrum/testing/process.hpp>

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <string>
#include <vector>

namespace thrum::requests::internal {
namespace {

Origin origin(std::size_t number) {
    return {.scheme = "http", .host = "h" + std::to_string(number) + ".example", .port = 80};
}

// Connections over socket pairs, whose far ends stay open as long as this does.
class Connections {
public:
    std::unique_ptr<Connection> make(const Origin& to) {
        auto [near, far] = Socket::pair();
        far_.push_back(std::move(far));
        return std::make_unique<Connection>(std::make_unique<Socket>(std::move(near)),
                                            std::make_shared<const Origin>(to));
    }
    // Gives a new one to `pool`, and tells where it is, for as long as it is there.
    Connection* give(Pool& pool, const Origin& to) {
        auto connection = make(to);
        Connection* const place = connection.get();
        pool.give_back(std::move(connection));
        return place;
    }

private:
    std::vector<Socket> far_;
};

// A pool that has seen more origins than it keeps connections still keeps the newest; the oldest went.
TEST(Idle, TheOldestOfAllMakesRoom) {
    Connections connections;
    Pool pool;
    constexpr std::size_t more = 5;
    const std::size_t most = pool.idle_limit();
    for (std::size_t number = 0; number < most + more; ++number) connections.give(pool, origin(number));
    EXPECT_EQ(pool.idle(), most);
    for (std::size_t number = 0; number < more; ++number) EXPECT_EQ(pool.take(origin(number)), nullptr);
    EXPECT_NE(pool.take(origin(more)), nullptr);
    EXPECT_NE(pool.take(origin(most + more - 1)), nullptr);
}

// What idles is a small share of the descriptors that the process may have, and never none.
TEST(Idle, LeavesDescriptorsToOthers) {
    rlimit before = {};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    const auto under = [&before](rlim_t soft) {
        rlimit lowered = before;
        lowered.rlim_cur = soft;
        EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &lowered), 0);
        const Pool pool;
        EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
        return pool.idle_limit();
    };
    EXPECT_EQ(under(1024), 128U);
    EXPECT_EQ(under(7), 1U);
    EXPECT_EQ(under(before.rlim_max), std::min<rlim_t>(before.rlim_max / idle_share, max_idle));
}

// Origins whose connection was taken and never came back do not fill the pool either.
TEST(Idle, OriginsWithoutConnectionsAreForgotten) {
    Connections connections;
    Pool pool;
    for (std::size_t number = 0; number < 3 * pool.idle_limit(); ++number) {
        connections.give(pool, origin(number));
        ASSERT_NE(pool.take(origin(number)), nullptr) << number;
    }
    EXPECT_LE(pool.origins(), pool.idle_limit());
}

// One origin does not get more than its share; the connection used last is taken first.
TEST(Idle, EachOriginHasItsShare) {
    Connections connections;
    Pool pool;
    const Connection* last = nullptr;
    for (std::size_t i = 0; i < max_idle_per_origin; ++i) last = connections.give(pool, origin(1));
    for (int i = 0; i < 3; ++i) connections.give(pool, origin(1));
    EXPECT_EQ(pool.idle(), max_idle_per_origin);
    EXPECT_EQ(pool.take(origin(1)).get(), last);
    connections.give(pool, origin(2));
    EXPECT_EQ(pool.idle(), max_idle_per_origin);
}

// What has idled too long is not given out, and is closed when another of its origin comes back; when the
// pool is full, wherever it is.
TEST(Idle, NothingIdlesTooLong) {
    Connections connections;
    Pool pool;
    const auto too_long = max_idle_time + std::chrono::seconds(1);
    connections.give(pool, origin(1))->idle_since -= too_long;
    EXPECT_EQ(pool.take(origin(1)), nullptr);
    EXPECT_EQ(pool.idle(), 0U);
    connections.give(pool, origin(1))->idle_since -= too_long;
    connections.give(pool, origin(1))->idle_since -= max_idle_time / 2;
    EXPECT_EQ(pool.idle(), 1U);
    EXPECT_NE(pool.take(origin(1)), nullptr);
    const std::size_t most = pool.idle_limit();
    for (std::size_t number = 0; number < most; ++number)
        connections.give(pool, origin(number))->idle_since -= too_long;
    const std::size_t before = testing::open_descriptors();
    connections.give(pool, origin(most));
    EXPECT_EQ(pool.idle(), 1U);
    EXPECT_EQ(testing::open_descriptors(), before + 2 - most) << "both ends of one came, ours of all went";
}

// Bytes that nobody asked for, and an end, make a connection useless.
TEST(Idle, StaleOnesAreNotGivenOut) {
    auto [near, far] = Socket::pair();
    Pool pool;
    pool.give_back(std::make_unique<Connection>(std::make_unique<Socket>(std::move(near)),
                                                std::make_shared<const Origin>(origin(1))));
    far.sendall(std::string_view("HTTP/1.1 408 Request Timeout\r\n\r\n"));
    EXPECT_EQ(pool.take(origin(1)), nullptr);
    EXPECT_EQ(pool.idle(), 0U);
}

}  // namespace
}  // namespace thrum::requests::internal
