// thrum/sockets/connection_race.cpp: floor 2, sockets
// The race of connection attempts. One thread begins them all and waits for them together, behind one epoll
// descriptor; nobody is started for it.
#include <thrum/sockets/internal/connection_race.hpp>

#include <sys/epoll.h>

#include <algorithm>
#include <iterator>
#include <system_error>

namespace thrum::internal {
namespace {

std::string duration_text(std::chrono::nanoseconds duration) {
    const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
    if (milliseconds % 1000 == 0) return std::to_string(milliseconds / 1000) + " s";
    return std::to_string(milliseconds) + " ms";
}

Deadline now() noexcept { return deadline_after(std::chrono::nanoseconds(0)); }

}  // namespace

std::vector<Address> interleaved(std::vector<Address> sorted) {
    if (sorted.empty()) return sorted;
    const int first = sorted.front().family();
    const auto others = std::stable_partition(
        sorted.begin(), sorted.end(), [&](const Address& address) { return address.family() == first; });
    std::vector<Address> mixed;
    mixed.reserve(sorted.size());
    auto a = sorted.begin();
    auto b = others;
    while (a != others || b != sorted.end()) {
        if (a != others) mixed.push_back(std::move(*a++));
        if (b != sorted.end()) mixed.push_back(std::move(*b++));
    }
    return mixed;
}

Socket connect_any(const std::vector<Address>& addresses, const Address& target,
                   const ConnectionOptions& options) {
    const Timeout limit(options.timeout ? deadline_after(*options.timeout) : never);
    Socket socket = ConnectionRace(addresses, target, options).run();
    socket.settimeout(options.timeout);
    return socket;
}

// RFC 8305 §5: the next attempt begins when the delay has passed, and at once when one has failed.
Socket ConnectionRace::run() {
    Deadline begin_next = Deadline::min();
    for (;;) {
        if (next_ < addresses_.size() && (running_.empty() || now() >= begin_next)) {
            Socket socket;
            const Outcome outcome = begin(socket);
            if (outcome == Outcome::connected) return socket;
            if (outcome == Outcome::failed) continue;
            running_.push_back({next_ - 1, std::move(socket)});
            if ((running_.size() > 1 || events_.is_open()) && !watch(running_.back().socket))
                running_.pop_back();
            begin_next = deadline_after(std::max(options_.attempt_delay, least_attempt_delay));
        }
        if (running_.empty()) {
            if (next_ < addresses_.size()) continue;
            give_up();
        }
        const bool in_time = wait(next_ < addresses_.size() ? begin_next : never);
        if (!in_time && now() >= current_deadline()) give_up_late();
        for (auto at = running_.begin(); at != running_.end();) {
            const Outcome outcome = look(at->socket, at->number);
            if (outcome == Outcome::connected) return std::move(at->socket);
            if (outcome == Outcome::failed) begin_next = Deadline::min();
            at = outcome == Outcome::failed ? running_.erase(at) : std::next(at);
        }
    }
}

// The next address.
ConnectionRace::Outcome ConnectionRace::begin(Socket& socket) {
    const std::size_t number = next_++;
    const Address& address = addresses_[number];
    try {
        socket = Socket(address.family(), SOCK_STREAM);
        if (options_.source) socket.bind(*options_.source);
        // Nothing to race with: a Unix queue that is full is waited for as Socket does it.
        if (address.family() == AF_UNIX) {
            codes_[number] = socket.connect_ex(address);
            if (codes_[number] == ETIMEDOUT) give_up_late();
            return codes_[number] == 0 ? Outcome::connected : Outcome::failed;
        }
    } catch (const OSError& error) {
        if (error.code() == ETIMEDOUT) give_up_late();
        codes_[number] = error.code();
        return Outcome::failed;
    }
    return look(socket, number);
}

// Begins the attempt, or asks what became of it: connect(2) called again tells.
ConnectionRace::Outcome ConnectionRace::look(Socket& socket, std::size_t number) {
    const int code = socket.try_connect(addresses_[number]);
    if (code == 0) return Outcome::connected;
    if (code == EINPROGRESS) return Outcome::under_way;
    codes_[number] = code;
    return Outcome::failed;
}

// False where there is no descriptor for it: then it is not tried, and the others go on.
bool ConnectionRace::watch(const Socket& socket) {
    const std::size_t number = running_.back().number;
    if (!events_.is_open()) {
        events_ = Descriptor(::epoll_create1(EPOLL_CLOEXEC));
        codes_[number] = errno;
        if (!events_.is_open()) return false;
        codes_[number] = 0;
        for (const Running& other : running_) {
            epoll_event event = {};
            event.events = EPOLLOUT;
            if (::epoll_ctl(events_.fd(), EPOLL_CTL_ADD, other.socket.fileno(), &event) != 0)
                throw_os_error(errno, "cannot wait for several connections to " + target_.to_string());
        }
        return true;
    }
    epoll_event event = {};
    event.events = EPOLLOUT;
    if (::epoll_ctl(events_.fd(), EPOLL_CTL_ADD, socket.fileno(), &event) == 0) return true;
    codes_[number] = errno;
    return false;
}

// For any attempt to come to an end. False when `until` or the deadline in force passed first.
bool ConnectionRace::wait(Deadline until) {
    return events_.is_open() ? events_.wait(Direction::read, until)
                             : running_.front().socket.descriptor().wait(Direction::write, until);
}

// "127.0.0.1:1 (Connection refused) and [::1]:1 (No route to host)": what failed, or what is under way.
std::string ConnectionRace::list(bool with_causes, std::size_t until) const {
    std::string text;
    for (std::size_t i = 0; i < until; ++i) {
        if ((codes_[i] != 0) != with_causes) continue;
        if (!text.empty()) text += " and ";
        text += addresses_[i].to_string();
        if (with_causes) text += " (" + std::generic_category().message(codes_[i]) + ")";
    }
    return text;
}

// "cannot connect to localhost:1, tried 127.0.0.1:1 (Connection refused) and [::1]:1: Connection refused".
void ConnectionRace::give_up() const {
    const Address& last = addresses_.back();
    std::string what = "cannot connect to " + target_.to_string();
    if (!(target_ == last)) {
        const std::string before = list(true, addresses_.size() - 1);
        what += ", tried " + before + (before.empty() ? "" : " and ") + last.to_string();
    }
    throw_os_error(codes_.back(), what, connect_advice(codes_.back()));
}

void ConnectionRace::give_up_late() const {
    std::string what = "timed out trying to connect to " + target_.to_string();
    if (options_.timeout) what += " within " + duration_text(*options_.timeout);
    const bool is_target = addresses_.size() == 1 && target_ == addresses_.front();
    const std::string waiting = list(false, next_);
    if (!is_target && !waiting.empty()) what += ", at " + waiting;
    if (const std::string failed = list(true, next_); !failed.empty() && !is_target)
        what += ", after " + failed;
    throw TimeoutError(what);
}

}  // namespace thrum::internal
