// thrum/sockets/relay.cpp: floor 2, sockets
// Small pieces are copied over a small buffer; where they keep coming, the kernel moves them (splice(2)).
#include <thrum/base/errors.hpp>
#include <thrum/sockets/internal/quiet_splice.hpp>
#include <thrum/sockets/internal/splice_pipe.hpp>
#include <thrum/sockets/relay.hpp>
#include <thrum/sockets/socket.hpp>
#include <thrum/threads/deadline.hpp>
#include <thrum/threads/task_group.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <exception>
#include <memory>
#include <string>

namespace thrum {

namespace {

using Clock = std::chrono::steady_clock;

// On the stack of each way: a relay that is idle holds nothing else.
constexpr std::size_t small_buffer = 4096;
// After so many full small buffers in a row it is a transfer.
constexpr int full_buffers = 8;
// What a transfer moves at once through memory.
constexpr std::size_t large_buffer = 64 * 1024;

std::string duration_text(std::chrono::nanoseconds duration) {
    const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
    if (milliseconds % 1000 == 0) return std::to_string(milliseconds / 1000) + " s";
    return std::to_string(milliseconds) + " ms";
}

// What both ways of one relay share.
struct Session {
    Stream& a;
    Stream& b;
    const RelayOptions& options;
    TaskGroup& ways;
    std::atomic<Clock::rep> moved = Clock::now().time_since_epoch().count();  // when bytes last went
    std::atomic<bool> has_failed = false;
    std::exception_ptr failure = {};  // of who set has_failed

    Deadline quiet_until() const noexcept {
        return Deadline(Clock::duration(moved.load(std::memory_order_relaxed))) + *options.idle_timeout;
    }
};

class Way {
public:
    Way(Session& session, RelayWay way)
        : session_(session),
          way_(way),
          from_(way == RelayWay::forward ? session.a : session.b),
          to_(way == RelayWay::forward ? session.b : session.a) {}

    void run() {
        try {
            if (copy()) splice_or_copy();
            end();
        } catch (const BrokenPipeError&) {
            // Who should take it is gone; what it still says comes the other way.
        } catch (const Cancelled&) {
            throw;
        } catch (...) {
            if (!session_.has_failed.exchange(true)) session_.failure = std::current_exception();
            session_.ways.cancel();
        }
        if (way_ == RelayWay::backward && session_.options.backward_ends_all) session_.ways.cancel();
    }

    std::uint64_t bytes() const noexcept { return bytes_; }

private:
    // Runs `call`, which waits, as long as the other way keeps the relay from being idle.
    template <class Call>
    auto patiently(Call&& call) {
        if (!session_.options.idle_timeout) return call();
        for (;;) {
            const Deadline until = session_.quiet_until();
            try {
                const Timeout limit(until);
                return call();
            } catch (const TimeoutError&) {
                const Deadline now = Clock::now();
                if (now < until || current_deadline() <= now) throw;  // another limit than ours
                if (session_.quiet_until() <= now) throw_idle();
            }
        }
    }

    [[noreturn]] void throw_idle() const {
        throw TimeoutError("nothing came or went for " + duration_text(*session_.options.idle_timeout) +
                           " between " + session_.a.peer_name() + " and " + session_.b.peer_name());
    }

    void count(std::size_t size) noexcept {
        bytes_ += size;
        if (session_.options.idle_timeout) {
            session_.moved.store(Clock::now().time_since_epoch().count(), std::memory_order_relaxed);
        }
        if (RelayCounters* const counters = session_.options.counters) {
            (way_ == RelayWay::forward ? counters->forward : counters->backward)
                .fetch_add(size, std::memory_order_relaxed);
        }
    }

    // False where the inspector ends the way.
    bool pass_on(std::string_view data) {
        while (!data.empty()) {
            std::size_t allowed = data.size();
            if (session_.options.inspect) {
                allowed = std::min(session_.options.inspect(way_, data), data.size());
                if (allowed == 0) return false;
            }
            std::string_view piece = data.substr(0, allowed);
            while (!piece.empty()) {
                const std::size_t sent = patiently([&] { return to_.send(piece); });
                count(sent);
                piece.remove_prefix(sent);
            }
            data.remove_prefix(allowed);
        }
        return true;
    }

    // True when this has become a transfer; false at the end.
    bool copy() {
        std::array<char, small_buffer> buffer;
        for (int full = 0; full < full_buffers;) {
            const std::size_t size = patiently([&] { return from_.recv_into(buffer); });
            if (size == 0 || !pass_on({buffer.data(), size})) return false;
            full = size == buffer.size() ? full + 1 : 0;
        }
        return true;
    }

    void splice_or_copy() {
        auto* const from = dynamic_cast<Socket*>(&from_);
        auto* const to = dynamic_cast<Socket*>(&to_);
        const RelayOptions& options = session_.options;
        if (options.splice && !options.inspect && from != nullptr && to != nullptr) {
            if (auto pipe = internal::SplicePipe::get()) return splice(*from, *to, *pipe);
        }
        const auto buffer = std::make_unique_for_overwrite<char[]>(large_buffer);
        while (const std::size_t size = patiently([&] {
                   return from_.recv_into({buffer.get(), large_buffer});
               })) {
            if (!pass_on({buffer.get(), size})) return;
        }
    }

    void splice(Socket& from, Socket& to, internal::SplicePipe& pipe) {
        const internal::Quiet quietly;
        for (;;) {
            std::size_t left = patiently([&] {
                return move(from, Direction::read, "receive from", [&](int fd) {
                    return ::splice(fd, nullptr, pipe.in(), nullptr, internal::splice_pipe_size,
                                    SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
                });
            });
            if (left == 0) return;
            pipe.filled(left);
            while (left > 0) {
                const std::size_t sent = patiently([&] {
                    return move(to, Direction::write, "send to", [&](int fd) {
                        return quietly(left, [&] {
                            return ::splice(pipe.out(), nullptr, fd, nullptr, left,
                                            SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
                        });
                    });
                });
                pipe.drained(sent);
                count(sent);
                left -= sent;
            }
        }
    }

    template <class Call>
    static std::size_t move(Socket& socket, Direction direction, const char* doing, Call&& call) {
        const ssize_t size = socket.descriptor().perform(direction, socket.deadline(), 0, call);
        if (size >= 0) return static_cast<std::size_t>(size);
        const std::string what = std::string(doing) + " " + socket.peer_name();
        if (errno == ETIMEDOUT) throw TimeoutError("timed out trying to " + what);
        throw_os_error(errno, "cannot " + what);
    }

    void end() {
        try {
            to_.shutdown_write();
        } catch (const OSError&) {
            // It is gone already, and nothing is left to be told.
        }
    }

    Session& session_;
    RelayWay way_;
    Stream& from_;
    Stream& to_;
    std::uint64_t bytes_ = 0;
};

// The ways run in threads of their own, perhaps on other workers, where a direct socket cannot be used.
void make_usable_everywhere(Stream& stream) {
    auto* const socket = dynamic_cast<Socket*>(&stream);
    if (socket != nullptr && socket->is_direct()) socket->make_ordinary();
}

// close() resets the connection from now on (SO_LINGER, socket(7)).
void reset_at_close(Stream& stream) noexcept {
    constexpr linger at_once{1, 0};
    if (dynamic_cast<Socket*>(&stream) != nullptr)
        ::setsockopt(stream.fileno(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

}  // namespace

RelayResult relay(Stream& a, Stream& b, const RelayOptions& options) {
    make_usable_everywhere(a);
    make_usable_everywhere(b);
    std::optional<TaskGroup> ways(std::in_place);
    Session session{a, b, options, *ways};
    Way forward(session, RelayWay::forward);
    Way backward(session, RelayWay::backward);
    ways->start([&] { forward.run(); });
    ways->start([&] { backward.run(); });
    struct Ending {
        std::optional<TaskGroup>& ways;
        ~Ending() { ways.reset(); }
    } ending{ways};  // cancels and waits before what they use is gone
    ways->wait();
    if (session.has_failed) {
        reset_at_close(a);
        reset_at_close(b);
        std::rethrow_exception(session.failure);
    }
    return {forward.bytes(), backward.bytes()};
}

}  // namespace thrum
