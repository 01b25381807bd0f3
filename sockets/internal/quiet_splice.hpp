// thrum/sockets/internal/quiet_splice.hpp: floor 2, sockets
// splice(2) to a socket without the SIGPIPE that it raises when the peer is gone, for it knows no
// MSG_NOSIGNAL.
#pragma once

#include <fcntl.h>
#include <pthread.h>

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <ctime>

namespace thrum::internal {

// As splice(2), without waiting: -1 with EPIPE where the peer is gone, and no signal.
inline ssize_t splice_to_socket(int pipe, int socket, std::size_t size) noexcept {
    sigset_t sigpipe;
    sigset_t before;
    ::sigemptyset(&sigpipe);
    ::sigaddset(&sigpipe, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &sigpipe, &before);
    const ssize_t sent = ::splice(pipe, nullptr, socket, nullptr, size, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    const int code = errno;
    if (sent < 0 && code == EPIPE) {
        // Ours, raised in this thread; taken back before it can be delivered. Does not wait.
        constexpr timespec at_once{};
        while (::sigtimedwait(&sigpipe, nullptr, &at_once) < 0 && errno == EINTR) {
        }
    }
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    errno = code;
    return sent;
}

}  // namespace thrum::internal
