// thrum/sockets/internal/unix_path.hpp: floor 2, sockets
// The file of a Unix socket: bound where it is free or nobody answers, and removed at the end.
#pragma once

#include <thrum/sockets/address.hpp>
#include <thrum/sockets/socket.hpp>

#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>

namespace thrum::internal {

// The file that a bound socket has in the file system; removed with its owner, if it is still the same one.
class UnixPath {
public:
    UnixPath() noexcept = default;
    UnixPath(UnixPath&& other) noexcept
        : path_(std::exchange(other.path_, {})), device_(other.device_), inode_(other.inode_) {}
    UnixPath& operator=(UnixPath&& other) noexcept;
    ~UnixPath() { remove(); }

    // Binds `socket` to `address`, which is of a Unix socket, and lets it listen where `backlog` is given. An
    // abstract name has no file. A file there is replaced where it is a socket to which nobody answers, as a
    // server that was killed leaves it. `mode`, if given, is the file's permissions before anyone can
    // connect. Throws OSError; Cancelled, TimeoutError while another server is about to take the same path.
    static UnixPath bind(Socket& socket, const Address& address, std::optional<unsigned> mode,
                         std::optional<int> backlog);

    // Idempotent. While the socket still listens, nobody else takes the path for a stale one.
    void remove() noexcept;

private:
    std::string path_;
    dev_t device_ = 0;
    ino_t inode_ = 0;
};

}  // namespace thrum::internal
