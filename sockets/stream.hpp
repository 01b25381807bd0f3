// thrum/sockets/stream.hpp: floor 2, sockets
// Stream: what a TCP, Unix or TLS connection is to the code that talks over it.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace thrum {

// A connected, reliable, ordered stream of bytes both ways; Socket and TLSSocket are its kinds. One thread
// may receive while another sends. Every wait ends with TimeoutError after settimeout() or at the deadline in
// force, and with Cancelled; other failures are OSErrors (ConnectionResetError, BrokenPipeError, TLSError …)
// that name the peer.
class Stream {
public:
    virtual ~Stream() = default;

    // Waits for bytes and puts some into `buffer`. Returns how many; 0 at the end of the stream, and for an
    // empty buffer.
    virtual std::size_t recv_into(std::span<char> buffer) = 0;
    // Up to `size` bytes as soon as there are any; empty at the end. Of a datagram socket, one datagram.
    std::string recv(std::size_t size);
    // Everything up to the end of the stream.
    std::string recv_all();
    // Sends some of `data`, waiting until that is possible. Returns how many bytes went; 0 only for no data.
    virtual std::size_t send(std::string_view data) = 0;
    // Sends all of it. After an exception nobody knows how much has gone.
    virtual void sendall(std::string_view data) = 0;
    // Sends all of the pieces in their order, as one where the kernel can (writev).
    virtual void sendall(std::span<const std::string_view> pieces) = 0;
    // Tells the peer that nothing more will come; receiving goes on.
    virtual void shutdown_write() = 0;
    // Idempotent. A thread that waits here gets OSError(EBADF).
    virtual void close() noexcept = 0;

    // How long each call may last at most (sendall() as a whole); nothing sets no limit.
    virtual void settimeout(std::optional<std::chrono::nanoseconds> timeout) = 0;
    virtual std::optional<std::chrono::nanoseconds> gettimeout() const = 0;
    // The descriptor, -1 once closed, and of a direct Socket. To look at: reading it elsewhere steals bytes.
    virtual int fileno() const noexcept = 0;
    // Whether recv_into() would return without waiting: bytes, the end or an error are there. Does not wait.
    // On an idle connection in a pool, true means that it is of no more use.
    virtual bool readable_now() = 0;
    // Whom it connects to, for messages: "127.0.0.1:80", "example.org (203.0.113.5:443)".
    virtual std::string peer_name() const = 0;

protected:
    Stream() = default;
    Stream(Stream&&) = default;
    Stream& operator=(Stream&&) = default;
};

}  // namespace thrum
