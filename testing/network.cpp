// thrum/testing/network.cpp: yard, testing
// Ports are found by binding and tried by connecting.
#include <thrum/base/errors.hpp>
#include <thrum/base/file.hpp>
#include <thrum/testing/network.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <mutex>
#include <random>
#include <string>
#include <thread>

namespace thrum::testing {

namespace {

constexpr auto listen_patience = std::chrono::seconds(60);
constexpr auto listen_pause = std::chrono::milliseconds(10);
constexpr unsigned first_port = 10'000;
constexpr unsigned default_first_of_kernel = 32'768;
constexpr int port_attempts = 100;

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

}  // namespace

std::uint16_t free_port() {
    // ip(7): ip_local_port_range is what the kernel chooses from.
    unsigned first_of_kernel = 0;
    std::ifstream("/proc/sys/net/ipv4/ip_local_port_range") >> first_of_kernel;
    const unsigned end = first_of_kernel > first_port + 1000 ? first_of_kernel : default_first_of_kernel;
    static std::mt19937 generator(std::random_device{}());
    static std::mutex mutex;
    const std::scoped_lock guard(mutex);
    std::uniform_int_distribution<unsigned> any(first_port, end - 1);
    for (int attempt = 0; attempt < port_attempts; ++attempt) {
        const auto port = static_cast<std::uint16_t>(any(generator));
        const UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        const sockaddr_in address = loopback(port);
        if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return port;
        if (errno != EADDRINUSE) break;
    }
    throw_os_error(errno, "cannot find a free port");
}

std::string own_address() {
    const auto id = static_cast<unsigned>(getpid());  // of 22 bits at the most (proc(5), pid_max)
    return "127." + std::to_string(64 + (id >> 16 & 63)) + "." + std::to_string(id >> 8 & 255) + "." +
           std::to_string(id & 255);
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
