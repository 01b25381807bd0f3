// thrum/threads/socket_calls.hpp: floor 1, threads
// recv(2), send(2) and sendmsg(2) as operations for Descriptor::perform(), which reach a direct descriptor by
// a request of its own, without a number being lent to it.
#pragma once

#include <thrum/threads/internal/direct_file.hpp>

#include <sys/socket.h>
#include <sys/types.h>

#include <cstddef>

namespace thrum {

struct ReceiveCall {
    char* data;
    std::size_t size;
    int flags;

    ssize_t operator()(int fd) const { return ::recv(fd, data, size, flags); }
    ssize_t operator()(const internal::DirectFile& file) const;
};

// Never raises SIGPIPE.
struct SendCall {
    const char* data;
    std::size_t size;
    int flags;

    ssize_t operator()(int fd) const { return ::send(fd, data, size, flags | MSG_NOSIGNAL); }
    ssize_t operator()(const internal::DirectFile& file) const;
};

// Never raises SIGPIPE.
struct SendMessageCall {
    const msghdr& message;
    int flags;

    ssize_t operator()(int fd) const { return ::sendmsg(fd, &message, flags | MSG_NOSIGNAL); }
    ssize_t operator()(const internal::DirectFile& file) const;
};

}  // namespace thrum
