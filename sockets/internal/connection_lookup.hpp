// thrum/sockets/internal/connection_lookup.hpp: floor 2, sockets
// Connecting to a name while it is still being looked up (RFC 8305 §3).
#pragma once

#include <thrum/sockets/connection.hpp>
#include <thrum/threads/queue.hpp>
#include <thrum/threads/thread.hpp>

#include <chrono>
#include <exception>
#include <functional>
#include <optional>
#include <vector>

namespace thrum::internal {

// The addresses of a name in one family, or AF_UNSPEC for all; waits, and throws, as resolve() does. Called
// by several threads at once.
using LookUp = std::function<std::vector<Address>(int family)>;

// How long one look-up of both families may take before each is asked for alone too: names that are kept,
// that are in /etc/hosts, or whose name server is near, cost one question.
inline constexpr std::chrono::milliseconds lookup_patience{50};

// Looks `target`, a name, up and connects to it. Throws as create_connection() does.
Socket connect_by_name(const Address& target, const ConnectionOptions& options, const LookUp& look_up);

// The look-ups and races of one connection whose name is slow. One thread runs it; those it starts end with
// it.
class SlowConnection {
public:
    SlowConnection(const Address& target, const ConnectionOptions& options, const LookUp& look_up)
        : target_(target), options_(options), look_up_(look_up) {}
    Socket run();

private:
    // What a thread came back with: addresses, a connection, or why there is none.
    struct News {
        int family = AF_UNSPEC;
        std::vector<Address> found = {};
        std::optional<Socket> connected = std::nullopt;
        std::exception_ptr error = nullptr;
        bool was_race = false;
    };

    template <class Act>
    void start(int family, bool is_race, Act act);
    void ask(int family);
    void race(int family, std::vector<Address> addresses);
    void take(News news);
    std::optional<News> next();

    const Address& target_;
    const ConnectionOptions& options_;
    const LookUp& look_up_;
    std::vector<Address> waiting_;  // of IPv4, until IPv6 is known or the delay has passed
    Deadline delayed_until_ = never;
    bool has_raced_four_ = false;
    bool has_raced_six_ = false;
    bool is_six_known_ = false;
    int under_way_ = 0;  // threads that have not come back
    std::exception_ptr lookup_error_;
    std::exception_ptr race_error_;
    Queue<News> news_;
    std::vector<Thread> threads_;  // last: they end before what they use
};

}  // namespace thrum::internal
