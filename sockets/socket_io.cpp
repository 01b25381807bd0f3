// thrum/sockets/socket_io.cpp: floor 2, sockets
// The bytes in and out of a Socket: one system call each while the kernel keeps up.
#include <thrum/sockets/socket.hpp>
#include <thrum/threads/socket_calls.hpp>

#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace thrum {
namespace {

// How many pieces one writev takes at once: 1 KB of the stack, far under the kernel's IOV_MAX.
constexpr std::size_t pieces_at_once = 64;

// Passes over what has gone.
void skip(std::span<iovec>& pieces, std::size_t sent) noexcept {
    while (!pieces.empty() && sent >= pieces.front().iov_len) {
        sent -= pieces.front().iov_len;
        pieces = pieces.subspan(1);
    }
    if (pieces.empty()) return;
    pieces.front().iov_base = static_cast<char*>(pieces.front().iov_base) + sent;
    pieces.front().iov_len -= sent;
}

}  // namespace

Deadline Socket::deadline(int flags) const noexcept {
    return (flags & MSG_DONTWAIT) != 0 ? Deadline::min() : deadline();
}

std::size_t Socket::recv_into(std::span<char> buffer, int flags) {
    if (buffer.empty() && is_stream()) return 0;
    // A stream's short read means that the kernel had no more; a datagram's size says nothing about the next
    // one, and what was only peeked at is still there.
    const std::size_t drained_below = is_stream() && flags == 0 ? buffer.size() : 0;
    const ssize_t size = descriptor_.perform(Direction::read, deadline(flags), drained_below,
                                             ReceiveCall{buffer.data(), buffer.size(), flags});
    if (size < 0) fail("receive from");
    return static_cast<std::size_t>(size);
}

std::string Socket::recv(std::size_t size, int flags) {
    std::string data(size, '\0');
    // With MSG_TRUNC the kernel tells the datagram's own size.
    data.resize(std::min(size, recv_into(data, flags)));
    return data;
}

std::size_t Socket::send(std::string_view data, int flags) {
    const ssize_t size =
        descriptor_.perform(Direction::write, deadline(flags), 0, SendCall{data.data(), data.size(), flags});
    if (size < 0) fail("send to");
    return static_cast<std::size_t>(size);
}

void Socket::sendall(std::string_view data) {
    if (!is_stream()) return void(send(data));
    const Deadline until = deadline();
    while (!data.empty()) {
        const ssize_t size =
            descriptor_.perform(Direction::write, until, 0, SendCall{data.data(), data.size(), 0});
        if (size < 0) fail("send to");
        data.remove_prefix(static_cast<std::size_t>(size));
    }
}

void Socket::sendall(std::span<const std::string_view> pieces) {
    if (!is_stream()) return void(sendmsg(pieces));
    const Deadline until = deadline();
    std::array<iovec, pieces_at_once> vectors;
    while (!pieces.empty()) {
        const std::size_t count = std::min(pieces.size(), vectors.size());
        for (std::size_t i = 0; i < count; ++i) {
            vectors[i] = {const_cast<char*>(pieces[i].data()), pieces[i].size()};
        }
        std::span<iovec> left(vectors.data(), count);
        skip(left, 0);
        while (!left.empty()) {
            msghdr message = {};
            message.msg_iov = left.data();
            message.msg_iovlen = left.size();
            const ssize_t size = descriptor_.perform(Direction::write, until, 0, SendMessageCall{message, 0});
            if (size < 0) fail("send to");
            skip(left, static_cast<std::size_t>(size));
        }
        pieces = pieces.subspan(count);
    }
}

std::size_t Socket::sendto(std::string_view data, const Address& address, int flags) {
    const Deadline until = deadline(flags);
    // Copied only when a name was looked up: a datagram server answers from what recvfrom() gave it.
    const bool ready = address.family() == family_;
    const Address looked_up = ready ? Address() : to_own_family(address, "send to");
    const Address& own = ready ? address : looked_up;
    const ssize_t size = descriptor_.perform(Direction::write, until, 0, [&](int fd) {
        return ::sendto(fd, data.data(), data.size(), flags | MSG_NOSIGNAL, own.data(), own.size());
    });
    if (size < 0) fail("send to", own.to_string());
    return static_cast<std::size_t>(size);
}

std::pair<std::size_t, Address> Socket::recvfrom_into(std::span<char> buffer, int flags) {
    sockaddr_storage storage = {};
    socklen_t length = 0;
    const ssize_t size = descriptor_.perform(Direction::read, deadline(flags), 0, [&](int fd) {
        length = sizeof storage;
        return ::recvfrom(fd, buffer.data(), buffer.size(), flags, reinterpret_cast<sockaddr*>(&storage),
                          &length);
    });
    if (size < 0) fail("receive from");
    // A stream gives no sender: it is the peer, which after its end only we may remember.
    if (length == 0 && family_ != AF_UNIX) {
        if (peer_.size == 0) return {static_cast<std::size_t>(size), getpeername()};
        std::memcpy(&storage, peer_.bytes.data(), length = peer_.size);
    }
    return {static_cast<std::size_t>(size), Address::from_sockaddr(storage, length)};
}

std::pair<std::string, Address> Socket::recvfrom(std::size_t size, int flags) {
    std::string data(size, '\0');
    auto [length, sender] = recvfrom_into(data, flags);
    data.resize(std::min(size, length));
    return {std::move(data), std::move(sender)};
}

}  // namespace thrum
