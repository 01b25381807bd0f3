// thrum/sockets/server.cpp: floor 2, sockets
// Listening and accepting; internal/server_core.cpp has the clients' threads and their end.
#include <thrum/sockets/internal/server_core.hpp>
#include <thrum/sockets/internal/unix_path.hpp>
#include <thrum/sockets/server.hpp>
#include <thrum/threads/deadline.hpp>
#include <thrum/threads/task_group.hpp>

#include <cerrno>
#include <vector>

namespace thrum {

namespace {

const StreamServerOptions& checked(const Address& address, const ClientHandler& handler,
                                   const StreamServerOptions& options) {
    const std::string where = "cannot serve on " + address.to_string() + ": ";
    if (options.max_clients == 0)
        throw Error(where + "max_clients is 0, so that no client would ever be served");
    if (options.acceptors == 0)
        throw Error(where + "acceptors is 0, so that no client would ever be accepted");
    if (options.acceptors > 1 && address.family() == AF_UNIX)
        throw Error(where + "a Unix socket has no SO_REUSEPORT; leave acceptors at 1");
    if (options.tls && !handler.serves_secure())
        throw Error(where + "the handler takes a Socket, which is not TLS; let it take a Stream");
    if (!options.tls && !handler.serves_plain())
        throw Error(where + "the handler takes a TLSSocket; give the options a TLSContext");
    return options;
}

internal::ServerCoreOptions core_options(const StreamServerOptions& options) {
    return {.most = options.max_clients, .stack_size = options.stack_size, .on_error = options.on_error};
}

}  // namespace

struct StreamServer::State {
    State(const Address& address, ClientHandler&& function, const StreamServerOptions& wishes)
        : handler(std::move(function)),
          options(checked(address, handler, wishes)),
          core(core_options(options)) {}

    const ClientHandler handler;
    const StreamServerOptions options;
    std::vector<Socket> listeners;  // on one address
    internal::UnixPath path;
    internal::ServerCore core;  // last: its clients use the others until they have ended
};

// One connection; closed before the place it took is given to the next.
struct StreamServer::Client final : internal::ServerClient {
    Client(const State& server, Socket accepted, Address from)
        : ServerClient(std::move(from)), state(server), socket(std::move(accepted)) {
        is_limited = has_limits();
    }

    void serve() override {
        const StreamServerOptions& options = state.options;
        Socket connection = std::move(socket);
        if (options.direct_descriptors && !options.tls) connection.make_direct();
        connection.settimeout(options.idle_timeout);
        const Timeout total(options.total_timeout ? deadline_after(*options.total_timeout) : never);
        if (!options.tls) return state.handler(connection, address);
        TLSSocket secure = shake_hands(std::move(connection));
        state.handler(secure, address);
    }

    bool has_limits() const noexcept { return state.options.idle_timeout || state.options.total_timeout; }

    TLSSocket shake_hands(Socket connection) {
        is_limited = true;
        TLSSocket secure = TLSSocket::accept(std::move(connection), *state.options.tls);
        is_limited = has_limits();
        return secure;
    }

    const State& state;
    Socket socket;
};

StreamServer::StreamServer(const Address& address, ClientHandler handler, const StreamServerOptions& options)
    : state_(std::make_unique<State>(address, std::move(handler), options)) {
    State& state = *state_;
    ServerOptions listening = options.listening;
    if (options.acceptors > 1) listening.reuse_port = true;
    if (address.family() == AF_UNIX) {
        Socket listener(AF_UNIX, SOCK_STREAM);
        state.path = internal::UnixPath::bind(listener, address, options.mode, listening.backlog);
        state.listeners.push_back(std::move(listener));
    } else {
        state.listeners.push_back(create_server(address, listening));
    }
    address_ = state.listeners.front().getsockname();
    // The others listen where the first one does: on the port that 0 became.
    while (state.listeners.size() < options.acceptors)
        state.listeners.push_back(create_server(address_, listening));
}

// The path goes first: while the socket listens, nobody takes it for stale.
void StreamServer::stop() noexcept {
    if (!state_->core.stop()) return;
    state_->path.remove();
    for (Socket& listener : state_->listeners) listener.close();
}

StreamServer::~StreamServer() { stop(); }  // the core cancels what still runs, and waits for it

void StreamServer::accept_one(Socket& listener) {
    internal::ServerCore& core = state_->core;
    auto place = core.take_place();
    if (!place) return;
    auto [socket, client] = listener.accept();
    core.accepted();
    if (!core.admits(state_->options.verify_request, client)) return;
    core.start(std::move(place), std::make_unique<Client>(*state_, std::move(socket), std::move(client)));
}

void StreamServer::accept_all(Socket& listener) {
    internal::ServerCore& core = state_->core;
    while (!core.is_stopping()) {
        try {
            accept_one(listener);
        } catch (const OSError& error) {
            if (core.is_stopping()) return;
            if (!internal::is_exhaustion(error.code())) throw;
            core.wait_for_resources(error);
        }
    }
}

void StreamServer::serve_forever() {
    const internal::ServerCore::Calling calling(state_->core);
    std::vector<Socket>& listeners = state_->listeners;
    if (listeners.size() == 1) return accept_all(listeners.front());
    TaskGroup acceptors;
    for (Socket& listener : listeners) acceptors.start([this, &listener] { accept_all(listener); });
    acceptors.wait();
}

void StreamServer::shutdown(std::chrono::nanoseconds grace) {
    const internal::ServerCore::Calling calling(state_->core);
    stop();
    state_->core.wait_for_clients(grace);
}

std::size_t StreamServer::clients() const noexcept { return state_->core.clients(); }

ServerStatistics StreamServer::statistics() const noexcept { return state_->core.statistics(); }

UnixServer::UnixServer(const Address& address, ClientHandler handler, const UnixServerOptions& options)
    : StreamServer(address, std::move(handler), options) {
    if (address.family() != AF_UNIX) {
        throw AddressError(EAFNOSUPPORT, "cannot serve on " + address.to_string() +
                                             " as a Unix socket: take a TCPServer, or Address::unix_path()");
    }
}

}  // namespace thrum
