// thrum/requests/internal/pool.cpp: floor 4, requests
// Taking, making and giving back connections.
#include <thrum/requests/internal/pool.hpp>
#include <thrum/sockets/connection.hpp>
#include <thrum/sockets/tls.hpp>

#include <algorithm>
#include <mutex>

namespace thrum::requests::internal {

std::unique_ptr<Connection> Pool::pop(const Origin& origin) {
    const std::scoped_lock guard(lock_);
    const auto found = idle_.find(origin);
    if (found == idle_.end() || found->second.empty()) return nullptr;
    std::unique_ptr<Connection> connection = std::move(found->second.back());
    found->second.pop_back();
    count_ -= 1;
    return connection;
}

std::unique_ptr<Connection> Pool::take(const Origin& origin) {
    // Looking at the socket is a system call, so it is done without the lock.
    while (std::unique_ptr<Connection> connection = pop(origin)) {
        const auto age = std::chrono::steady_clock::now() - connection->idle_since;
        if (age <= max_idle_time && !connection->is_stale()) return connection;
    }
    return nullptr;
}

std::unique_ptr<Connection> Pool::connect(const Origin& origin, std::chrono::nanoseconds timeout) {
    const thrum::Timeout scope(timeout);
    std::string_view host = origin.host;
    if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
    Socket socket = create_connection(Address(host, origin.port));
    std::unique_ptr<Stream> stream;
    if (origin.scheme == "https") {
        stream = std::make_unique<TLSSocket>(std::move(socket), host, context_for(origin.trust));
    } else {
        stream = std::make_unique<Socket>(std::move(socket));
    }
    return std::make_unique<Connection>(std::move(stream), std::make_shared<const Origin>(origin));
}

// With the lock held. What is to be closed stays in the arguments, to be destroyed without the lock.
void Pool::keep(std::unique_ptr<Connection>& connection, Idle& outdated) {
    connection->rest();
    connection->idle_since = std::chrono::steady_clock::now();
    Idle& idle = idle_[*connection->origin()];
    const auto fresh = std::find_if(idle.begin(), idle.end(), [&](const auto& other) {
        return connection->idle_since - other->idle_since <= max_idle_time;
    });
    if (fresh != idle.begin()) {
        outdated.assign(std::make_move_iterator(idle.begin()), std::make_move_iterator(fresh));
        idle.erase(idle.begin(), fresh);
        count_ -= outdated.size();
    }
    if (idle.size() >= max_idle_per_origin || count_ >= max_idle) return;
    idle.push_back(std::move(connection));
    count_ += 1;
}

void Pool::give_back(std::unique_ptr<Connection> connection) {
    Idle outdated;
    const std::scoped_lock guard(lock_);
    keep(connection, outdated);
}

void Pool::give_back_now(std::unique_ptr<Connection> connection) noexcept {
    Idle outdated;
    const std::unique_lock guard(lock_, std::try_to_lock);
    if (guard) keep(connection, outdated);
}

void Pool::clear() {
    std::unordered_map<Origin, Idle, OriginHash> closed;
    const std::scoped_lock guard(lock_);
    closed.swap(idle_);
    count_ = 0;
}

std::size_t Pool::idle() {
    const std::scoped_lock guard(lock_);
    return count_;
}

const TLSContext& Pool::context_for(const Trust& trust) {
    if (trust == Trust()) return TLSContext::default_client();
    const std::scoped_lock guard(lock_);
    for (const auto& [known, context] : contexts_) {
        if (known == trust) return *context;
    }
    TLSOptions options;
    options.verify = trust.verify;
    (std::filesystem::is_directory(trust.ca) ? options.capath : options.cafile) = trust.ca;
    options.certfile = trust.cert.certificate;
    options.keyfile = trust.cert.key;
    contexts_.emplace_back(trust, std::make_unique<const TLSContext>(options));
    return *contexts_.back().second;
}

}  // namespace thrum::requests::internal
