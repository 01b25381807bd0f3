// thrum/sockets/ancillary.hpp: floor 2, sockets
// What travels beside the bytes of a message: descriptors, credentials and other control messages (cmsg(3)).
#pragma once

#include <thrum/base/file.hpp>
#include <thrum/sockets/address.hpp>

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace thrum {

// SCM_MAX_FD of Linux: no message carries more descriptors.
inline constexpr std::size_t max_passed_descriptors = 253;
// Bytes of other control messages that one recvmsg() has room for; net.core.optmem_max is of that order.
inline constexpr std::size_t max_ancillary_size = 64 * 1024;

// Who is at the other end of a Unix socket, as the kernel knows it (unix(7)).
struct Credentials {
    pid_t pid = 0;
    uid_t uid = 0;
    gid_t gid = 0;
    friend bool operator==(const Credentials&, const Credentials&) noexcept = default;
};

// One control message as the system call has it: `data` without the header.
struct ControlMessage {
    int level = 0;
    int type = 0;
    std::string data = {};
};

struct SendmsgOptions {
    // Unix sockets only. Lent: the receiver gets duplicates. They go with the first byte.
    std::span<const int> descriptors = {};
    // Unix sockets only; others than the process's own need CAP_SYS_ADMIN, CAP_SETUID and CAP_SETGID.
    std::optional<Credentials> credentials = std::nullopt;
    std::span<const ControlMessage> ancillary = {};
    std::optional<Address> address = std::nullopt;  // of a datagram's receiver; empty for the connected peer
    int flags = 0;                                  // MSG_OOB, MSG_MORE, MSG_EOR …
};

struct RecvmsgOptions {
    std::size_t max_descriptors = 0;  // further ones are closed, and flags says MSG_CTRUNC
    bool credentials = false;         // room for them; Socket::set_pass_credentials() makes them come
    std::size_t ancillary_size = 0;   // bytes of room for other control messages, CMSG_SPACE of each
    int flags = 0;                    // MSG_PEEK, MSG_TRUNC, MSG_ERRQUEUE …
};

// What one recvmsg() brought. Owns the descriptors: those nobody takes out are closed with it.
struct ReceivedMessage {
    std::string data = {};  // of recvmsg(); recvmsg_into() leaves it empty
    std::size_t size = 0;   // bytes received: 0 for an empty datagram, and at the end of a stream
    Address address = {};   // who sent it; nowhere where the kernel does not say (connected streams)
    int flags = 0;          // MSG_TRUNC, MSG_CTRUNC, MSG_EOR, MSG_OOB, MSG_ERRQUEUE
    std::vector<UniqueFd> descriptors = {};  // all close on exec
    UniqueFd process = {};                   // a pidfd of the sender, where SO_PASSPIDFD asks for it
    std::optional<Credentials> credentials = std::nullopt;
    std::vector<ControlMessage> ancillary = {};  // the others

    // Some of the datagram did not fit, and is lost.
    bool truncated() const noexcept { return (flags & MSG_TRUNC) != 0; }
    // Some of the descriptors or control messages did not fit, or found this process at its limit of open
    // files. The kernel has closed them.
    bool ancillary_truncated() const noexcept { return (flags & MSG_CTRUNC) != 0; }
};

}  // namespace thrum
