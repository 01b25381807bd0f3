// thrum/sockets/socket_file.cpp: floor 2, sockets
// Files to and from a socket inside the kernel: sendfile(2), and splice(2) by way of a pipe. Where a file
// system cannot do that, the bytes go through memory.
#include <thrum/sockets/internal/quiet_splice.hpp>
#include <thrum/sockets/internal/splice_pipe.hpp>
#include <thrum/sockets/socket.hpp>

#include <fcntl.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include <algorithm>
#include <limits>
#include <memory>

namespace thrum {
namespace {

using internal::SplicePipe;

constexpr std::size_t piece_size = internal::splice_pipe_size;
// What goes through memory at once.
constexpr std::size_t copy_size = 64 * 1024;

loff_t as_offset(std::uint64_t offset) {
    if (offset > static_cast<std::uint64_t>(std::numeric_limits<loff_t>::max()))
        throw_os_error(EOVERFLOW, "cannot use " + std::to_string(offset) + " as the offset in a file");
    return static_cast<loff_t>(offset);
}

std::size_t next_piece(const std::optional<std::uint64_t>& count, std::uint64_t done) noexcept {
    return count ? static_cast<std::size_t>(std::min<std::uint64_t>(*count - done, piece_size)) : piece_size;
}

// pwrite(2) of all of it; false with errno.
bool write_at(int file, std::string_view data, loff_t& at) noexcept {
    while (!data.empty()) {
        const ssize_t put = ::pwrite(file, data.data(), data.size(), at);
        if (put < 0 && errno == EINTR) continue;
        if (put == 0) errno = EIO;
        if (put <= 0) return false;
        at += put;
        data.remove_prefix(static_cast<std::size_t>(put));
    }
    return true;
}

// splice(2) says EINVAL of a file that it cannot write to, which may be the file system, or the way it was
// opened; then the latter is meant, as offsets count for nothing.
bool appends(int file) noexcept {
    const int flags = ::fcntl(file, F_GETFL);
    return flags < 0 || (flags & O_APPEND) != 0;
}

// What the pipe holds goes into the file at `at`; false with errno.
bool empty_into(SplicePipe& pipe, int file, loff_t& at, std::size_t size) {
    std::unique_ptr<char[]> buffer;
    while (size > 0) {
        ssize_t moved = -1;
        if (!buffer) {
            moved = ::splice(pipe.out(), nullptr, file, &at, size, SPLICE_F_MOVE);
            if (moved < 0 && errno == EINVAL && !appends(file)) {
                buffer = std::make_unique_for_overwrite<char[]>(copy_size);
                continue;
            }
        } else {
            moved = ::read(pipe.out(), buffer.get(), std::min(size, copy_size));
            if (moved > 0 && !write_at(file, {buffer.get(), static_cast<std::size_t>(moved)}, at))
                return false;
        }
        if (moved < 0 && errno == EINTR) continue;
        if (moved == 0) errno = EIO;
        if (moved <= 0) return false;
        pipe.drained(static_cast<std::size_t>(moved));
        size -= static_cast<std::size_t>(moved);
    }
    return true;
}

}  // namespace

std::uint64_t Socket::sendfile(int file, std::uint64_t offset, std::optional<std::uint64_t> count) {
    const Deadline until = deadline();
    const internal::Quiet quietly;
    loff_t at = as_offset(offset);
    std::uint64_t sent = 0;
    while (!count || sent < *count) {
        const std::size_t size = next_piece(count, sent);
        const ssize_t went = descriptor_.perform(Direction::write, until, 0, [&](int fd) {
            return quietly(size, [&] { return ::sendfile64(fd, file, &at, size); });
        });
        if (went < 0 && errno == EINVAL && is_stream()) return sent + copy_file(file, at, count, sent);
        if (went < 0 && (errno == EINVAL || errno == ESPIPE)) fail_file(file);
        if (went < 0) fail("send a file to");
        if (went == 0) break;
        sent += static_cast<std::uint64_t>(went);
    }
    return sent;
}

// The rest of a file that sendfile(2) cannot read.
std::uint64_t Socket::copy_file(int file, std::int64_t at, std::optional<std::uint64_t> count,
                                std::uint64_t sent) {
    const Timeout limit(deadline());
    const auto buffer = std::make_unique_for_overwrite<char[]>(copy_size);
    std::uint64_t copied = 0;
    while (!count || sent + copied < *count) {
        const std::size_t size = std::min(next_piece(count, sent + copied), copy_size);
        const ssize_t got = ::pread(file, buffer.get(), size, at);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) fail_file(file);
        if (got == 0) break;
        sendall({buffer.get(), static_cast<std::size_t>(got)});
        at += got;
        copied += static_cast<std::uint64_t>(got);
    }
    return copied;
}

void Socket::fail_file(int file) const {
    const int code = errno;
    throw_os_error(code,
                   "cannot send descriptor " + std::to_string(file) + " to " + peer_name() + " as a file",
                   "only regular files can be sent so, over a stream");
}

std::uint64_t Socket::receive_file(int file, std::uint64_t offset, std::optional<std::uint64_t> count) {
    const Deadline until = deadline();
    loff_t at = as_offset(offset);
    std::uint64_t received = 0;
    if (count && *count == 0) return 0;
    std::optional<SplicePipe> pipe = SplicePipe::get();
    if (!pipe) throw_os_error(errno, "cannot make a pipe");
    while (!count || received < *count) {
        const std::size_t size = next_piece(count, received);
        const ssize_t came = descriptor_.perform(Direction::read, until, 0, [&](int fd) {
            return ::splice(fd, nullptr, pipe->in(), nullptr, size, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
        });
        if (came < 0) fail("receive a file from");
        if (came == 0) break;
        pipe->filled(static_cast<std::size_t>(came));
        if (!empty_into(*pipe, file, at, static_cast<std::size_t>(came))) {
            throw_os_error(errno, "cannot write to descriptor " + std::to_string(file) + " what came from " +
                                      peer_name());
        }
        received += static_cast<std::uint64_t>(came);
    }
    return received;
}

}  // namespace thrum
