// thrum/sockets/server.hpp: floor 2, sockets
// TCPServer and UnixServer: a handler, a thread per client, and an end that lets clients finish.
#pragma once

#include <thrum/sockets/connection.hpp>
#include <thrum/sockets/server_statistics.hpp>
#include <thrum/sockets/socket.hpp>
#include <thrum/sockets/tls.hpp>
#include <thrum/threads/thread.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace thrum {

inline constexpr std::size_t default_max_clients = 100'000;

// What runs for each client, in a thread of its own: a function of (Stream&, const Address&), which serves
// with and without TLS; of (Socket&, const Address&), without; or of (TLSSocket&, const Address&), with. The
// connection is closed when it returns. What it throws is told and hurts nobody else. When the server gives
// up on the client, its wait throws Cancelled.
class ClientHandler {
    template <class Function, class Client>
    static constexpr bool serves = std::is_invocable_v<std::decay_t<Function>&, Client&, const Address&>;

public:
    template <class Function>
    requires(!std::is_same_v<std::decay_t<Function>, ClientHandler> &&
             (serves<Function, Stream> || serves<Function, Socket> || serves<Function, TLSSocket>))
        // Implicit, so that servers take lambdas.
        ClientHandler(Function&& function) {
        if constexpr (serves<Function, Stream>) {
            any_ = std::forward<Function>(function);
        } else if constexpr (serves<Function, Socket>) {
            plain_ = std::forward<Function>(function);
        } else {
            secure_ = std::forward<Function>(function);
        }
    }

    bool serves_plain() const noexcept { return any_ || plain_; }
    bool serves_secure() const noexcept { return any_ || secure_; }
    // Only where it serves such clients.
    void operator()(Socket& client, const Address& from) const {
        any_ ? any_(client, from) : plain_(client, from);
    }
    void operator()(TLSSocket& client, const Address& from) const {
        any_ ? any_(client, from) : secure_(client, from);
    }

private:
    std::function<void(Stream&, const Address&)> any_;
    std::function<void(Socket&, const Address&)> plain_;
    std::function<void(TLSSocket&, const Address&)> secure_;
};

struct StreamServerOptions {
    std::size_t max_clients = default_max_clients;  // at once; further ones wait in the kernel's queue
    std::size_t stack_size = default_stack_size;    // bytes, of each client's thread
    ServerOptions listening = {};
    // Sockets that listen on the one address, each with a thread that accepts (SO_REUSEPORT, socket(7)): the
    // kernel shares the clients out among them. More than 1 for TCP alone. Those that wait in one queue do
    // not move to another that is empty, so it pays only where accepting itself is what takes the time.
    std::size_t acceptors = 1;
    // Makes each client's socket direct (Socket::make_direct()) where that can be, so that there may be more
    // clients than descriptors; the others keep their descriptors. The handler's own thread, and those it
    // knows to run on the same worker, then use the socket; for calls that need its number there should be a
    // few left. Not for TLS, whose sockets stay ordinary.
    bool direct_descriptors = false;
    // How long each call on a client's connection may wait, as by settimeout(), and how long a client may
    // take altogether, its handshake included. One that takes longer is ended by TimeoutError.
    std::optional<std::chrono::nanoseconds> idle_timeout = std::nullopt;
    std::optional<std::chrono::nanoseconds> total_timeout = std::nullopt;
    // Serves TLS, with this context for servers. The handshake is the client's thread's own business: a slow
    // one, which the context's handshake_timeout ends, holds up nobody.
    std::optional<TLSContext> tls = std::nullopt;
    // Permissions of a Unix socket's file, in force before the first client; the umask's where empty.
    std::optional<unsigned> mode = std::nullopt;
    // Python's verify_request: asked of each client by the thread that accepts; false closes it at once, and
    // so does what it throws, which is told.
    std::function<bool(const Address& client)> verify_request = {};
    // Where empty, a line on standard error.
    ServerErrorHook on_error = {};
};
using TCPServerOptions = StreamServerOptions;
using UnixServerOptions = StreamServerOptions;

// Serves a stream address. Every member may be called from any thread at any time, handlers included, but the
// destructor, which no handler may call.
class StreamServer {
public:
    using Handler = ClientHandler;

    StreamServer(const StreamServer&) = delete;
    StreamServer& operator=(const StreamServer&) = delete;
    // shutdown(0); then waits for serve_forever() to return, wherever it runs.
    virtual ~StreamServer();

    // Where it listens, with the port that 0 became.
    const Address& address() const noexcept { return address_; }

    // Accepts clients until shutdown(); at once where that came before. While descriptors or memory have run
    // out it says so once, waits for a client to leave, and goes on: the clients wait in the kernel's queue.
    // Throws OSError when the listening socket breaks, Cancelled (clients then go on).
    void serve_forever();

    // Stops accepting, waits up to `grace` for the clients to end, cancels those that have not, and waits
    // until they are gone. A handler that calls it is not waited for, nor cancelled by its own call. Throws
    // Cancelled, and TimeoutError at the deadline in force.
    void shutdown(std::chrono::nanoseconds grace = std::chrono::nanoseconds(0));

    // How many clients are being served now.
    std::size_t clients() const noexcept;
    ServerStatistics statistics() const noexcept;

protected:
    // Listens at once: clients that come before serve_forever() wait.
    StreamServer(const Address& address, ClientHandler handler, const StreamServerOptions& options);

private:
    struct State;
    struct Client;

    void stop() noexcept;
    void accept_all(Socket& listener);
    void accept_one(Socket& listener);

    Address address_;
    std::unique_ptr<State> state_;
};

// Python's socketserver.ThreadingTCPServer. Takes every stream address, a Unix path too.
class TCPServer : public StreamServer {
public:
    // Throws as create_server() does; Error where the handler cannot serve what the options say.
    TCPServer(const Address& address, ClientHandler handler, const TCPServerOptions& options = {})
        : StreamServer(address, std::move(handler), options) {}
};

// Python's socketserver.ThreadingUnixStreamServer. The socket's file goes away with the server's end; one
// that a server left behind to which nobody answers any more is replaced.
class UnixServer : public StreamServer {
public:
    // Of Address::unix_path() or Address::unix_abstract(). Throws AddressError for another; otherwise as
    // TCPServer.
    UnixServer(const Address& address, ClientHandler handler, const UnixServerOptions& options = {});
    UnixServer(const std::filesystem::path& path, ClientHandler handler,
               const UnixServerOptions& options = {})
        : UnixServer(Address::unix_path(path), std::move(handler), options) {}
};

}  // namespace thrum
