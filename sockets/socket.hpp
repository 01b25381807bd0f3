// thrum/sockets/socket.hpp: floor 2, sockets
// Socket: Python's socket object on a thrum Descriptor. Each wait parks the thread that makes it.
#pragma once

#include <thrum/sockets/address.hpp>
#include <thrum/sockets/stream.hpp>
#include <thrum/threads/descriptor.hpp>

#include <sys/socket.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace thrum {

// What listen() and create_server() ask for; the kernel caps it at net.core.somaxconn (4096 on Linux
// since 5.4).
inline constexpr int default_backlog = 4096;

// Owns a socket(7): TCP, UDP or Unix, stream or datagram, always non-blocking beneath and closed on exec.
// Move-only. One thread may receive, another send and a third close() at once. Receiving and sending make
// exactly one system call when the kernel is ready, and allocate nothing but what they return.
//
// TCP sockets are made with TCP_NODELAY, and those they accept inherit it: small writes go at once (RFC 896's
// delay is for those who ask). SIGPIPE is never raised: a closed peer is BrokenPipeError.
//
// Addresses that are names are looked up with resolve() for this socket's family and type; the first answer
// is taken. create_connection() tries all.
//
// Throws, everywhere: OSError and its kinds, whose message names the address; TimeoutError after settimeout()
// or at the deadline in force; Cancelled.
class Socket final : public Stream {
public:
    // Closed; only to be assigned to.
    Socket() noexcept = default;
    // As socket(2): family AF_INET, AF_INET6 or AF_UNIX; type SOCK_STREAM, SOCK_DGRAM or SOCK_SEQPACKET.
    explicit Socket(int family, int type, int protocol = 0);
    // Takes ownership of an open socket, asks the kernel what it is and makes it non-blocking. On an
    // exception the descriptor is still the caller's.
    static Socket from_fd(int fd);
    // Two connected Unix sockets, as socketpair(2).
    static std::pair<Socket, Socket> pair(int type = SOCK_STREAM);

    Socket(Socket&&) noexcept = default;
    Socket& operator=(Socket&&) noexcept = default;
    ~Socket() override { close(); }

    void bind(const Address& address);
    void listen(int backlog = default_backlog);
    // Waits for the next client. Connections that broke while they queued are passed over (accept(2)). With
    // no descriptor left it throws OSError(EMFILE), and the client stays in the queue.
    std::pair<Socket, Address> accept();
    // Waits until the connection stands. After an exception the socket is only to be closed.
    void connect(const Address& address);

    std::size_t recv_into(std::span<char> buffer) override;
    std::size_t send(std::string_view data) override;
    void sendall(std::string_view data) override;
    void sendall(std::span<const std::string_view> pieces) override;
    // One datagram. Returns its size.
    std::size_t sendto(std::string_view data, const Address& address);
    // One datagram and who sent it. What is beyond `size` bytes is lost, as in recvfrom(2).
    std::pair<std::string, Address> recvfrom(std::size_t size);
    std::pair<std::size_t, Address> recvfrom_into(std::span<char> buffer);

    // SHUT_RD, SHUT_WR or SHUT_RDWR, as shutdown(2).
    void shutdown(int how);
    void shutdown_write() override { shutdown(SHUT_WR); }

    // As setsockopt(2), for the options that are an int, and for those that are a structure, given as its
    // bytes.
    void setsockopt(int level, int option, int value);
    void setsockopt(int level, int option, std::string_view bytes);
    int getsockopt(int level, int option) const;
    // At most `size` bytes.
    std::string getsockopt(int level, int option, std::size_t size) const;

    void settimeout(std::optional<std::chrono::nanoseconds> timeout) override { timeout_ = timeout; }
    std::optional<std::chrono::nanoseconds> gettimeout() const override { return timeout_; }

    // Where it is bound, and whom it is connected to.
    Address getsockname() const;
    Address getpeername() const;
    int fileno() const noexcept override { return descriptor_.fd(); }
    int family() const noexcept { return family_; }
    int type() const noexcept { return type_; }
    bool is_open() const noexcept { return descriptor_.is_open(); }
    bool readable_now() override;
    std::string peer_name() const override;

    // Gives up the descriptor, which stays open and non-blocking.
    int detach() noexcept { return descriptor_.release(); }
    void close() noexcept override { descriptor_.close(); }

    // For protocols above that make their own calls on the descriptor, as TLS does.
    Descriptor& descriptor() noexcept { return descriptor_; }
    // Until when a call that begins now may wait, by settimeout().
    Deadline deadline() const noexcept { return timeout_ ? deadline_after(*timeout_) : never; }

private:
    // The peer in few bytes, since a connection that was reset can no longer tell it. Empty for Unix.
    struct Peer {
        std::array<char, 28> bytes = {};
        unsigned char size = 0;
    };

    Socket(Descriptor descriptor, int family, int type) noexcept
        : descriptor_(std::move(descriptor)), family_(family), type_(type) {}
    bool is_stream() const noexcept { return type_ == SOCK_STREAM; }
    Address to_own_family(const Address& address, std::string_view doing) const;
    void connect_unix(const Address& address, Deadline until);
    void remember_peer(const Address& address) noexcept;
    // Throws for errno: "cannot receive from 127.0.0.1:80: …", "timed out …".
    [[noreturn]] void fail(std::string_view doing, const std::string& whom) const;
    [[noreturn]] void fail(std::string_view doing) const;

    Descriptor descriptor_;
    std::optional<std::chrono::nanoseconds> timeout_;
    int family_ = AF_UNSPEC;
    int type_ = 0;
    Peer peer_;
};

}  // namespace thrum
