// thrum/sockets/socket.hpp: floor 2, sockets
// Socket: Python's socket object on a thrum Descriptor. Each wait parks the thread that makes it.
#pragma once

#include <thrum/base/file.hpp>
#include <thrum/sockets/address.hpp>
#include <thrum/sockets/ancillary.hpp>
#include <thrum/sockets/socket_options.hpp>
#include <thrum/sockets/stream.hpp>
#include <thrum/sockets/zerocopy.hpp>
#include <thrum/threads/descriptor.hpp>

#include <sys/socket.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace thrum {

// What listen() and create_server() ask for; the kernel caps it at net.core.somaxconn (4096 on Linux
// since 5.4).
inline constexpr int default_backlog = 4096;

class DatagramBatch;
namespace internal {
class ConnectionRace;
}

// Owns a socket(7): TCP, UDP or Unix; stream, datagram or seqpacket; always non-blocking beneath and closed
// on exec. Move-only. One thread may receive, another send and a third close() at once. Receiving and sending
// make exactly one system call when the kernel is ready, and allocate nothing but what they return.
//
// TCP sockets are made with TCP_NODELAY, and those they accept inherit it: small writes go at once (RFC 896's
// delay is for those who ask). SIGPIPE is never raised: a closed peer is BrokenPipeError.
//
// Addresses that are names are looked up with resolve() for this socket's family and type; the first answer
// is taken. create_connection() tries all.
//
// Throws, everywhere: OSError and its kinds, whose message names the address, and OSError(EBADF) once closed;
// TimeoutError after settimeout() or at the deadline in force; Cancelled. With MSG_DONTWAIT among its flags a
// call that would wait throws TimeoutError at once.
class Socket final : public Stream {
public:
    // Closed; only to be assigned to.
    Socket() noexcept = default;
    // As socket(2): family AF_INET, AF_INET6 or AF_UNIX; type SOCK_STREAM, SOCK_DGRAM or SOCK_SEQPACKET.
    explicit Socket(int family, int type, int protocol = 0);
    // Takes ownership of an open socket, asks the kernel what it is and makes it non-blocking. On an
    // exception the descriptor is still the caller's.
    static Socket from_fd(int fd);
    // The same for a descriptor that has an owner, as one that recv_fds() brought: empty afterwards, or on an
    // exception as it was.
    static Socket from_fd(UniqueFd&& fd);
    // Two connected Unix sockets, as socketpair(2).
    static std::pair<Socket, Socket> pair(int type = SOCK_STREAM);

    Socket(Socket&&) noexcept = default;
    Socket& operator=(Socket&&) noexcept = default;
    ~Socket() override { close(); }

    void bind(const Address& address);
    void listen(int backlog = default_backlog);
    // Waits for the next client; its socket is non-blocking and closes on exec (accept4(2)). Connections that
    // broke while they queued are passed over (accept(2)). With no descriptor left it throws OSError(EMFILE),
    // and the client stays in the queue.
    std::pair<Socket, Address> accept();
    // Waits until the connection stands. After an exception the socket is only to be closed.
    void connect(const Address& address);
    // The same with the kernel's refusal as a value: 0, or the errno value; ETIMEDOUT after settimeout().
    // Still throws Cancelled, and AddressError for what is no address of this socket's family.
    int connect_ex(const Address& address);

    // `flags` are those of recv(2) and send(2): MSG_PEEK, MSG_OOB, MSG_MORE … An empty datagram is received
    // as 0 bytes, and sent for no data.
    using Stream::recv;
    std::size_t recv_into(std::span<char> buffer) override { return recv_into(buffer, 0); }
    std::size_t recv_into(std::span<char> buffer, int flags);
    std::string recv(std::size_t size, int flags);
    std::size_t send(std::string_view data) override { return send(data, 0); }
    std::size_t send(std::string_view data, int flags);
    // Of a datagram or seqpacket socket: one message, never several.
    void sendall(std::string_view data) override;
    void sendall(std::span<const std::string_view> pieces) override;
    // sendall() of many bytes from where they lie (MSG_ZEROCOPY): returns when the peer's kernel has them and
    // ours needs them no longer, so a round trip later. TCP only; everything else, less than
    // least_zerocopy_size and what the kernel cannot send so is copied, without a word but the result's. To
    // this machine's own addresses the kernel always copies: this socket then no longer tries. Cancelled,
    // late or closed meanwhile, it resets the connection unless all had arrived, so that nobody reads the
    // bytes when it has thrown. Uses one descriptor meanwhile and the socket's error queue. One at a time,
    // counting duplicates.
    ZerocopyResult sendall_zerocopy(std::string_view data);
    // One datagram. Returns its size.
    std::size_t sendto(std::string_view data, const Address& address, int flags = 0);
    // One datagram and who sent it. What is beyond `size` bytes is lost, as in recvfrom(2).
    std::pair<std::string, Address> recvfrom(std::size_t size, int flags = 0);
    std::pair<std::size_t, Address> recvfrom_into(std::span<char> buffer, int flags = 0);

    // Bytes from or into several places, with what travels beside them (ancillary.hpp). On an exception no
    // descriptor has been received. sendmsg() returns how many bytes went: of a stream perhaps not all.
    std::size_t sendmsg(std::span<const std::string_view> pieces, const SendmsgOptions& options = {});
    std::size_t sendmsg(std::string_view data, const SendmsgOptions& options = {});
    ReceivedMessage recvmsg(std::size_t size, const RecvmsgOptions& options = {});
    ReceivedMessage recvmsg_into(std::span<const std::span<char>> buffers,
                                 const RecvmsgOptions& options = {});
    // Passes open descriptors to the process at the other end of a Unix socket, beside all of `data`, of
    // which a stream needs at least one byte. They stay the caller's.
    void send_fds(std::string_view data, std::span<const int> descriptors);
    // Up to `size` bytes and the descriptors that came beside them.
    ReceivedMessage recv_fds(std::size_t size, std::size_t max_descriptors = max_passed_descriptors);
    // Who was at the other end of a Unix stream when it connected. Throws OSError(EOPNOTSUPP) for the others.
    Credentials peer_credentials() const;

    // Waits for datagrams and takes all that are there, as many as the batch has room for (recvmmsg(2)).
    // Returns how many messages came. It costs one system call in all while there are fewer.
    std::size_t recv_batch(DatagramBatch& batch);
    // Sends all of the batch (sendmmsg(2)): one it was filled with by add(), or received ones back to their
    // senders. After an exception batch.sent() messages have gone; the next is the one it is about.
    void send_batch(DatagramBatch& batch);
    // UDP_GRO: the kernel may hand over runs of equal datagrams as one message of a batch.
    void set_receive_segments(bool on = true);

    // From a file to this stream without a copy in between (sendfile(2)), but where the file system has no
    // way: from `offset`, `count` bytes or up to the end of the file, whose own position stays. Returns how
    // many went; less than `count` where the file ends before, also because it was cut meanwhile. Waits for
    // the socket; for a slow disk the kernel waits, with the worker.
    std::uint64_t sendfile(int file, std::uint64_t offset = 0,
                           std::optional<std::uint64_t> count = std::nullopt);
    // From this stream into a file at `offset` (splice(2), or a copy where that cannot be), `count` bytes or
    // up to the end of the stream. Returns how many came. Not into a file opened with O_APPEND. After an
    // exception bytes may be lost.
    std::uint64_t receive_file(int file, std::uint64_t offset = 0,
                               std::optional<std::uint64_t> count = std::nullopt);

    // SHUT_RD, SHUT_WR or SHUT_RDWR, as shutdown(2).
    void shutdown(int how);
    void shutdown_write() override { shutdown(SHUT_WR); }

    // As setsockopt(2), for the options that are an int, and for those that are a structure, given as its
    // bytes.
    void setsockopt(int level, int option, int value);
    void setsockopt(int level, int option, std::string_view bytes);
    template <class Structure>
    requires(
        std::is_class_v<Structure>&& std::is_trivially_copyable_v<Structure> &&
        !std::is_convertible_v<const Structure&, std::string_view>) void setsockopt(int level, int option,
                                                                                    const Structure& value) {
        setsockopt(level, option, std::string_view(reinterpret_cast<const char*>(&value), sizeof(Structure)));
    }
    int getsockopt(int level, int option) const;
    // At most `size` bytes.
    std::string getsockopt(int level, int option, std::size_t size) const;
    // A structure; what the kernel leaves out of it is zero.
    template <class Structure>
    requires(std::is_class_v<Structure>&& std::is_trivially_copyable_v<Structure>) Structure
        getsockopt(int level, int option)
    const {
        const std::string bytes = getsockopt(level, option, sizeof(Structure));
        Structure value = {};
        std::memcpy(&value, bytes.data(), bytes.size());
        return value;
    }

    // The usual options by name (socket(7), tcp(7), ip(7), ipv6(7)).
    void set_nodelay(bool on = true);
    bool nodelay() const;
    void set_keepalive(bool on = true, const KeepaliveOptions& times = {});
    bool keepalive() const;
    KeepaliveOptions keepalive_times() const;
    // How long sent bytes may stay unacknowledged before the connection is dropped; 0 is the kernel's own
    // way.
    void set_user_timeout(std::chrono::milliseconds timeout);
    // close() gives the kernel so long to send what is left; 0 drops it and resets the connection.
    void set_linger(std::optional<std::chrono::seconds> time);
    std::optional<std::chrono::seconds> linger() const;
    void set_reuse_address(bool on = true);
    void set_reuse_port(bool on = true);
    void set_v6only(bool on = true);
    // Without it sending to a broadcast address is refused, with PermissionError.
    void set_broadcast(bool on = true);
    // Bytes. The kernel doubles what it is given, up to net.core.rmem_max and wmem_max, and says so when
    // asked.
    void set_receive_buffer(std::size_t size);
    std::size_t receive_buffer() const;
    void set_send_buffer(std::size_t size);
    std::size_t send_buffer() const;
    // How far a packet goes: TTL (IPv4), hop limit (IPv6), 1 to 255.
    void set_hops(int hops);
    // Only packets of that interface, both ways (SO_BINDTODEVICE).
    void bind_to_interface(NetworkInterface interface);
    // Each message then brings its sender's Credentials, with recvmsg() and room for them (SO_PASSCRED).
    void set_pass_credentials(bool on = true);

    // Datagrams to a multicast group arrive from now on, at the port this is bound to (RFC 3678 §5.1); with
    // a source, only those it sends. `group` needs no port.
    void join_group(const Address& group, NetworkInterface interface = {});
    void leave_group(const Address& group, NetworkInterface interface = {});
    void join_source_group(const Address& group, const Address& source, NetworkInterface interface = {});
    void leave_source_group(const Address& group, const Address& source, NetworkInterface interface = {});
    // For sending to groups: by which interface, how far (1 stays on this network), and whether this
    // machine's members hear it too.
    void set_multicast_interface(NetworkInterface interface);
    void set_multicast_hops(int hops);
    void set_multicast_loop(bool on);

    void settimeout(std::optional<std::chrono::nanoseconds> timeout) override { timeout_ = timeout; }
    std::optional<std::chrono::nanoseconds> gettimeout() const override { return timeout_; }

    // Where it is bound, and whom it is connected to.
    Address getsockname() const;
    Address getpeername() const;
    int fileno() const noexcept override { return descriptor_.fd(); }
    // As fileno(), but a direct socket gets a number for as long as the result lives.
    Descriptor::Loan number() const { return descriptor_.lend(); }
    int family() const noexcept { return family_; }
    int type() const noexcept { return type_; }
    bool is_open() const noexcept { return descriptor_.is_open(); }
    bool readable_now() override;
    std::string peer_name() const override;

    // Another socket on the same open socket (dup(2)), with a timeout of its own. close() while somebody
    // waits on it ends the connection for both.
    Socket dup() const;
    // From now on without a descriptor number, so that it does not count towards RLIMIT_NOFILE; see
    // Descriptor. It then belongs to the worker of the calling thread: threads elsewhere may close and move
    // it, and every other call of theirs throws WrongWorkerError. fileno() is -1; receiving and sending cost
    // one system call as before, all that needs a number two more. False, with nothing changed, where it
    // stays an ordinary socket: io_uring is not allowed, the kernel is older than Linux 6.14, the tables
    // are full, or the caller is no thrum thread.
    bool make_direct() { return descriptor_.make_direct(); }
    // The other way. Throws WrongWorkerError, OSError(EMFILE).
    void make_ordinary() { descriptor_.make_ordinary(); }
    bool is_direct() const noexcept { return descriptor_.is_direct(); }
    // Gives up the descriptor, which stays open and non-blocking; -1 and nothing changed where a direct
    // socket cannot be made an ordinary one.
    int detach() noexcept { return descriptor_.release(); }
    void close() noexcept override { descriptor_.close(); }

    // For protocols above that make their own calls on the descriptor, as TLS does.
    Descriptor& descriptor() noexcept { return descriptor_; }
    // Until when a call that begins now may wait, by settimeout().
    Deadline deadline() const noexcept { return timeout_ ? deadline_after(*timeout_) : never; }

private:
    friend class internal::ConnectionRace;

    // The peer in few bytes, since a connection that was reset can no longer tell it. Empty for Unix.
    struct Peer {
        std::array<char, 28> bytes = {};
        unsigned char size = 0;
    };

    Socket(Descriptor descriptor, int family, int type) noexcept
        : descriptor_(std::move(descriptor)), family_(family), type_(type) {}
    bool is_stream() const noexcept { return type_ == SOCK_STREAM; }
    Address to_own_family(const Address& address, std::string_view doing) const;
    int connect_to(const Address& address, Deadline until);
    // Begins to connect, or asks how that stands: 0, EINPROGRESS, or why it failed. Does not wait.
    int try_connect(const Address& address);
    int connect_unix(const Address& address, Deadline until);
    // The deadline of one call with these flags.
    Deadline deadline(int flags) const noexcept;
    void change_group(int option, const Address& group, NetworkInterface interface);
    void change_source_group(int option, const Address& group, const Address& source,
                             NetworkInterface interface);
    // By way of `same`, a duplicate of the descriptor.
    ZerocopyResult send_in_place(std::string_view data, int same);
    UniqueFd duplicate() const;
    std::uint64_t copy_file(int file, std::int64_t at, std::optional<std::uint64_t> count,
                            std::uint64_t sent);
    [[noreturn]] void fail_file(int file) const;
    void remember_peer(const Address& address) noexcept;
    // Throws for errno: "cannot receive from 127.0.0.1:80: …", "timed out …".
    [[noreturn]] void fail(std::string_view doing, const std::string& whom) const;
    [[noreturn]] void fail(std::string_view doing) const;

    Descriptor descriptor_;
    std::optional<std::chrono::nanoseconds> timeout_;
    int family_ = AF_UNSPEC;
    int type_ = 0;
    Peer peer_;
    bool may_leave_in_place_ = true;  // false once the kernel has copied all the same
};

}  // namespace thrum
