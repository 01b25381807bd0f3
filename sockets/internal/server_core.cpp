// thrum/sockets/internal/server_core.cpp: floor 2, sockets
#include <thrum/sockets/internal/server_core.hpp>
#include <thrum/threads/event.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>
#include <utility>

namespace thrum::internal {

using namespace std::chrono_literals;

namespace {

// With no descriptor or memory left, accepting is tried again when a client leaves, and at least this often.
constexpr auto exhausted_pause = 50ms;

// For the ends of things, which neither cancels nor deadlines may cut short.
class ShieldedGuard {
public:
    explicit ShieldedGuard(Lock& lock) noexcept : lock_(lock) { lock.lock_shielded(); }
    ~ShieldedGuard() { lock_.unlock(); }
    ShieldedGuard(const ShieldedGuard&) = delete;
    ShieldedGuard& operator=(const ShieldedGuard&) = delete;

private:
    Lock& lock_;
};

void report(const Address& client, const char* what) noexcept {
    try {
        std::fprintf(stderr, "thrum: the handler of client %s failed: %s\n", client.to_string().c_str(),
                     what);
    } catch (const std::exception&) {
        std::fprintf(stderr, "thrum: the handler of a client failed: %s\n", what);
    }
}

void report(const Address& client, const std::exception_ptr& thrown) noexcept {
    try {
        std::rethrow_exception(thrown);
    } catch (const std::exception& error) {
        report(client, error.what());
    } catch (...) {
        report(client, "an exception of unknown type");
    }
}

}  // namespace

bool is_exhaustion(int code) noexcept {
    return code == EMFILE || code == ENFILE || code == ENOBUFS || code == ENOMEM || code == EAGAIN;
}

ServerCore::Calling::Calling(ServerCore& core) noexcept : core_(core) {
    const ShieldedGuard guard(core_.lock_);
    ++core_.calling_;
}

ServerCore::Calling::~Calling() {
    Event* emptied = nullptr;
    {
        const ShieldedGuard guard(core_.lock_);
        --core_.calling_;
        emptied = core_.if_empty();
    }
    // Where the destructor waits, this event is of its stack; where it does not yet, the core may be gone.
    if (emptied != nullptr) emptied->set();
}

ServerCore::Place::~Place() {
    if (core_ == nullptr) return;
    const ShieldedGuard guard(core_->lock_);
    --core_->places_taken_;
    core_->changed_.notify_all();
}

ServerCore::~ServerCore() {
    if (is_client(current_thread_id())) {
        std::fputs("thrum: a server was destroyed by one of its own handlers, which would wait for itself\n",
                   stderr);
        std::abort();
    }
    stop();
    Event emptied;
    {
        const ShieldedGuard guard(lock_);
        cancel_clients(0);
        if (first_ == nullptr && calling_ == 0) return;
        emptied_ = &emptied;
    }
    wait_shielded(emptied);
}

Event* ServerCore::if_empty() const noexcept {
    return first_ == nullptr && calling_ == 0 ? emptied_ : nullptr;
}

ServerCore::Place ServerCore::take_place() {
    std::unique_lock guard(lock_);
    if (places_taken_ >= options_.most && !is_stopping()) {
        ++counts_.waited;
        changed_.wait(guard, [this] { return places_taken_ < options_.most || is_stopping(); });
    }
    if (is_stopping()) return Place(nullptr);
    ++places_taken_;
    return Place(this);
}

void ServerCore::start(Place place, std::unique_ptr<ServerClient> client) {
    for (;;) {
        try {
            const ShieldedGuard guard(lock_);
            if (is_stopping()) return;
            ServerClient& one = *client;
            // Held under the lock until its thread is in its place: the thread leaves through the same lock.
            one.thread_ =
                Thread(ThreadOptions{.stack_size = options_.stack_size}, [this, &one] { run(one); });
            one.next_ = first_;
            if (first_ != nullptr) first_->previous_ = &one;
            first_ = client.release();
            place.core_ = nullptr;
            ++counts_.accepted;
            counts_.most_active = std::max(counts_.most_active, ++counts_.active);
            return;
        } catch (const OSError& error) {
            if (!is_exhaustion(error.code())) throw;
            wait_for_resources(error);
        }
    }
}

bool ServerCore::admits(const std::function<bool(const Address&)>& verify, const Address& client) {
    try {
        if (!verify || verify(client)) return true;
    } catch (const Cancelled&) {
        throw;
    } catch (...) {
        tell(client);
    }
    const ShieldedGuard guard(lock_);
    ++counts_.rejected;
    return false;
}

void ServerCore::wait_for_resources(const OSError& exhaustion) {
    const bool is_news = !exhaustion_told_.exchange(true);
    if (is_news) std::fprintf(stderr, "thrum: %s; waiting for a client to leave\n", exhaustion.what());
    std::unique_lock guard(lock_);
    counts_.ran_out += is_news ? 1 : 0;
    if (!is_stopping()) changed_.wait_for(guard, exhausted_pause);
}

void ServerCore::run(ServerClient& client) noexcept {
    client.thread_id_.store(current_thread_id(), std::memory_order_relaxed);
    leave(client, serve(client));
}

ServerCore::Ending ServerCore::serve(ServerClient& client) noexcept {
    try {
        client.serve();
        return Ending::finished;
    } catch (const Cancelled&) {
        return Ending::cancelled;
    } catch (const TimeoutError&) {
        if (client.is_limited) return Ending::timed_out;
        tell(client.address);
    } catch (...) {
        tell(client.address);
    }
    return Ending::failed;
}

// Of the exception that is being handled.
void ServerCore::tell(const Address& client) noexcept {
    const std::exception_ptr error = std::current_exception();
    if (!options_.on_error) return report(client, error);
    try {
        options_.on_error(client, error);
    } catch (const Cancelled&) {
        // The server ends, and with it what was to be told.
    } catch (...) {
        report(client, std::current_exception());
    }
}

void ServerCore::leave(ServerClient& client, Ending ending) noexcept {
    Event* emptied = nullptr;
    {
        const ShieldedGuard guard(lock_);
        (client.previous_ != nullptr ? client.previous_->next_ : first_) = client.next_;
        if (client.next_ != nullptr) client.next_->previous_ = client.previous_;
        client.thread_.detach();
        --places_taken_;
        --counts_.active;
        ++(ending == Ending::finished    ? counts_.finished
           : ending == Ending::failed    ? counts_.failed
           : ending == Ending::timed_out ? counts_.timed_out
                                         : counts_.cancelled);
        changed_.notify_all();
        emptied = if_empty();
        // Under the lock still: whoever hears that no client is left finds nothing of it.
        delete &client;
    }
    if (emptied != nullptr) emptied->set();
}

bool ServerCore::stop() noexcept {
    const ShieldedGuard guard(lock_);
    changed_.notify_all();
    return !stopping_.exchange(true);
}

bool ServerCore::is_client(std::uint64_t thread_id) const noexcept {
    const ShieldedGuard guard(lock_);
    for (const ServerClient* client = first_; client != nullptr; client = client->next_) {
        if (client->thread_id_.load(std::memory_order_relaxed) == thread_id) return true;
    }
    return false;
}

void ServerCore::cancel_clients(std::uint64_t but) noexcept {
    for (ServerClient* client = first_; client != nullptr; client = client->next_) {
        const std::uint64_t id = client->thread_id_.load(std::memory_order_relaxed);
        if (but == 0 || id != but) client->thread_.cancel();
    }
}

void ServerCore::wait_for_clients(std::chrono::nanoseconds grace) {
    const std::uint64_t self = current_thread_id();
    const bool is_inside = is_client(self);
    std::unique_lock guard(lock_);
    // A client that waits here is waited for by nobody who waits here as well.
    inside_ += is_inside ? 1 : 0;
    struct Leaving {
        std::size_t& inside;
        bool was_inside;
        ~Leaving() { inside -= was_inside ? 1 : 0; }
    } leaving{inside_, is_inside};
    if (is_inside) changed_.notify_all();
    const auto are_gone = [&] { return counts_.active <= (is_inside ? inside_ : 0); };
    if (changed_.wait_for(guard, grace, are_gone)) return;
    cancel_clients(is_inside ? self : 0);
    changed_.wait(guard, are_gone);
}

std::size_t ServerCore::clients() const noexcept {
    const ShieldedGuard guard(lock_);
    return counts_.active;
}

ServerStatistics ServerCore::statistics() const noexcept {
    const ShieldedGuard guard(lock_);
    return counts_;
}

}  // namespace thrum::internal
