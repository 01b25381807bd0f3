// thrum/cli/standard_stream.cpp: front door, cli
#include <thrum/base/errors.hpp>
#include <thrum/cli/output.hpp>
#include <thrum/cli/standard_stream.hpp>
#include <thrum/threads/to_thread.hpp>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <utility>

namespace thrum::cli {

namespace {

// A call that failed, with the errno of the thread it ran on.
struct Done {
    ssize_t size = 0;
    int code = 0;
};

template <class Call>
Done run(Call&& call) {
    Done done;
    do {
        done.size = call();
        done.code = done.size < 0 ? errno : 0;
    } while (done.code == EINTR);
    return done;
}

// A read that may never return is left behind when the thread is cancelled, with a buffer of its own.
ssize_t read_blocking(int fd, std::span<char> buffer) {
    const auto bytes = std::make_shared<std::string>(buffer.size(), '\0');
    const Done done = to_thread_abandonable(
        [fd, bytes] { return run([&] { return ::read(fd, bytes->data(), bytes->size()); }); });
    errno = done.code;
    if (done.size > 0) std::copy_n(bytes->begin(), done.size, buffer.begin());
    return done.size;
}

ssize_t write_blocking(int fd, std::string_view data) {
    const Done done = to_thread_abandonable([fd, bytes = std::string(data)] {
        return run([&] { return ::write(fd, bytes.data(), bytes.size()); });
    });
    errno = done.code;
    return done.size;
}

}  // namespace

StandardStream::End StandardStream::open(int fd, int flags) {
    struct stat kind {};
    if (::fstat(fd, &kind) == 0 && (S_ISFIFO(kind.st_mode) || S_ISCHR(kind.st_mode))) {
        const std::string path = "/proc/self/fd/" + std::to_string(fd);
        const int own = ::open(path.c_str(), flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (own >= 0) return {Descriptor(own), Kind::own};
    }
    const int same = ::fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (same < 0)
        throw_os_error(errno,
                       fd == STDIN_FILENO ? "cannot use standard input" : "cannot use standard output");
    return {Descriptor(same), S_ISSOCK(kind.st_mode) ? Kind::socket : Kind::blocking};
}

StandardStream::StandardStream()
    : input_(open(STDIN_FILENO, O_RDONLY)), output_(open(STDOUT_FILENO, O_WRONLY)) {}

std::size_t StandardStream::recv_into(std::span<char> buffer) {
    const ssize_t got = input_.kind == Kind::blocking
                            ? read_blocking(fileno(), buffer)
                            : input_.descriptor.perform(Direction::read, deadline(), 0, [&](int fd) {
                                  return input_.kind == Kind::own
                                             ? ::read(fd, buffer.data(), buffer.size())
                                             : ::recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
                              });
    // A terminal that was hung up says EIO (termios(3)): nothing more will come.
    if (got < 0 && errno == EIO && input_.kind == Kind::own) return 0;
    if (got < 0 && errno == ETIMEDOUT) throw TimeoutError("timed out reading standard input");
    if (got < 0) throw_os_error(errno, "cannot read standard input");
    return static_cast<std::size_t>(got);
}

std::size_t StandardStream::send(std::string_view data) {
    const int fd = output_.descriptor.fd();
    const ssize_t put = output_.kind == Kind::blocking
                            ? write_blocking(fd, data)
                            : output_.descriptor.perform(Direction::write, deadline(), 0, [&](int own) {
                                  return output_.kind == Kind::own ? ::write(own, data.data(), data.size())
                                                                   : ::send(own, data.data(), data.size(),
                                                                            MSG_DONTWAIT | MSG_NOSIGNAL);
                              });
    if (put < 0 && errno == ETIMEDOUT) throw TimeoutError("timed out writing standard output");
    if (put < 0) throw OutputError(errno);
    return static_cast<std::size_t>(put);
}

void StandardStream::sendall(std::string_view data) {
    while (!data.empty()) data.remove_prefix(send(data));
}

void StandardStream::sendall(std::span<const std::string_view> pieces) {
    for (const std::string_view piece : pieces) sendall(piece);
}

void StandardStream::shutdown_write() {
    if (output_.kind == Kind::socket) ::shutdown(output_.descriptor.fd(), SHUT_WR);
    output_.descriptor.close();
    // The original holds it open as well; a terminal or a file has no end to be seen.
    if (output_.kind != Kind::own) return;
    const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (nowhere < 0) return;
    ::dup2(nowhere, STDOUT_FILENO);
    ::close(nowhere);
}

void StandardStream::close() noexcept {
    input_.descriptor.close();
    output_.descriptor.close();
}

}  // namespace thrum::cli
