// thrum/sockets/server.hpp: floor 2, sockets
// TCPServer: a handler, a thread per client, and an end that lets clients finish.
#pragma once

#include <thrum/sockets/connection.hpp>
#include <thrum/sockets/socket.hpp>
#include <thrum/threads/thread.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>

namespace thrum {

inline constexpr std::size_t default_max_clients = 100'000;

struct TCPServerOptions {
    std::size_t max_clients = default_max_clients;  // at once; further ones wait in the kernel's queue
    std::size_t stack_size = default_stack_size;    // bytes, of each client's thread
    ServerOptions listening = {};
};

// Serves a stream address, TCP or Unix. Every member may be called from any thread at any time.
class TCPServer {
public:
    // What runs for each client, in a thread of its own; the socket is closed when it returns. What it throws
    // is reported on standard error and hurts nobody else. When the server gives up on it, its wait throws
    // Cancelled.
    using Handler = std::function<void(Socket& client, const Address& address)>;

    // Listens at once: clients that come before serve_forever() wait. Throws as create_server() does.
    TCPServer(const Address& address, Handler handler, const TCPServerOptions& options = {});
    // shutdown(0).
    ~TCPServer();
    TCPServer(const TCPServer&) = delete;
    TCPServer& operator=(const TCPServer&) = delete;

    // Where it listens, with the port that 0 became.
    const Address& address() const noexcept { return address_; }

    // Accepts clients until shutdown(); at once where that came before. While descriptors or memory have run
    // out it says so once, waits for a client to leave, and goes on. Throws OSError when the listening socket
    // breaks, Cancelled (clients then go on).
    void serve_forever();

    // Stops accepting, waits up to `grace` for the clients to end, cancels those that have not, and waits
    // until they are gone. Not from a handler, which would wait for itself. Throws Cancelled, and
    // TimeoutError at the deadline in force.
    void shutdown(std::chrono::nanoseconds grace = std::chrono::nanoseconds(0));

    // How many clients are being served now.
    std::size_t clients() const noexcept;

private:
    struct Clients;

    bool is_stopping() const noexcept;
    void serve_one();
    void wait_for_room(const OSError& exhaustion);

    Socket listener_;
    Address address_;
    TCPServerOptions options_;
    std::unique_ptr<Clients> clients_;
};

}  // namespace thrum
