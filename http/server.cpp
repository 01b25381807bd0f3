// thrum/http/server.cpp: floor 3, http
#include <thrum/base/text.hpp>
#include <thrum/http/internal/server_connection.hpp>
#include <thrum/http/internal/static_files.hpp>
#include <thrum/http/server.hpp>
#include <thrum/sockets/server.hpp>

#include <string>
#include <utility>

namespace thrum::http {

struct Server::State {
    explicit State(ServerOptions options) { shared.options = std::move(options); }

    TCPServer& listening() {
        if (!tcp) throw Error("the HTTP server does not listen; call listen() first");
        return *tcp;
    }

    internal::ServerShared shared;
    std::unique_ptr<TCPServer> tcp;  // last: its threads use what is above
};

Server::Server(ServerOptions options) : state_(std::make_unique<State>(std::move(options))) {}

Server::~Server() = default;

void Server::route(std::string_view method, std::string_view pattern, Handler handler) {
    state_->shared.router.add(method, pattern, std::move(handler));
}

void Server::files(std::string_view prefix, const std::filesystem::path& folder,
                   const FilesOptions& options) {
    while (prefix.ends_with('/')) prefix.remove_suffix(1);
    const std::string base(prefix);
    if (!base.empty() && !base.starts_with('/')) {
        throw Error("cannot serve files under '" + base + "': a path begins with '/'");
    }
    // What names the folder of files is as many segments of a path as `prefix` has.
    const std::size_t segments = base.empty() ? 0 : split(base, '/').size() - 1;
    const auto files = std::make_shared<const internal::StaticFiles>(folder, options, segments);
    const Handler handler = [files](const Request& request) { return files->answer(request); };
    if (!base.empty()) route("GET", base, handler);
    route("GET", base + "/{path...}", handler);
}

void Server::listen(const Address& address) {
    const ServerOptions& options = state_->shared.options;
    state_->tcp = std::make_unique<TCPServer>(
        address,
        [&shared = state_->shared](Socket& socket, const Address& peer) {
            const internal::PeerLimit::Place place(shared.peers, peer, shared.options.max_clients_per_peer);
            internal::ServerConnection connection(shared, socket, peer);
            place ? connection.run() : connection.turn_away();
        },
        TCPServerOptions{.max_clients = options.max_clients, .stack_size = handler_stack_size});
}

const Address& Server::address() const { return state_->listening().address(); }

void Server::serve_forever() { state_->listening().serve_forever(); }

std::size_t Server::answering() const noexcept { return state_->shared.answering; }

void Server::shutdown(std::chrono::nanoseconds grace) {
    state_->shared.stopping = true;
    internal::ServerConnection::interrupt_idle(state_->shared);
    if (state_->tcp) state_->tcp->shutdown(grace);
}

}  // namespace thrum::http
