// thrum/sockets/socket_options.cpp: floor 2, sockets
// The options of sockets by name, and the groups that datagrams come from.
#include <thrum/sockets/socket.hpp>

#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>

#include <algorithm>
#include <limits>
#include <memory>

namespace thrum {
namespace {

struct Option {
    int level;
    int number;
    const char* name;
};

constexpr Option nodelay_option = {IPPROTO_TCP, TCP_NODELAY, "TCP_NODELAY"};
constexpr Option keepalive_option = {SOL_SOCKET, SO_KEEPALIVE, "SO_KEEPALIVE"};
constexpr Option keep_idle = {IPPROTO_TCP, TCP_KEEPIDLE, "TCP_KEEPIDLE"};
constexpr Option keep_interval = {IPPROTO_TCP, TCP_KEEPINTVL, "TCP_KEEPINTVL"};
constexpr Option keep_count = {IPPROTO_TCP, TCP_KEEPCNT, "TCP_KEEPCNT"};
constexpr Option receive_buffer_option = {SOL_SOCKET, SO_RCVBUF, "SO_RCVBUF"};
constexpr Option send_buffer_option = {SOL_SOCKET, SO_SNDBUF, "SO_SNDBUF"};

// Whatever number a caller has, as the int that the kernel takes.
template <class Number>
int clamped(Number number) noexcept {
    constexpr auto most = std::numeric_limits<int>::max();
    return number > Number(most) ? most : static_cast<int>(number);
}

template <class Value>
void set(const Socket& socket, const Option& option, const Value& value, const std::string& text) {
    if (::setsockopt(socket.number().fd(), option.level, option.number, &value, sizeof value) != 0)
        throw_os_error(errno, std::string("cannot set ") + option.name + " to " + text);
}

void set(const Socket& socket, const Option& option, int value) {
    set(socket, option, value, std::to_string(value));
}

int get(const Socket& socket, const Option& option) {
    int value = 0;
    socklen_t size = sizeof value;
    if (::getsockopt(socket.number().fd(), option.level, option.number, &value, &size) != 0)
        throw_os_error(errno, std::string("cannot read ") + option.name);
    return value;
}

// The option that says the same in either family.
Option by_family(const Socket& socket, const Option& four, const Option& six) noexcept {
    return socket.family() == AF_INET6 ? six : four;
}

// RFC 3678 §5.1: the calls that take groups of both families. The port counts for nothing.
sockaddr_storage as_storage(const Address& address) {
    sockaddr_storage storage = {};
    std::memcpy(&storage, address.data(), address.size());
    return storage;
}

int group_level(const Address& group) noexcept {
    return group.family() == AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IP;
}

std::string on_interface(NetworkInterface interface) {
    return interface.index() != 0 ? " on interface " + std::to_string(interface.index()) : "";
}

}  // namespace

NetworkInterface::NetworkInterface(int index) : index_(index) {
    if (index < 0) throw AddressError(EINVAL, "no network interface has the number " + std::to_string(index));
}

NetworkInterface::NetworkInterface(std::string_view name) {
    const std::string text(name);
    index_ = static_cast<int>(::if_nametoindex(text.c_str()));
    if (index_ != 0 && name.find('\0') == std::string_view::npos) return;
    throw AddressError(ENODEV, "this machine has no network interface '" + text + "'");
}

std::vector<NetworkInterface> NetworkInterface::all() {
    using Names = struct if_nameindex;
    const std::unique_ptr<Names, void (*)(Names*)> names(::if_nameindex(), ::if_freenameindex);
    if (!names) throw_os_error(errno, "cannot list the network interfaces");
    std::vector<NetworkInterface> found;
    for (const Names* entry = names.get(); entry->if_index != 0; ++entry)
        found.emplace_back(static_cast<int>(entry->if_index));
    return found;
}

std::string NetworkInterface::name() const {
    if (index_ == 0) return "";
    char text[IF_NAMESIZE];
    if (::if_indextoname(static_cast<unsigned>(index_), text) != nullptr) return text;
    throw AddressError(ENODEV, "this machine has no network interface number " + std::to_string(index_));
}

void Socket::set_nodelay(bool on) { set(*this, nodelay_option, on ? 1 : 0); }
bool Socket::nodelay() const { return get(*this, nodelay_option) != 0; }

void Socket::set_keepalive(bool on, const KeepaliveOptions& times) {
    if (times.idle) set(*this, keep_idle, clamped(times.idle->count()));
    if (times.interval) set(*this, keep_interval, clamped(times.interval->count()));
    if (times.count) set(*this, keep_count, *times.count);
    set(*this, keepalive_option, on ? 1 : 0);
}

bool Socket::keepalive() const { return get(*this, keepalive_option) != 0; }

KeepaliveOptions Socket::keepalive_times() const {
    return {.idle = std::chrono::seconds(get(*this, keep_idle)),
            .interval = std::chrono::seconds(get(*this, keep_interval)),
            .count = get(*this, keep_count)};
}

void Socket::set_user_timeout(std::chrono::milliseconds timeout) {
    set(*this, {IPPROTO_TCP, TCP_USER_TIMEOUT, "TCP_USER_TIMEOUT"}, clamped(timeout.count()));
}

void Socket::set_linger(std::optional<std::chrono::seconds> time) {
    const ::linger value = {time ? 1 : 0, time ? clamped(time->count()) : 0};
    set(*this, {SOL_SOCKET, SO_LINGER, "SO_LINGER"}, value, std::to_string(value.l_linger));
}

std::optional<std::chrono::seconds> Socket::linger() const {
    const auto value = getsockopt<::linger>(SOL_SOCKET, SO_LINGER);
    if (value.l_onoff == 0) return std::nullopt;
    return std::chrono::seconds(value.l_linger);
}

void Socket::set_reuse_address(bool on) {
    set(*this, {SOL_SOCKET, SO_REUSEADDR, "SO_REUSEADDR"}, on ? 1 : 0);
}
void Socket::set_reuse_port(bool on) { set(*this, {SOL_SOCKET, SO_REUSEPORT, "SO_REUSEPORT"}, on ? 1 : 0); }
void Socket::set_v6only(bool on) { set(*this, {IPPROTO_IPV6, IPV6_V6ONLY, "IPV6_V6ONLY"}, on ? 1 : 0); }
void Socket::set_broadcast(bool on) { set(*this, {SOL_SOCKET, SO_BROADCAST, "SO_BROADCAST"}, on ? 1 : 0); }

void Socket::set_receive_buffer(std::size_t size) { set(*this, receive_buffer_option, clamped(size)); }
std::size_t Socket::receive_buffer() const {
    return static_cast<std::size_t>(get(*this, receive_buffer_option));
}
void Socket::set_send_buffer(std::size_t size) { set(*this, send_buffer_option, clamped(size)); }
std::size_t Socket::send_buffer() const { return static_cast<std::size_t>(get(*this, send_buffer_option)); }

void Socket::set_hops(int hops) {
    set(*this,
        by_family(*this, {IPPROTO_IP, IP_TTL, "IP_TTL"},
                  {IPPROTO_IPV6, IPV6_UNICAST_HOPS, "IPV6_UNICAST_HOPS"}),
        hops);
}

void Socket::bind_to_interface(NetworkInterface interface) {
    const std::string name = interface.name();
    if (::setsockopt(number().fd(), SOL_SOCKET, SO_BINDTODEVICE, name.data(),
                     static_cast<socklen_t>(name.size())) != 0)
        throw_os_error(errno, "cannot bind the socket to the interface " + name);
}

void Socket::set_pass_credentials(bool on) {
    set(*this, {SOL_SOCKET, SO_PASSCRED, "SO_PASSCRED"}, on ? 1 : 0);
}

void Socket::set_receive_segments(bool on) { set(*this, {SOL_UDP, UDP_GRO, "UDP_GRO"}, on ? 1 : 0); }

void Socket::change_group(int option, const Address& group, NetworkInterface interface) {
    const Address own = to_own_family(group, "use the group");
    const group_req request = {static_cast<unsigned>(interface.index()), as_storage(own)};
    if (::setsockopt(number().fd(), group_level(own), option, &request, sizeof request) == 0) return;
    const int code = errno;
    const std::string what = std::string(option == MCAST_JOIN_GROUP ? "cannot join" : "cannot leave") +
                             " the group " + own.host() + on_interface(interface);
    if (code == EINVAL || code == EADDRNOTAVAIL)
        throw_os_error(code, what,
                       option == MCAST_JOIN_GROUP ? "groups are 224.0.0.0/4 and ff00::/8"
                                                  : "it was not joined with this interface");
    if (code == ENODEV) throw_os_error(code, what, "name the interface: no route leads to the group");
    throw_os_error(code, what);
}

void Socket::change_source_group(int option, const Address& group, const Address& source,
                                 NetworkInterface interface) {
    const Address own = to_own_family(group, "use the group");
    const Address from = to_own_family(source, "use the source");
    const group_source_req request = {static_cast<unsigned>(interface.index()), as_storage(own),
                                      as_storage(from)};
    if (::setsockopt(number().fd(), group_level(own), option, &request, sizeof request) == 0) return;
    throw_os_error(errno, std::string(option == MCAST_JOIN_SOURCE_GROUP ? "cannot join" : "cannot leave") +
                              " the group " + own.host() + " from " + from.host() + on_interface(interface));
}

void Socket::join_group(const Address& group, NetworkInterface interface) {
    change_group(MCAST_JOIN_GROUP, group, interface);
}
void Socket::leave_group(const Address& group, NetworkInterface interface) {
    change_group(MCAST_LEAVE_GROUP, group, interface);
}
void Socket::join_source_group(const Address& group, const Address& source, NetworkInterface interface) {
    change_source_group(MCAST_JOIN_SOURCE_GROUP, group, source, interface);
}
void Socket::leave_source_group(const Address& group, const Address& source, NetworkInterface interface) {
    change_source_group(MCAST_LEAVE_SOURCE_GROUP, group, source, interface);
}

void Socket::set_multicast_interface(NetworkInterface interface) {
    if (family_ == AF_INET6) {
        set(*this, {IPPROTO_IPV6, IPV6_MULTICAST_IF, "IPV6_MULTICAST_IF"}, interface.index());
    } else {
        const ip_mreqn request = {{}, {}, interface.index()};
        set(*this, {IPPROTO_IP, IP_MULTICAST_IF, "IP_MULTICAST_IF"}, request,
            std::to_string(interface.index()));
    }
}

void Socket::set_multicast_hops(int hops) {
    set(*this,
        by_family(*this, {IPPROTO_IP, IP_MULTICAST_TTL, "IP_MULTICAST_TTL"},
                  {IPPROTO_IPV6, IPV6_MULTICAST_HOPS, "IPV6_MULTICAST_HOPS"}),
        hops);
}

void Socket::set_multicast_loop(bool on) {
    set(*this,
        by_family(*this, {IPPROTO_IP, IP_MULTICAST_LOOP, "IP_MULTICAST_LOOP"},
                  {IPPROTO_IPV6, IPV6_MULTICAST_LOOP, "IPV6_MULTICAST_LOOP"}),
        on ? 1 : 0);
}

}  // namespace thrum
