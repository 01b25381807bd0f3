// thrum/sockets/internal/tls_connection.hpp: floor 2, sockets
// One TLS connection: OpenSSL's object, the socket beneath it, and the way calls wait.
#pragma once

#include <thrum/sockets/internal/tls_settings.hpp>
#include <thrum/sockets/internal/tls_wire.hpp>
#include <thrum/sockets/tls_socket.hpp>
#include <thrum/threads/lock.hpp>

#include <openssl/err.h>

#include <mutex>

namespace thrum {

struct TLSSocket::Session {
    Session(Socket connected, std::string_view name, const TLSContext& context);

    // Runs `call`, which returns what SSL_read and its like return, until it succeeds or fails for good,
    // parking in between. A deadline that passes throws TimeoutError "timed out trying to `doing` PEER".
    template <class Call>
    internal::TLSOutcome run(Direction first, Deadline until, std::string_view doing, Call&& call);
    // One try, in one breath: what OpenSSL says, and its thread's error queue, are taken before anyone parks.
    template <class Call>
    internal::TLSOutcome attempt(Call&& call);
    bool holds_bytes();
    void handshake(bool as_client);
    void expect_name();
    [[noreturn]] void refuse(const internal::TLSOutcome& outcome);
    // Moves what a callback has noted into the context's cache, outside of OpenSSL.
    void keep_new_sessions() noexcept;

    struct FreeSSL {
        void operator()(SSL* object) const noexcept { SSL_free(object); }
    };

    // OpenSSL's objects serve one thread at a time; the lock is held for single calls, never over a wait.
    Lock lock;
    Socket socket;
    std::shared_ptr<const TLSContext::Settings> settings;
    std::string host;         // of the peer, for messages and the certificate
    std::string peer;         // "example.org (203.0.113.5:443)"
    std::string session_key;  // of a client's sessions in the cache; empty where there is none
    internal::Wire wire;
    internal::TLSNotes notes;
    std::unique_ptr<SSL, FreeSSL> ssl;
};

template <class Call>
internal::TLSOutcome TLSSocket::Session::attempt(Call&& call) {
    const std::scoped_lock holding(lock);
    wire.fd = socket.fileno();
    // Another thread has closed it, and OpenSSL would say something about its protocol.
    if (wire.fd < 0) return {.code = SSL_ERROR_SYSCALL, .os_error = EBADF};
    wire.error = 0;
    wire.drained = false;
    ERR_clear_error();
    const int result = call(ssl.get());
    internal::TLSOutcome outcome;
    outcome.drained = wire.drained;
    if (result <= 0) {
        outcome.code = SSL_get_error(ssl.get(), result);
        outcome.reason = ERR_peek_error();
        outcome.os_error = wire.error;
        outcome.ended = wire.ended;
    }
    // Last, for it may wait.
    if (!notes.new_sessions.empty()) keep_new_sessions();
    return outcome;
}

template <class Call>
internal::TLSOutcome TLSSocket::Session::run(Direction first, Deadline until, std::string_view doing,
                                             Call&& call) {
    internal::TLSOutcome outcome;
    // Bytes that OpenSSL holds already make the descriptor no readier: ask it before the kernel.
    if (first == Direction::read && holds_bytes()) {
        outcome = attempt(call);
        if (!outcome.must_wait()) return outcome;
    }
    for (Direction direction = first;;) {
        // 0 is below 1 and says that the kernel is empty: the next call parks without asking it.
        const ssize_t result = socket.descriptor().perform(direction, until, 1, [&](int) -> ssize_t {
            outcome = attempt(call);
            if (!outcome.wants(direction)) return direction == Direction::read && outcome.drained ? 0 : 1;
            errno = EAGAIN;
            return -1;
        });
        if (result < 0 && errno == ETIMEDOUT)
            throw TimeoutError("timed out trying to " + std::string(doing) + " " + peer);
        if (result < 0) throw_os_error(errno, "cannot " + std::string(doing) + " " + peer);
        if (!outcome.must_wait()) return outcome;
        direction = outcome.wants(Direction::read) ? Direction::read : Direction::write;
    }
}

}  // namespace thrum
