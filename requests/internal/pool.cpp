// thrum/requests/internal/pool.cpp: floor 4, requests
// Taking, making and giving back connections.
#include <thrum/base/descriptor_shortage.hpp>
#include <thrum/base/file.hpp>
#include <thrum/requests/internal/pool.hpp>
#include <thrum/sockets/connection.hpp>
#include <thrum/sockets/tls.hpp>
#include <thrum/threads/to_thread.hpp>

#include <fcntl.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <mutex>
#include <system_error>

namespace thrum::requests::internal {

namespace {

std::shared_ptr<const TLSContext> make_context(const Trust& trust) {
    TLSOptions options;
    options.verify = trust.verify;
    std::error_code unreadable;  // what cannot be looked at cannot be read as a file either, which says why
    (std::filesystem::is_directory(trust.ca, unreadable) ? options.capath : options.cafile) = trust.ca;
    options.certfile = trust.cert.certificate;
    options.keyfile = trust.cert.key;
    return std::make_shared<const TLSContext>(options);
}

std::size_t share_of_descriptors() noexcept {
    rlimit limit = {};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return max_idle;
    return std::clamp<rlim_t>(limit.rlim_cur / idle_share, 1, max_idle);
}

// OpenSSL does not tell that it could not open a file for want of a descriptor: it says that the file is of
// no use, or trusts nobody. So that is looked at afterwards, while `error` is handled.
[[noreturn]] void rethrow_or_tell_shortage(const TLSError& error) {
    if (error.failure() == TLSFailure::settings || error.is_untrusted()) {
        // The connection has given its own back.
        const UniqueFd in_its_place(::open("/", O_PATH | O_CLOEXEC));
        const UniqueFd another(::open("/", O_PATH | O_CLOEXEC));
        if (!another && is_out_of_descriptors(errno)) throw_os_error(errno, error.reason());
    }
    throw;
}

}  // namespace

Pool::Pool() : idle_limit_(share_of_descriptors()) {}

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

std::unique_ptr<Connection> Pool::connect(const Origin& origin, std::chrono::nanoseconds timeout,
                                          Phase& phase) {
    const thrum::Timeout scope(timeout);
    try {
        return make(origin, phase);
    } catch (const OSError& error) {
        if (!is_out_of_descriptors(error.code()) || idle() == 0) throw;
    }
    clear();
    return make(origin, phase);
}

std::unique_ptr<Connection> Pool::make(const Origin& origin, Phase& phase) try {
    phase = Phase::connect;
    std::string_view host = origin.host;
    if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
    Socket socket = create_connection(Address(host, origin.port));
    std::unique_ptr<Stream> stream;
    if (origin.scheme == "https") {
        phase = Phase::handshake;
        const auto context = context_for(origin.trust);
        stream = std::make_unique<TLSSocket>(std::move(socket), host, *context);
    } else {
        stream = std::make_unique<Socket>(std::move(socket));
    }
    return std::make_unique<Connection>(std::move(stream), std::make_shared<const Origin>(origin));
} catch (const TLSError& error) {
    rethrow_or_tell_shortage(error);
}

void Pool::drop_expired(Idle& idle, Now now, Idle& outdated) {
    const auto fresh = std::find_if(idle.begin(), idle.end(), [&](const auto& other) {
        return now - other->idle_since <= max_idle_time;
    });
    count_ -= static_cast<std::size_t>(fresh - idle.begin());
    outdated.insert(outdated.end(), std::make_move_iterator(idle.begin()), std::make_move_iterator(fresh));
    idle.erase(idle.begin(), fresh);
}

// Makes room for one more, of whatever origin: what has expired goes, else what has idled longest; and
// origins without a connection are forgotten.
void Pool::sweep(Now now, Idle& outdated) {
    next_sweep_ = now + max_idle_time;
    Idle* oldest = nullptr;
    for (auto entry = idle_.begin(); entry != idle_.end();) {
        Idle& idle = entry->second;
        drop_expired(idle, now, outdated);
        if (idle.empty()) {
            entry = idle_.erase(entry);
            continue;
        }
        if (!oldest || idle.front()->idle_since < oldest->front()->idle_since) oldest = &idle;
        ++entry;
    }
    if (count_ < idle_limit_ || !oldest) return;
    outdated.push_back(std::move(oldest->front()));
    oldest->erase(oldest->begin());
    count_ -= 1;
}

// With the lock held. What is to be closed stays in the arguments, to be destroyed without the lock.
void Pool::keep(std::unique_ptr<Connection>& connection, Idle& outdated) {
    connection->rest();
    const Now now = std::chrono::steady_clock::now();
    connection->idle_since = now;
    if (const auto found = idle_.find(*connection->origin()); found != idle_.end()) {
        drop_expired(found->second, now, outdated);
        if (found->second.size() >= max_idle_per_origin) return;
    }
    if (count_ >= idle_limit_ || idle_.size() >= idle_limit_ || now >= next_sweep_) sweep(now, outdated);
    idle_[*connection->origin()].push_back(std::move(connection));
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

std::size_t Pool::origins() {
    const std::scoped_lock guard(lock_);
    return idle_.size();
}

std::size_t Pool::idle() {
    const std::scoped_lock guard(lock_);
    return count_;
}

std::shared_ptr<const TLSContext> Pool::known_context(const Trust& trust) {
    const std::scoped_lock guard(lock_);
    for (const auto& [known, context] : contexts_) {
        if (known == trust) return context;
    }
    return nullptr;
}

std::shared_ptr<const TLSContext> Pool::context_for(const Trust& trust) {
    // Lives as long as the process.
    if (trust == Trust()) return {std::shared_ptr<const TLSContext>(), &TLSContext::default_client()};
    if (auto known = known_context(trust)) return known;
    // The files may lie on a slow disk: they hold up neither the pool nor a worker. Whoever comes at the same
    // time makes the same once more; that is rare.
    auto made = to_thread_abandonable([trust] { return make_context(trust); });
    const std::scoped_lock guard(lock_);
    if (contexts_.size() >= max_contexts) contexts_.erase(contexts_.begin());
    contexts_.emplace_back(trust, made);
    return made;
}

}  // namespace thrum::requests::internal
