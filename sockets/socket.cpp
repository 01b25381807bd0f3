// thrum/sockets/socket.cpp: floor 2, sockets
// Making, naming and connecting sockets; socket_io.cpp moves their bytes.
#include <thrum/sockets/internal/connection_race.hpp>
#include <thrum/sockets/resolver.hpp>
#include <thrum/sockets/socket.hpp>
#include <thrum/threads/thread.hpp>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <algorithm>
#include <cstring>

namespace thrum {
namespace {

using namespace std::chrono_literals;

// unix(7): a connect() that finds the queue full cannot be waited for, so it is repeated this often.
constexpr auto unix_connect_interval = 1ms;

// socket(2): these go with the type, and are no part of it. Both are always set here.
constexpr int type_flags = SOCK_CLOEXEC | SOCK_NONBLOCK;

bool is_tcp(int family, int type) noexcept {
    return (family == AF_INET || family == AF_INET6) && type == SOCK_STREAM;
}

int own_option(int fd, int option) {
    int value = 0;
    socklen_t size = sizeof value;
    if (::getsockopt(fd, SOL_SOCKET, option, &value, &size) != 0) {
        throw_os_error(errno, "cannot use descriptor " + std::to_string(fd) + " as a socket");
    }
    return value;
}

// accept(2): errors of the connection, not of the listening socket, which goes on.
bool belongs_to_the_client(int code) noexcept {
    constexpr int codes[] = {ECONNABORTED, EPROTO,       ENETDOWN,   ENOPROTOOPT, EHOSTDOWN,
                             ENONET,       EHOSTUNREACH, EOPNOTSUPP, ENETUNREACH};
    return std::find(std::begin(codes), std::end(codes), code) != std::end(codes);
}

const char* family_name(int family) noexcept {
    return family == AF_INET ? "IPv4" : family == AF_INET6 ? "IPv6" : family == AF_UNIX ? "Unix" : "unknown";
}

}  // namespace

Socket::Socket(int family, int type, int protocol) : family_(family), type_(type & ~type_flags) {
    const int fd = ::socket(family, type_ | type_flags, protocol);
    if (fd < 0) throw_os_error(errno, std::string("cannot make a socket of family ") + family_name(family));
    descriptor_ = Descriptor(fd);
    if (is_tcp(family, type_)) setsockopt(IPPROTO_TCP, TCP_NODELAY, 1);
}

Socket Socket::from_fd(int fd) {
    const int family = own_option(fd, SO_DOMAIN);
    const int type = own_option(fd, SO_TYPE);
    const int flags = ::fcntl(fd, F_GETFL);
    if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) {
        throw_os_error(errno, "cannot make descriptor " + std::to_string(fd) + " non-blocking");
    }
    Socket socket(Descriptor(fd), family, type);
    // A connected datagram socket is known by its peer, as one that connect() made.
    sockaddr_storage peer = {};
    socklen_t size = sizeof peer;
    if (type == SOCK_DGRAM && ::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) == 0 && size != 0)
        socket.remember_peer(Address::from_sockaddr(peer, size));
    return socket;
}

Socket Socket::from_fd(UniqueFd&& fd) {
    Socket socket = from_fd(fd.get());
    static_cast<void>(fd.release());
    return socket;
}

Socket Socket::dup() const {
    const int fd = ::fcntl(number().fd(), F_DUPFD_CLOEXEC, 0);
    if (fd < 0) throw_os_error(errno, "cannot duplicate the socket");
    Socket other(Descriptor(fd), family_, type_);
    other.timeout_ = timeout_;
    other.peer_ = peer_;
    return other;
}

std::pair<Socket, Socket> Socket::pair(int type) {
    int ends[2];
    type &= ~type_flags;
    if (::socketpair(AF_UNIX, type | type_flags, 0, ends) != 0) {
        throw_os_error(errno, "cannot make a pair of sockets");
    }
    return {Socket(Descriptor(ends[0]), AF_UNIX, type), Socket(Descriptor(ends[1]), AF_UNIX, type)};
}

// The address itself, or the first one its name has in this socket's family.
Address Socket::to_own_family(const Address& address, std::string_view doing) const {
    if (!is_open())
        throw_os_error(EBADF, "cannot " + std::string(doing) + " " + address.to_string(),
                       "the socket is closed");
    if (address.is_name() && family_ != AF_UNIX) {
        const Timeout limit(deadline());
        return resolve(address, family_, type_).front();
    }
    if (address.family() == family_) return address;
    throw AddressError(EAFNOSUPPORT, "cannot " + std::string(doing) + " " + address.to_string() +
                                         ": the socket is of family " + family_name(family_) +
                                         ", the address is not");
}

void Socket::bind(const Address& address) {
    const Address own = to_own_family(address, "bind to");
    if (::bind(number().fd(), own.data(), own.size()) != 0) fail("bind to", own.to_string());
}

void Socket::listen(int backlog) {
    if (::listen(number().fd(), backlog) != 0) fail("listen", "");
}

std::pair<Socket, Address> Socket::accept() {
    sockaddr_storage storage;
    for (;;) {
        socklen_t size = sizeof storage;
        const auto fd = descriptor_.perform(Direction::read, deadline(), 0, [&](int listener) {
            size = sizeof storage;
            return ::accept4(listener, reinterpret_cast<sockaddr*>(&storage), &size,
                             SOCK_NONBLOCK | SOCK_CLOEXEC);
        });
        if (fd >= 0) {
            // The socket first: the address may be of a family that cannot be told, and throw.
            Socket client(Descriptor(static_cast<int>(fd)), family_, type_);
            Address address = Address::from_sockaddr(storage, size);
            client.remember_peer(address);
            return {std::move(client), std::move(address)};
        }
        if (belongs_to_the_client(errno)) continue;
        const int code = errno;
        const std::string where = is_open() ? getsockname().to_string() : "a closed socket";
        if (code == EMFILE)
            throw_os_error(code, "cannot accept on " + where, "raise the limit of `ulimit -n`");
        errno = code;
        fail("accept on", where);
    }
}

void Socket::connect(const Address& address) {
    const Deadline until = deadline();
    const Address own = to_own_family(address, "connect to");
    errno = connect_to(own, until);
    if (errno == 0) return;
    const std::string name = own.to_string();
    if (errno == ETIMEDOUT && family_ == AF_UNIX)
        throw TimeoutError("timed out trying to connect to " + name + ": its queue stays full");
    if (const auto advice = internal::connect_advice(errno); !advice.empty())
        throw_os_error(errno, "cannot connect to " + name, advice);
    fail("connect to", address.is_name() ? address.to_string() + " (" + name + ")" : name);
}

int Socket::connect_ex(const Address& address) {
    const Deadline until = deadline();
    return connect_to(to_own_family(address, "connect to"), until);
}

// 0 or the errno value.
int Socket::connect_to(const Address& own, Deadline until) {
    if (family_ == AF_UNIX) return connect_unix(own, until);
    // connect(2): begun once, then asked again whenever the socket turns writable. The second call tells the
    // outcome as SO_ERROR would, and cannot mistake a readiness from before the attempt for its end.
    bool begun = false;
    const auto result = descriptor_.perform(Direction::write, until, 0, [&](int) -> ssize_t {
        int code = try_connect(own);
        if (begun && code == EISCONN) code = 0;
        if (code == EINPROGRESS) begun = true;
        errno = code == EINPROGRESS ? EAGAIN : code;
        return code == 0 ? 0 : -1;
    });
    return result < 0 ? errno : 0;
}

int Socket::try_connect(const Address& own) {
    remember_peer(own);
    if (::connect(number().fd(), own.data(), own.size()) == 0) return 0;
    if (errno == EALREADY || errno == EINTR) return EINPROGRESS;
    // EAGAIN is the kernel's word for "no local port left" here, and not for waiting.
    return errno == EAGAIN ? EADDRNOTAVAIL : errno;
}

int Socket::connect_unix(const Address& address, Deadline until) {
    while (::connect(number().fd(), address.data(), address.size()) != 0) {
        if (errno == EINTR) continue;
        if (errno != EAGAIN) return errno;
        if (deadline_after(0ns) >= until) return ETIMEDOUT;
        try {
            sleep(unix_connect_interval);
        } catch (const TimeoutError&) {
            return ETIMEDOUT;  // of the deadline in force
        }
    }
    return 0;
}

void Socket::shutdown(int how) {
    if (::shutdown(number().fd(), how) != 0) fail("shut down the connection to");
}

void Socket::setsockopt(int level, int option, int value) {
    setsockopt(level, option, std::string_view(reinterpret_cast<const char*>(&value), sizeof value));
}

void Socket::setsockopt(int level, int option, std::string_view bytes) {
    if (::setsockopt(number().fd(), level, option, bytes.data(), static_cast<socklen_t>(bytes.size())) != 0) {
        throw_os_error(errno, "cannot set socket option " + std::to_string(option) + " of level " +
                                  std::to_string(level));
    }
}

int Socket::getsockopt(int level, int option) const {
    const std::string bytes = getsockopt(level, option, sizeof(int));
    int value = 0;
    std::memcpy(&value, bytes.data(), std::min(bytes.size(), sizeof value));
    return value;
}

std::string Socket::getsockopt(int level, int option, std::size_t size) const {
    std::string bytes(size, '\0');
    auto length = static_cast<socklen_t>(size);
    if (::getsockopt(number().fd(), level, option, bytes.data(), &length) != 0) {
        throw_os_error(errno, "cannot read socket option " + std::to_string(option) + " of level " +
                                  std::to_string(level));
    }
    bytes.resize(length);
    return bytes;
}

Address Socket::getsockname() const {
    sockaddr_storage storage = {};
    socklen_t size = sizeof storage;
    if (::getsockname(number().fd(), reinterpret_cast<sockaddr*>(&storage), &size) != 0) {
        throw_os_error(errno, "cannot tell the socket's own address");
    }
    return Address::from_sockaddr(storage, size);
}

Address Socket::getpeername() const {
    sockaddr_storage storage = {};
    socklen_t size = sizeof storage;
    if (::getpeername(number().fd(), reinterpret_cast<sockaddr*>(&storage), &size) != 0) {
        throw_os_error(errno, "cannot tell the socket's peer");
    }
    return Address::from_sockaddr(storage, size);
}

bool Socket::readable_now() {
    char byte;
    return ::recv(number().fd(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || errno != EAGAIN;
}

void Socket::remember_peer(const Address& address) noexcept {
    if (address.family() == AF_UNIX || address.size() > peer_.bytes.size()) return;
    peer_.size = static_cast<unsigned char>(address.size());
    std::memcpy(peer_.bytes.data(), address.data(), peer_.size);
}

std::string Socket::peer_name() const {
    sockaddr_storage storage = {};
    socklen_t size = sizeof storage;
    if (peer_.size != 0) {
        std::memcpy(&storage, peer_.bytes.data(), peer_.size);
        return Address::from_sockaddr(storage, peer_.size).to_string();
    }
    try {
        const Descriptor::Loan lent = number();
        if (::getpeername(lent.fd(), reinterpret_cast<sockaddr*>(&storage), &size) != 0) return "";
    } catch (const Error&) {  // a direct socket on the wrong worker, or where no number is left
        return "";
    }
    return Address::from_sockaddr(storage, size).to_string();
}

void Socket::fail(std::string_view doing, const std::string& whom) const {
    const int code = errno;
    const std::string what = whom.empty() ? std::string(doing) : std::string(doing) + " " + whom;
    if (code == ETIMEDOUT) throw TimeoutError("timed out trying to " + what);
    throw_os_error(code, "cannot " + what, code == EBADF && !is_open() ? "the socket is closed" : "");
}

void Socket::fail(std::string_view doing) const {
    const int code = errno;
    std::string whom = peer_name();
    if (whom.empty()) whom = is_open() ? "an unconnected socket" : "a closed socket";
    errno = code;
    fail(doing, whom);
}

}  // namespace thrum
