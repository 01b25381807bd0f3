// thrum/sockets/internal/quiet_splice.hpp: floor 2, sockets
// sendfile(2) and splice(2) to a socket without the SIGPIPE that they raise when the peer is gone, for they
// know no MSG_NOSIGNAL.
#pragma once

#include <fcntl.h>
#include <pthread.h>
#include <sys/types.h>

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <ctime>

namespace thrum::internal {

// Runs calls that may raise SIGPIPE. Where the process ignores that signal, as asked once for a transfer,
// they cost nothing more; else it is blocked meanwhile, and taken back before the fiber can leave its OS
// thread, for which alone it is.
class Quiet {
public:
    Quiet() noexcept {
        struct sigaction action = {};
        is_ignored_ = ::sigaction(SIGPIPE, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
    }

    // As `call`, which is to move `size` bytes. Keeps errno.
    template <class Call>
    ssize_t operator()(std::size_t size, Call&& call) const noexcept {
        if (is_ignored_) return call();
        sigset_t sigpipe;
        sigset_t before;
        ::sigemptyset(&sigpipe);
        ::sigaddset(&sigpipe, SIGPIPE);
        ::pthread_sigmask(SIG_BLOCK, &sigpipe, &before);
        const bool was_pending = ::sigismember(&before, SIGPIPE) == 1 && is_pending();
        const ssize_t moved = call();
        const int code = errno;
        // Also after a part: the connection may break behind the first bytes of what was asked for.
        const bool may_be_raised = moved < 0 ? code == EPIPE : static_cast<std::size_t>(moved) < size;
        if (may_be_raised && !was_pending) {
            constexpr timespec at_once{};
            while (::sigtimedwait(&sigpipe, nullptr, &at_once) < 0 && errno == EINTR) {
            }
        }
        ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
        errno = code;
        return moved;
    }

private:
    static bool is_pending() noexcept {
        sigset_t pending;
        return ::sigpending(&pending) == 0 && ::sigismember(&pending, SIGPIPE) == 1;
    }

    bool is_ignored_ = false;
};

}  // namespace thrum::internal
