// thrum/sockets/socket_file.cpp: floor 2, sockets
// Files to and from a socket inside the kernel: sendfile(2), and splice(2) by way of a pipe.
#include <thrum/sockets/socket.hpp>

#include <fcntl.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <limits>

namespace thrum {
namespace {

// Bytes of one system call: enough that its cost does not show, and few enough that others get their turn.
constexpr std::size_t piece_size = std::size_t{1} << 20;

// Neither call takes MSG_NOSIGNAL. A SIGPIPE of theirs is for this very OS thread, and taken back before the
// fiber can leave it.
class NoSIGPIPE {
public:
    NoSIGPIPE() noexcept {
        sigset_t pending;
        ::sigemptyset(&pipe_);
        ::sigaddset(&pipe_, SIGPIPE);
        ::sigpending(&pending);
        was_pending_ = ::sigismember(&pending, SIGPIPE) == 1;
        ::pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
    }
    NoSIGPIPE(const NoSIGPIPE&) = delete;
    NoSIGPIPE& operator=(const NoSIGPIPE&) = delete;
    ~NoSIGPIPE() {
        const int code = errno;
        const timespec at_once = {};
        // Also after a success: the connection may break behind the first part of what was asked for.
        if (!was_pending_) {
            while (::sigtimedwait(&pipe_, nullptr, &at_once) < 0 && errno == EINTR) {
            }
        }
        ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
        errno = code;
    }

private:
    sigset_t pipe_;
    sigset_t before_;
    bool was_pending_;
};

loff_t as_offset(std::uint64_t offset) {
    if (offset > static_cast<std::uint64_t>(std::numeric_limits<loff_t>::max()))
        throw_os_error(EOVERFLOW, "cannot use " + std::to_string(offset) + " as the offset in a file");
    return static_cast<loff_t>(offset);
}

std::size_t next_piece(const std::optional<std::uint64_t>& count, std::uint64_t done) noexcept {
    return count ? static_cast<std::size_t>(std::min<std::uint64_t>(*count - done, piece_size)) : piece_size;
}

// Both ends of a pipe that takes as much as it may.
struct Pipe {
    Pipe() {
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) throw_os_error(errno, "cannot make a pipe");
        out = UniqueFd(ends[0]);
        in = UniqueFd(ends[1]);
        // Refused beyond fs.pipe-user-pages-soft (pipe(7)): then it stays at 64 KB.
        ::fcntl(in.get(), F_SETPIPE_SZ, static_cast<int>(piece_size));
    }
    UniqueFd out;
    UniqueFd in;
};

}  // namespace

std::uint64_t Socket::sendfile(int file, std::uint64_t offset, std::optional<std::uint64_t> count) {
    const Deadline until = deadline();
    loff_t at = as_offset(offset);
    std::uint64_t sent = 0;
    while (!count || sent < *count) {
        const std::size_t size = next_piece(count, sent);
        const ssize_t went = descriptor_.perform(Direction::write, until, 0, [&](int fd) {
            const NoSIGPIPE quiet;
            return ::sendfile64(fd, file, &at, size);
        });
        if (went < 0 && (errno == EINVAL || errno == ESPIPE)) {
            const int code = errno;
            throw_os_error(
                code, "cannot send descriptor " + std::to_string(file) + " to " + peer_name() + " as a file",
                "only regular files can be sent so, over a stream");
        }
        if (went < 0) fail("send a file to");
        if (went == 0) break;
        sent += static_cast<std::uint64_t>(went);
    }
    return sent;
}

std::uint64_t Socket::receive_file(int file, std::uint64_t offset, std::optional<std::uint64_t> count) {
    const Deadline until = deadline();
    loff_t at = as_offset(offset);
    std::uint64_t received = 0;
    if (count && *count == 0) return 0;
    const Pipe pipe;
    while (!count || received < *count) {
        const std::size_t size = next_piece(count, received);
        const ssize_t came = descriptor_.perform(Direction::read, until, 0, [&](int fd) {
            return ::splice(fd, nullptr, pipe.in.get(), nullptr, size, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
        });
        if (came < 0) fail("receive a file from");
        if (came == 0) break;
        for (ssize_t left = came; left > 0;) {
            const ssize_t written =
                ::splice(pipe.out.get(), nullptr, file, &at, static_cast<std::size_t>(left), SPLICE_F_MOVE);
            if (written < 0 && errno == EINTR) continue;
            if (written <= 0) {
                throw_os_error(
                    written < 0 ? errno : EIO,
                    "cannot write to descriptor " + std::to_string(file) + " what came from " + peer_name());
            }
            left -= written;
        }
        received += static_cast<std::uint64_t>(came);
    }
    return received;
}

}  // namespace thrum
