// thrum/sockets/internal/server_core.hpp: floor 2, sockets
// What servers of every kind share: places for clients, a thread for each, how each ended, and the end of
// all.
#pragma once

#include <thrum/base/errors.hpp>
#include <thrum/sockets/server_statistics.hpp>
#include <thrum/threads/condition.hpp>
#include <thrum/threads/lock.hpp>
#include <thrum/threads/thread.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace thrum {
class Event;
}

namespace thrum::internal {

// One client from its coming to its end; each kind of server adds what it has to serve it.
class ServerClient {
public:
    explicit ServerClient(Address from) : address(std::move(from)) {}
    ServerClient(const ServerClient&) = delete;
    ServerClient& operator=(const ServerClient&) = delete;
    virtual ~ServerClient() = default;

    // Runs in the client's own thread. What it throws says how the client ended.
    virtual void serve() = 0;

    const Address address;

protected:
    bool is_limited = false;  // a TimeoutError is then the server's doing, no failure of the handler

private:
    friend class ServerCore;

    ServerClient* previous_ = nullptr;
    ServerClient* next_ = nullptr;
    std::atomic<std::uint64_t> thread_id_ = 0;  // 0 until it runs
    Thread thread_;                             // under the core's lock
};

struct ServerCoreOptions {
    std::size_t most = 0;  // clients at once
    std::size_t stack_size = default_stack_size;
    ServerErrorHook on_error = {};
};

// Thread-safe. Destroying it cancels the clients and waits until they, and all calls, have ended.
class ServerCore {
public:
    explicit ServerCore(ServerCoreOptions options) : options_(std::move(options)) {}
    // Aborts when called by one of the clients' threads, which would wait for itself.
    ~ServerCore();
    ServerCore(const ServerCore&) = delete;
    ServerCore& operator=(const ServerCore&) = delete;

    // Stands in each call of the server that lasts: the destructor waits until there is none.
    class Calling {
    public:
        explicit Calling(ServerCore& core) noexcept;
        ~Calling();
        Calling(const Calling&) = delete;
        Calling& operator=(const Calling&) = delete;

    private:
        ServerCore& core_;
    };

    bool is_stopping() const noexcept { return stopping_.load(); }

    // A place for one client, given back by its owner's end unless a client took it.
    class Place {
    public:
        explicit Place(ServerCore* core) noexcept : core_(core) {}
        Place(Place&& other) noexcept : core_(std::exchange(other.core_, nullptr)) {}
        Place& operator=(Place&&) = delete;
        ~Place();
        explicit operator bool() const noexcept { return core_ != nullptr; }

    private:
        friend class ServerCore;
        ServerCore* core_;
    };
    // Waits for one; none when the server is to stop. Throws Cancelled, TimeoutError.
    Place take_place();

    // Serves `client` in a thread of its own. When the server is to stop, or the thread cannot be started
    // before it is, the client is gone. Throws Cancelled while it waits for memory.
    void start(Place place, std::unique_ptr<ServerClient> client);
    // Whether `verify` lets this client in. What it throws is told, and is a no.
    bool admits(const std::function<bool(const Address&)>& verify, const Address& client);

    // Says that there are no descriptors or no memory, once until accepted() is called, and waits a moment or
    // until a client leaves.
    void wait_for_resources(const OSError& exhaustion);
    void accepted() noexcept { exhaustion_told_.store(false, std::memory_order_relaxed); }

    // From here on no client is started. True for the first call.
    bool stop() noexcept;
    // After stop(): waits up to `grace` for the clients, the calling one left out, then cancels them and
    // waits until they are gone. Throws Cancelled, TimeoutError.
    void wait_for_clients(std::chrono::nanoseconds grace);

    std::size_t clients() const noexcept;
    ServerStatistics statistics() const noexcept;

private:
    enum class Ending { finished, failed, timed_out, cancelled };

    void run(ServerClient& client) noexcept;
    Ending serve(ServerClient& client) noexcept;
    void tell(const Address& client) noexcept;
    void leave(ServerClient& client, Ending ending) noexcept;
    bool is_client(std::uint64_t thread_id) const noexcept;
    void cancel_clients(std::uint64_t but) noexcept;
    Event* if_empty() const noexcept;

    const ServerCoreOptions options_;
    mutable Lock lock_;  // guards what follows, but for the atomics
    Condition changed_;  // a client has left, the server is to stop, a client waits for the others
    ServerClient* first_ = nullptr;
    ServerStatistics counts_;
    std::size_t places_taken_ = 0;
    std::size_t inside_ = 0;    // clients that wait for the others to end
    std::size_t calling_ = 0;   // calls that last
    Event* emptied_ = nullptr;  // of the destructor
    std::atomic<bool> stopping_ = false;
    std::atomic<bool> exhaustion_told_ = false;
};

// Whether errno `code` says that descriptors or memory have run out, which passes.
bool is_exhaustion(int code) noexcept;

}  // namespace thrum::internal
