// thrum/testing/fault_proxy.hpp: yard, testing
// A relay that misbehaves as a network does, by a seed: delays, small pieces, resets, half-closes, stalls.
// For the tests of the floors from sockets up; alone in its header, since thrum_testing itself knows no
// floor.
#pragma once

#include <thrum/sockets/connection.hpp>
#include <thrum/sockets/relay.hpp>
#include <thrum/sockets/server.hpp>
#include <thrum/threads/thread.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <string_view>
#include <utility>

namespace thrum::testing {

// Shares are of all connections, in percent; a connection has one fate at the most.
struct Faults {
    std::uint64_t seed = 1;
    int resets = 0;                  // broken after some bytes
    int half_closes = 0;             // one way ends after some bytes
    int stalls = 0;                  // nothing more goes after some bytes, but the connection stays
    std::size_t fate_within = 4096;  // bytes of a way, after which the fate comes
    std::size_t largest_piece = 0;   // passed on at once; 0 for whatever comes
    std::chrono::microseconds longest_delay{0};  // before each piece
};

// Listens on a free port of 127.0.0.1 and relays to `target`, faultily. What becomes of the connection with
// number n depends on the seed and n alone.
class FaultProxy {
public:
    FaultProxy(Address target, const Faults& faults)
        : target_(std::move(target)),
          faults_(faults),
          server_({"127.0.0.1", 0}, [this](Stream& client, const Address&) { serve(client); },
                  {.on_error = [](const Address&, const std::exception_ptr&) {}}),
          serving_([this] { server_.serve_forever(); }) {}
    ~FaultProxy() { server_.shutdown(); }

    const Address& address() const noexcept { return server_.address(); }
    ServerStatistics statistics() const noexcept { return server_.statistics(); }

private:
    enum class Fate { none, reset, half_close, stall };

    // One way of one connection.
    struct Way {
        std::mt19937_64 random;
        std::size_t left = 0;  // bytes until its fate
        std::size_t up_to(std::size_t most) { return random() % (most + 1); }
    };

    Fate choose(std::mt19937_64& random) const {
        int number = static_cast<int>(random() % 100);
        for (const auto& [share, fate] :
             {std::pair(faults_.resets, Fate::reset), std::pair(faults_.half_closes, Fate::half_close),
              std::pair(faults_.stalls, Fate::stall)}) {
            if (number < share) return fate;
            number -= share;
        }
        return Fate::none;
    }

    void serve(Stream& client) {
        std::mt19937_64 random(faults_.seed + 0x9e3779b97f4a7c15 * count_++);
        const Fate fate = choose(random);
        const auto struck = random() % 2 == 0 ? RelayWay::forward : RelayWay::backward;
        std::array<Way, 2> ways{Way{std::mt19937_64(random())}, Way{std::mt19937_64(random())}};
        for (Way& way : ways) way.left = way.up_to(faults_.fate_within);
        Socket onward = create_connection(target_);
        relay(client, onward, {.inspect = [&](RelayWay direction, std::string_view piece) {
                  Way& way = ways[direction == RelayWay::forward ? 0 : 1];
                  return pass(way, direction == struck ? fate : Fate::none, piece.size());
              }});
    }

    // How much of a piece goes on; throws and waits as the way's fate has it.
    std::size_t pass(Way& way, Fate fate, std::size_t size) const {
        if (faults_.longest_delay.count() > 0) {
            const auto most = static_cast<std::size_t>(faults_.longest_delay.count());
            sleep(std::chrono::microseconds(way.up_to(most)));
        }
        if (faults_.largest_piece > 0) size = std::min(size, 1 + way.up_to(faults_.largest_piece - 1));
        if (fate == Fate::none) return size;
        if (way.left == 0) {
            if (fate == Fate::half_close) return 0;
            if (fate == Fate::stall) sleep_until(never);
            throw ConnectionResetError(ECONNRESET, "the fault proxy resets the connection");
        }
        size = std::min(size, way.left);
        way.left -= size;
        return size;
    }

    const Address target_;
    const Faults faults_;
    std::atomic<std::uint64_t> count_ = 0;
    TCPServer server_;
    Thread serving_;
};

}  // namespace thrum::testing
