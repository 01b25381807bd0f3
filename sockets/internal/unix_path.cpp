// thrum/sockets/internal/unix_path.cpp: floor 2, sockets
#include <thrum/sockets/internal/unix_path.hpp>
#include <thrum/threads/deadline.hpp>
#include <thrum/threads/thread.hpp>

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <functional>

namespace thrum::internal {

using namespace std::chrono_literals;

namespace {

// A path that others bind and leave all the time is given up after so many tries.
constexpr int bind_attempts = 10;
// No server needs its turn for so long; whoever holds the name then is none.
constexpr auto turn_patience = 2s;
constexpr auto turn_pause = 1ms;

bool is_same_file(const struct stat& a, const struct stat& b) noexcept {
    return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

// Asks without waiting; a server whose queue is full (EAGAIN) is one. Asked in kind: a datagram socket
// refuses a stream with EPROTOTYPE whether or not anybody reads it.
bool nobody_answers(const Address& address, int type) {
    const Socket probe(AF_UNIX, type);
    return ::connect(probe.fileno(), address.data(), address.size()) != 0 && errno == ECONNREFUSED;
}

// Between bind() and listen() a server looks like one that was killed, so servers take turns: who holds this
// abstract name, which the kernel takes back from the dead, may look and bind.
Socket take_turn(const std::string& path) {
    const auto split = path.rfind('/');
    struct stat folder {};
    ::stat(split == std::string::npos ? "." : path.substr(0, split + 1).c_str(), &folder);
    const Address name = Address::unix_abstract(
        "thrum-listens-" + std::to_string(folder.st_dev) + "-" + std::to_string(folder.st_ino) + "-" +
        std::to_string(std::hash<std::string>()(path.substr(split + 1))));
    Socket turn(AF_UNIX, SOCK_DGRAM);
    const Deadline patience = deadline_after(turn_patience);
    while (::bind(turn.fileno(), name.data(), name.size()) != 0 && errno == EADDRINUSE &&
           std::chrono::steady_clock::now() < patience) {
        sleep(turn_pause);
    }
    return turn;
}

// A name beside `path`, unique on this machine.
std::string aside(const std::string& path) {
    static std::atomic<unsigned> count = 0;
    return path + "." + std::to_string(::getpid()) + "." + std::to_string(count++);
}

// Removes the file at `path` if it is `stale`. Taken away first and looked at then: another server that found
// it stale too may have put its own there in between, which is given back.
void remove_stale(const std::string& path, const struct stat& stale) {
    const std::string taken = aside(path);
    if (::rename(path.c_str(), taken.c_str()) != 0) {
        if (errno == ENOENT) return;
        throw_os_error(errno, "cannot replace " + path + ", a socket that nobody serves");
    }
    struct stat found {};
    if (::lstat(taken.c_str(), &found) == 0 && !is_same_file(found, stale)) {
        ::renameat2(AT_FDCWD, taken.c_str(), AT_FDCWD, path.c_str(), RENAME_NOREPLACE);
        return;
    }
    ::unlink(taken.c_str());
}

}  // namespace

UnixPath& UnixPath::operator=(UnixPath&& other) noexcept {
    if (this != &other) {
        remove();
        path_ = std::exchange(other.path_, {});
        device_ = other.device_;
        inode_ = other.inode_;
    }
    return *this;
}

UnixPath UnixPath::bind(Socket& socket, const Address& address, std::optional<unsigned> mode,
                        std::optional<int> backlog) {
    const std::string path = address.path();
    const bool has_file = !path.empty() && path.front() != '@';
    const Socket turn = has_file ? take_turn(path) : Socket();
    for (int attempt = 1;; ++attempt) {
        struct stat before {};
        const bool is_socket = ::lstat(path.c_str(), &before) == 0 && S_ISSOCK(before.st_mode);
        if (::bind(socket.fileno(), address.data(), address.size()) == 0) break;
        const int code = errno;
        if (code != EADDRINUSE || !is_socket || attempt == bind_attempts ||
            !nobody_answers(address, socket.type())) {
            throw_os_error(code, "cannot listen on " + address.to_string());
        }
        remove_stale(path, before);
    }
    UnixPath bound;
    struct stat own {};
    if (has_file && ::lstat(path.c_str(), &own) == 0) {
        bound.path_ = path;
        bound.device_ = own.st_dev;
        bound.inode_ = own.st_ino;
    }
    if (has_file && mode && ::chmod(path.c_str(), *mode) != 0) {
        throw_os_error(errno, "cannot set the permissions of " + path);
    }
    if (backlog) socket.listen(*backlog);
    return bound;
}

void UnixPath::remove() noexcept {
    if (path_.empty()) return;
    struct stat found {};
    if (::lstat(path_.c_str(), &found) == 0 && found.st_dev == device_ && found.st_ino == inode_) {
        ::unlink(path_.c_str());
    }
    path_.clear();
}

}  // namespace thrum::internal
