// thrum/sockets/server.cpp: floor 2, sockets
// The accepting loop, and the group of its clients' threads.
#include <thrum/sockets/server.hpp>
#include <thrum/threads/event.hpp>
#include <thrum/threads/lock.hpp>
#include <thrum/threads/semaphore.hpp>
#include <thrum/threads/task_group.hpp>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <mutex>

namespace thrum {

using namespace std::chrono_literals;

namespace {

// With no descriptor or memory left, accepting is tried again when a client leaves, and at least this often.
constexpr auto exhausted_pause = 50ms;

bool is_exhaustion(int code) noexcept {
    return code == EMFILE || code == ENFILE || code == ENOBUFS || code == ENOMEM || code == EAGAIN;
}

void report(const Address& client, const char* what) {
    std::fprintf(stderr, "thrum: the handler of client %s failed: %s\n", client.to_string().c_str(), what);
}

}  // namespace

struct TCPServer::Clients {
    Clients(Handler function, std::size_t most) : handler(std::move(function)), room(most) {}

    // The body of a client's thread. The socket is closed before the room it took is given to the next.
    void serve(Socket connected, const Address& address) {
        struct Leaving {
            Clients& clients;
            ~Leaving() {
                clients.room.release();
                clients.left.set();
            }
        } leaving{*this};
        Socket socket = std::move(connected);
        try {
            handler(socket, address);
        } catch (const Cancelled&) {
            throw;
        } catch (const std::exception& error) {
            report(address, error.what());
        } catch (...) {
            report(address, "an exception of unknown type");
        }
    }

    // From here on no client is started, and every one that was is in the group.
    void stop() noexcept {
        starting.lock_shielded();
        stopping = true;
        starting.unlock();
    }

    const Handler handler;
    Semaphore room;
    Event left;                          // a client has left since this was cleared, or the server is to stop
    Lock starting;                       // held while a client is started, and while `stopping` is set
    std::atomic<bool> stopping = false;  // set under `starting`
    bool exhaustion_reported = false;    // of the accepting thread
    TaskGroup group;                     // last: its threads use the others until they have ended
};

TCPServer::TCPServer(const Address& address, Handler handler, const TCPServerOptions& options)
    : listener_(create_server(address, options.listening)),
      address_(listener_.getsockname()),
      options_(options),
      clients_(std::make_unique<Clients>(std::move(handler), options.max_clients)) {}

TCPServer::~TCPServer() {
    clients_->stop();
    listener_.close();
}  // the group cancels what still runs, and waits for it

bool TCPServer::is_stopping() const noexcept { return clients_->stopping.load(); }

std::size_t TCPServer::clients() const noexcept { return clients_->group.size(); }

void TCPServer::serve_one() {
    clients_->room.acquire();
    // Given back unless a client takes it.
    struct Room {
        Semaphore* semaphore;
        ~Room() {
            if (semaphore != nullptr) semaphore->release();
        }
    } room{&clients_->room};
    if (is_stopping()) return;
    auto [socket, client] = listener_.accept();
    clients_->exhaustion_reported = false;
    // A client that comes while shutdown() looks whether any are left would be served behind its back.
    const std::scoped_lock starting(clients_->starting);
    if (is_stopping()) return;
    clients_->group.start(
        ThreadOptions{.stack_size = options_.stack_size},
        [clients = clients_.get()](Socket connected, const Address& address) {
            clients->serve(std::move(connected), address);
        },
        std::move(socket), std::move(client));
    room.semaphore = nullptr;
}

// Says so once for each time it happens, not at every attempt.
void TCPServer::wait_for_room(const OSError& exhaustion) {
    if (!std::exchange(clients_->exhaustion_reported, true)) {
        std::fprintf(stderr, "thrum: %s; waiting for a client to leave\n", exhaustion.what());
    }
    clients_->left.wait_for(exhausted_pause);
    clients_->left.clear();
}

void TCPServer::serve_forever() {
    while (!is_stopping()) {
        try {
            serve_one();
        } catch (const OSError& error) {
            if (is_stopping()) return;
            if (!is_exhaustion(error.code())) throw;
            wait_for_room(error);
        }
    }
}

void TCPServer::shutdown(std::chrono::nanoseconds grace) {
    clients_->stop();
    listener_.close();
    clients_->left.set();
    clients_->room.release();  // for an accepting thread that waits for room, to see that it is to stop
    try {
        const Timeout limit(grace);
        clients_->group.wait();
    } catch (const TimeoutError&) {
        clients_->group.cancel();
        clients_->group.wait();
    }
}

}  // namespace thrum
