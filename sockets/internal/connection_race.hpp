// thrum/sockets/internal/connection_race.hpp: floor 2, sockets
// Happy eyeballs (RFC 8305): several addresses tried, each a little after the one before; the first that
// answers wins.
#pragma once

#include <thrum/sockets/connection.hpp>

#include <cerrno>
#include <string>
#include <string_view>
#include <vector>

namespace thrum::internal {

// What to look at where connecting failed with errno `code`; mostly nothing.
inline std::string_view connect_advice(int code) noexcept {
    // Linux's word for two things that its manual does not tell of.
    return code == EINVAL ? "a blackhole route leads there, or a link-local address lacks its scope" : "";
}

// RFC 8305 §4: the first address as sorted, then the families in turn.
std::vector<Address> interleaved(std::vector<Address> sorted);

// Connects to one of `addresses`, which `target` stands for in messages; there is at least one, all of them
// IPv4 or IPv6, or one Unix address. Throws as create_connection() does.
Socket connect_any(const std::vector<Address>& addresses, const Address& target,
                   const ConnectionOptions& options);

// The attempts of one connect_any(). One thread.
class ConnectionRace {
public:
    ConnectionRace(const std::vector<Address>& addresses, const Address& target,
                   const ConnectionOptions& options)
        : addresses_(addresses), codes_(addresses.size(), 0), target_(target), options_(options) {}
    Socket run();

private:
    struct Running {
        std::size_t number;  // of its address
        Socket socket;
    };
    // How one attempt stands: connected, failed (recorded), or under way.
    enum class Outcome { connected, failed, under_way };

    Outcome begin(Socket& socket);
    Outcome look(Socket& socket, std::size_t number);
    bool watch(const Socket& socket);
    bool wait(Deadline until);
    [[noreturn]] void give_up() const;
    [[noreturn]] void give_up_late() const;
    std::string list(bool with_causes, std::size_t until) const;

    const std::vector<Address>& addresses_;
    std::vector<int> codes_;  // of each address the errno value, 0 while it has not failed
    const Address& target_;
    const ConnectionOptions& options_;
    std::size_t next_ = 0;
    std::vector<Running> running_;
    Descriptor events_;  // an epoll of all that are under way, once there are two
};

}  // namespace thrum::internal
