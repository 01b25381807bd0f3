// thrum/sockets/udp_server.hpp: floor 2, sockets
// UDPServer: a handler per datagram, at most so many at once, each in a thread of its own.
#pragma once

#include <thrum/sockets/server_statistics.hpp>
#include <thrum/sockets/socket.hpp>
#include <thrum/threads/thread.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace thrum {

inline constexpr std::size_t default_max_handlers = 1000;
// Bytes: more than IPv4 and IPv6 carry in one datagram (RFC 768: 65,535 with the header).
inline constexpr std::size_t largest_datagram = 65'535;

struct UDPServerOptions {
    // At once; further datagrams wait in the kernel's buffer, which drops what does not fit. With 1 they are
    // handled one after the other, in the order of their coming.
    std::size_t max_handlers = default_max_handlers;
    std::size_t stack_size = default_stack_size;  // bytes, of each handler's thread
    std::size_t max_datagram = largest_datagram;  // bytes; a longer one comes cut, and says so
    std::size_t receive_buffer = 0;  // bytes asked of the kernel (SO_RCVBUF); its own choice where 0
    std::optional<std::chrono::nanoseconds> total_timeout = std::nullopt;  // for each handler
    std::optional<unsigned> mode =
        std::nullopt;  // permissions of a Unix socket's file; the umask's where empty
    std::function<bool(const Address& client)> verify_request = {};  // false passes the datagram over
    ServerErrorHook on_error = {};                                   // where empty, a line on standard error
};

// What came in one piece, and the way back.
class Datagram {
public:
    const std::string& data() const noexcept { return data_; }
    const Address& client() const noexcept { return client_; }
    // Longer than max_datagram: the rest is lost.
    bool is_truncated() const noexcept { return is_truncated_; }
    // One datagram to where this one came from, as often as one likes. Throws as Socket::sendto().
    void reply(std::string_view data) const { socket_->sendto(data, client_); }

private:
    friend class UDPServer;
    Datagram(Socket& socket, std::string data, const Address& client, bool is_truncated)
        : socket_(&socket), data_(std::move(data)), client_(client), is_truncated_(is_truncated) {}

    Socket* socket_;
    std::string data_;
    const Address& client_;
    bool is_truncated_;
};

// Python's socketserver.ThreadingUDPServer; for a Unix path, its ThreadingUnixDatagramServer, whose file is
// kept as UnixServer keeps it. Every member may be called from any thread at any time, handlers included, but
// the destructor, which no handler may call.
class UDPServer {
public:
    // Runs for each datagram. What it throws is told and hurts nobody else.
    using Handler = std::function<void(const Datagram& datagram)>;

    // Binds at once: datagrams that come before serve_forever() wait. Throws as Socket::bind().
    UDPServer(const Address& address, Handler handler, const UDPServerOptions& options = {});
    // shutdown(0); then waits for serve_forever() to return, wherever it runs.
    ~UDPServer();
    UDPServer(const UDPServer&) = delete;
    UDPServer& operator=(const UDPServer&) = delete;

    // Where it receives, with the port that 0 became.
    const Address& address() const noexcept { return address_; }

    // Receives until shutdown(); at once where that came before. Throws OSError when the socket breaks,
    // Cancelled (handlers then go on).
    void serve_forever();
    // Receives no more, waits up to `grace` for the handlers to end, who can reply until then, and cancels
    // those that have not. As of StreamServer.
    void shutdown(std::chrono::nanoseconds grace = std::chrono::nanoseconds(0));

    // How many datagrams are being handled now.
    std::size_t handling() const noexcept;
    ServerStatistics statistics() const noexcept;

private:
    struct State;
    struct Client;
    class Batch;

    void stop() noexcept;
    void receive_all();

    Address address_;
    std::unique_ptr<State> state_;
};

}  // namespace thrum
