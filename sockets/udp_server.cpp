// thrum/sockets/udp_server.cpp: floor 2, sockets
#include <thrum/sockets/internal/server_core.hpp>
#include <thrum/sockets/internal/unix_path.hpp>
#include <thrum/sockets/resolver.hpp>
#include <thrum/sockets/udp_server.hpp>
#include <thrum/threads/lock.hpp>
#include <thrum/threads/task_group.hpp>

#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <list>
#include <mutex>

namespace thrum {

namespace {

// Datagrams that one system call takes in. Their buffers are touched only as far as datagrams are long.
constexpr std::size_t batch_size = 32;

Address choose_local(const Address& address) {
    if (!address.is_name()) return address;
    return resolve(address, AF_UNSPEC, SOCK_DGRAM).front();
}

}  // namespace

struct UDPServer::State {
    State(Handler&& function, const UDPServerOptions& wishes)
        : handler(std::move(function)),
          options(wishes),
          core({.most = wishes.max_handlers, .stack_size = wishes.stack_size, .on_error = wishes.on_error}) {}

    const Handler handler;
    const UDPServerOptions options;
    Socket socket;
    internal::UnixPath path;
    Lock lock;                        // guards receivers
    std::list<TaskGroup*> receivers;  // the threads of serve_forever()
    internal::ServerCore core;        // last: its handlers use the others until they have ended
};

struct UDPServer::Client final : internal::ServerClient {
    Client(State& server, std::string_view bytes, Address from, bool is_cut)
        : ServerClient(std::move(from)), state(server), data(bytes), is_truncated(is_cut) {
        is_limited = server.options.total_timeout.has_value();
    }

    void serve() override {
        const auto& total = state.options.total_timeout;
        const Timeout limit(total ? deadline_after(*total) : never);
        state.handler(Datagram(state.socket, std::move(data), address, is_truncated));
    }

    State& state;
    std::string data;
    bool is_truncated;
};

// What recvmmsg(2) fills.
class UDPServer::Batch {
public:
    explicit Batch(std::size_t datagram)
        : datagram_(datagram), buffer_(std::make_unique_for_overwrite<char[]>(batch_size * datagram)) {}

    // Waits for one and takes what else is there. Throws OSError, Cancelled.
    std::size_t receive(Socket& socket) {
        for (std::size_t i = 0; i < batch_size; ++i) {
            pieces_[i] = {buffer_.get() + i * datagram_, datagram_};
            messages_[i] = {};
            messages_[i].msg_hdr.msg_name = &senders_[i];
            messages_[i].msg_hdr.msg_namelen = sizeof senders_[i];
            messages_[i].msg_hdr.msg_iov = &pieces_[i];
            messages_[i].msg_hdr.msg_iovlen = 1;
        }
        const ssize_t count = socket.descriptor().perform(Direction::read, never, 0, [this](int fd) {
            return static_cast<ssize_t>(::recvmmsg(fd, messages_.data(), batch_size, MSG_DONTWAIT, nullptr));
        });
        if (count < 0) throw_os_error(errno, "cannot receive datagrams");
        return static_cast<std::size_t>(count);
    }

    std::string_view data(std::size_t i) const noexcept {
        return {buffer_.get() + i * datagram_, messages_[i].msg_len};
    }
    bool is_truncated(std::size_t i) const noexcept {
        return (messages_[i].msg_hdr.msg_flags & MSG_TRUNC) != 0;
    }
    Address sender(std::size_t i) const {
        return Address::from_sockaddr(senders_[i], messages_[i].msg_hdr.msg_namelen);
    }

private:
    std::size_t datagram_;
    std::unique_ptr<char[]> buffer_;
    std::array<mmsghdr, batch_size> messages_;
    std::array<iovec, batch_size> pieces_;
    std::array<sockaddr_storage, batch_size> senders_;
};

UDPServer::UDPServer(const Address& address, Handler handler, const UDPServerOptions& options)
    : state_(std::make_unique<State>(std::move(handler), options)) {
    if (options.max_handlers == 0 || options.max_datagram == 0) {
        throw Error("cannot serve on " + address.to_string() +
                    ": max_handlers and max_datagram must be 1 at the least");
    }
    const Address local = choose_local(address);
    state_->socket = Socket(local.family(), SOCK_DGRAM);
    if (options.receive_buffer != 0) {
        constexpr std::size_t most = 1 << 30;
        state_->socket.setsockopt(SOL_SOCKET, SO_RCVBUF,
                                  static_cast<int>(std::min(options.receive_buffer, most)));
    }
    if (local.family() == AF_UNIX) {
        state_->path = internal::UnixPath::bind(state_->socket, local, options.mode, std::nullopt);
    } else {
        state_->socket.bind(local);
    }
    address_ = state_->socket.getsockname();
}

UDPServer::~UDPServer() { stop(); }  // the core cancels what still runs, and waits for it

// The socket stays open for what the handlers reply: it is the receiving that ends.
void UDPServer::stop() noexcept {
    if (!state_->core.stop()) return;
    state_->path.remove();
    state_->lock.lock_shielded();
    const std::unique_lock guard(state_->lock, std::adopt_lock);
    for (TaskGroup* const receiver : state_->receivers) receiver->cancel();
}

void UDPServer::receive_all() {
    internal::ServerCore& core = state_->core;
    const auto batch = std::make_unique<Batch>(state_->options.max_datagram);
    while (!core.is_stopping()) {
        std::size_t count = 0;
        try {
            count = batch->receive(state_->socket);
        } catch (const OSError& error) {
            if (!internal::is_exhaustion(error.code())) throw;
            core.wait_for_resources(error);
        }
        for (std::size_t i = 0; i < count; ++i) {
            Address sender = batch->sender(i);
            if (!core.admits(state_->options.verify_request, sender)) continue;
            auto place = core.take_place();
            if (!place) return;
            core.accepted();
            core.start(std::move(place), std::make_unique<Client>(*state_, batch->data(i), std::move(sender),
                                                                  batch->is_truncated(i)));
        }
    }
}

void UDPServer::serve_forever() {
    State& state = *state_;
    const internal::ServerCore::Calling calling(state.core);
    // In a thread of its own, which shutdown() can cancel whoever the caller is.
    TaskGroup receiver;
    receiver.start([this] { receive_all(); });
    struct Listed {
        State& state;
        std::list<TaskGroup*>::iterator entry;
        ~Listed() {
            state.lock.lock_shielded();
            const std::unique_lock guard(state.lock, std::adopt_lock);
            state.receivers.erase(entry);
        }
    };
    state.lock.lock_shielded();
    state.receivers.push_front(&receiver);
    const Listed listed{state, state.receivers.begin()};
    if (state.core.is_stopping()) receiver.cancel();
    state.lock.unlock();
    receiver.wait();
}

void UDPServer::shutdown(std::chrono::nanoseconds grace) {
    const internal::ServerCore::Calling calling(state_->core);
    stop();
    state_->core.wait_for_clients(grace);
}

std::size_t UDPServer::handling() const noexcept { return state_->core.clients(); }

ServerStatistics UDPServer::statistics() const noexcept { return state_->core.statistics(); }

}  // namespace thrum
