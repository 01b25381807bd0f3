// thrum/testing/network.cpp: yard, testing
// Ports are found by binding and tried by connecting.
#include <thrum/base/errors.hpp>
#include <thrum/base/file.hpp>
#include <thrum/testing/network.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <chrono>
#include <string>
#include <thread>

namespace thrum::testing {

namespace {

constexpr auto listen_patience = std::chrono::seconds(60);
constexpr auto listen_pause = std::chrono::milliseconds(10);

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

}  // namespace

std::uint16_t free_port() {
    const UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address = loopback(0);
    socklen_t length = sizeof address;
    if (bind(fd.get(), reinterpret_cast<sockaddr*>(&address), length) < 0 ||
        getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &length) < 0) {
        throw_os_error(errno, "cannot find a free port");
    }
    return ntohs(address.sin_port);
}

bool listens(std::uint16_t port) {
    const UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_in address = loopback(port);
    return connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

void reset_at_close(int fd) {
    const linger at_once{1, 0};
    if (setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) < 0) {
        throw_os_error(errno, "cannot set SO_LINGER");
    }
}

void wait_until_listens(std::uint16_t port, Process& process) {
    const auto deadline = std::chrono::steady_clock::now() + listen_patience;
    while (!listens(port)) {
        if (!process.running())
            throw Error("the server ended before it listened on port " + std::to_string(port));
        if (std::chrono::steady_clock::now() > deadline) {
            throw Error("nobody listens on port " + std::to_string(port) + " after a minute");
        }
        std::this_thread::sleep_for(listen_pause);
    }
}

}  // namespace thrum::testing
