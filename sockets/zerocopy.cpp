// thrum/sockets/zerocopy.cpp: floor 2, sockets
// Sending from where the bytes lie (Documentation/networking/msg_zerocopy): the kernel says in the socket's
// error queue when it needs them no longer.
#include <thrum/base/descriptor_shortage.hpp>
#include <thrum/base/errors.hpp>
#include <thrum/base/file.hpp>
#include <thrum/sockets/internal/zerocopy_ledger.hpp>
#include <thrum/sockets/socket.hpp>
#include <thrum/threads/thread.hpp>

#include <fcntl.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace thrum {
namespace {

using namespace std::chrono_literals;
using internal::ZerocopyLedger;

// How often the error queue is looked at where it cannot be waited for, as one end has hung up.
constexpr auto ended_interval = 1ms;

// What send(2) says where it cannot leave the bytes where they are: no memory for its notes (optmem_max,
// RLIMIT_MEMLOCK), or a protocol above TCP that works on the bytes.
bool refuses_zerocopy(int code) noexcept {
    return code == ENOBUFS || code == ENOMEM || code == EPERM || code == EOPNOTSUPP;
}

// The bytes of one call that the kernel may still read, seen through a descriptor that stays open when
// another thread closes the socket's own.
class Pending {
public:
    explicit Pending(int fd) noexcept : fd_(fd) {}

    ZerocopyLedger& ledger() noexcept { return ledger_; }

    // Books what has come to the error queue, without waiting; false where nothing had. Keeps errno.
    bool look() {
        const int code = errno;
        bool any = false;
        alignas(cmsghdr) std::array<char, 256> control;
        for (;;) {
            msghdr message = {};
            message.msg_control = control.data();
            message.msg_controllen = control.size();
            const ssize_t got = ::recvmsg(fd_, &message, MSG_ERRQUEUE | MSG_DONTWAIT);
            if (got < 0 && errno == EINTR) continue;
            if (got < 0) break;
            book(message);
            any = true;
        }
        errno = code;
        return any;
    }

    // Until the kernel needs none of the bytes. -1 with errno as Descriptor::perform().
    ssize_t wait(Descriptor& descriptor) {
        for (;;) {
            look();
            if (ledger_.is_settled()) return 0;
            bool in_vain = false;
            bool has_waited = false;
            const ssize_t result =
                descriptor.perform(Direction::error, never, 0, [&](const auto&) -> ssize_t {
                    in_vain = !look();
                    if (!in_vain || std::exchange(has_waited, true)) return 0;
                    errno = EAGAIN;
                    return -1;
                });
            if (result < 0) return -1;
            // A hang-up stands, and would end each wait at once.
            if (in_vain && !sleep_between_looks()) return -1;
        }
    }

    // Takes the bytes away from the kernel, at the cost of the connection.
    void take_back() {
        look();
        if (ledger_.is_settled()) return;
        // connect(2): dissolves the connection, which for TCP is a reset that drops what is queued.
        const sockaddr nobody{.sa_family = AF_UNSPEC, .sa_data = {}};
        ::connect(fd_, &nobody, sizeof nobody);
        // What the network card holds at this moment it has done with in no time; a queue before the card may
        // take longer. This is no wait that could be cancelled.
        for (look(); !ledger_.is_settled(); look()) yield();
    }

private:
    // False with errno as Descriptor::perform().
    static bool sleep_between_looks() {
        try {
            sleep(ended_interval);
        } catch (const TimeoutError&) {
            errno = ETIMEDOUT;
            return false;
        }
        return true;
    }

    void book(msghdr& message) {
        for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part)) {
            const bool is_error = (part->cmsg_level == SOL_IP && part->cmsg_type == IP_RECVERR) ||
                                  (part->cmsg_level == SOL_IPV6 && part->cmsg_type == IPV6_RECVERR);
            if (!is_error) continue;
            sock_extended_err told = {};
            std::memcpy(&told, CMSG_DATA(part), sizeof told);
            if (told.ee_origin == SO_EE_ORIGIN_ZEROCOPY)
                ledger_.done(told.ee_info, told.ee_data, (told.ee_code & SO_EE_CODE_ZEROCOPY_COPIED) != 0);
        }
    }

    int fd_;
    ZerocopyLedger ledger_;
};

}  // namespace

// Nothing where there is none to be had.
UniqueFd Socket::duplicate() const {
    try {
        return UniqueFd(::fcntl(number().fd(), F_DUPFD_CLOEXEC, 0));
    } catch (const OSError& error) {
        if (is_out_of_descriptors(error.code())) return UniqueFd();
        throw;
    }
}

ZerocopyResult Socket::sendall_zerocopy(std::string_view data) {
    const bool is_tcp = is_stream() && (family_ == AF_INET || family_ == AF_INET6);
    if (is_tcp && may_leave_in_place_ && data.size() >= least_zerocopy_size) {
        constexpr int on = 1;
        const UniqueFd same = duplicate();
        if (same && ::setsockopt(same.get(), SOL_SOCKET, SO_ZEROCOPY, &on, sizeof on) == 0)
            return send_in_place(data, same.get());
    }
    sendall(data);
    return {.in_place = 0, .copied = data.size()};
}

ZerocopyResult Socket::send_in_place(std::string_view data, int same) {
    const Timeout limit(deadline());
    Pending pending(same);
    std::uint64_t copied = 0;
    try {
        while (!data.empty()) {
            bool in_place = false;
            // Through `same`, so that a direct socket needs no number for it.
            const ssize_t size = descriptor_.perform(Direction::write, never, 0, [&](const auto&) {
                // Who copied once will do it again, and then to pin the pages is a waste.
                in_place = data.size() >= least_zerocopy_size && !pending.ledger().saw_copy();
                ssize_t put =
                    ::send(same, data.data(), data.size(), MSG_NOSIGNAL | (in_place ? MSG_ZEROCOPY : 0));
                if (put < 0 && in_place && refuses_zerocopy(errno)) {
                    pending.look();
                    in_place = false;
                    put = ::send(same, data.data(), data.size(), MSG_NOSIGNAL);
                }
                // News that lies in the error queue would end every wait at once.
                if (put < 0 && errno == EAGAIN) pending.look();
                return put;
            });
            if (size < 0) fail("send to");
            const auto sent = static_cast<std::size_t>(size);
            in_place ? pending.ledger().sent(sent) : void(copied += sent);
            data.remove_prefix(sent);
        }
        if (pending.wait(descriptor_) < 0) fail("send to");
    } catch (...) {
        pending.take_back();
        throw;
    }
    // A connection that broke has no use for the bytes either.
    int code = 0;
    socklen_t length = sizeof code;
    if (::getsockopt(same, SOL_SOCKET, SO_ERROR, &code, &length) == 0 && code != 0) {
        errno = code;
        fail("send to");
    }
    // Who reads on this socket may have been told of the break before, and such news is told once.
    tcp_info state = {};
    length = sizeof state;
    if (::getsockopt(same, IPPROTO_TCP, TCP_INFO, &state, &length) == 0 && state.tcpi_state == TCP_CLOSE) {
        errno = ECONNRESET;
        fail("send to");
    }
    may_leave_in_place_ = !pending.ledger().saw_copy();
    ZerocopyResult result = pending.ledger().result();
    result.copied += copied;
    return result;
}

}  // namespace thrum
