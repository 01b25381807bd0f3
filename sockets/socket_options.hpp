// thrum/sockets/socket_options.hpp: floor 2, sockets
// The words in which Socket's options are said: network interfaces and keep-alive times.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace thrum {

// A network interface of this machine, by its name ("eth0") or number (netdevice(7)). A value; made of
// nothing it leaves the choice to the kernel's routes.
class NetworkInterface {
public:
    NetworkInterface() noexcept = default;
    // Throws AddressError for a negative number; 0 leaves the choice to the kernel.
    NetworkInterface(int index);
    // Throws AddressError naming the interface when there is none.
    NetworkInterface(std::string_view name);
    NetworkInterface(const char* name) : NetworkInterface(std::string_view(name)) {}
    NetworkInterface(const std::string& name) : NetworkInterface(std::string_view(name)) {}

    // All there are now: Python's socket.if_nameindex(). Throws OSError.
    static std::vector<NetworkInterface> all();

    int index() const noexcept { return index_; }
    // Throws AddressError when there is no interface of that number any more; "" where the kernel chooses.
    std::string name() const;

    friend bool operator==(NetworkInterface, NetworkInterface) noexcept = default;

private:
    int index_ = 0;
};

// When a silent TCP connection is asked whether it still lives (tcp(7)). What is empty stays as it is; Linux
// begins with two hours, 75 seconds and 9.
struct KeepaliveOptions {
    std::optional<std::chrono::seconds> idle = std::nullopt;      // TCP_KEEPIDLE: silence before the first
    std::optional<std::chrono::seconds> interval = std::nullopt;  // TCP_KEEPINTVL: between two
    std::optional<int> count = std::nullopt;  // TCP_KEEPCNT: unanswered ones before the connection is dropped
};

}  // namespace thrum
