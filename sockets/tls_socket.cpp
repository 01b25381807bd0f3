// thrum/sockets/tls_socket.cpp: floor 2, sockets
// The Stream that encrypts: each call tries OpenSSL, and parks outside of it for what OpenSSL wants.
#include <thrum/sockets/address.hpp>
#include <thrum/sockets/internal/tls_settings.hpp>
#include <thrum/sockets/tls.hpp>
#include <thrum/threads/lock.hpp>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <mutex>

namespace thrum {
namespace {

// RFC 8446 §5.1: a record holds at most this many bytes.
constexpr std::size_t record_size = 16 * 1024;

struct FreeSSL {
    void operator()(SSL* ssl) const noexcept { SSL_free(ssl); }
};

}  // namespace

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
    void expect_name(const TLSContext::Settings& settings);

    // OpenSSL's objects serve one thread at a time; the lock is held for single calls, never over a wait.
    Lock lock;
    Socket socket;
    std::shared_ptr<const TLSContext::Settings> settings;
    std::string host;  // of the peer, for messages and the certificate
    std::string peer;  // "example.org (203.0.113.5:443)"
    internal::Wire wire;
    internal::RefusedCertificate refused;
    std::unique_ptr<SSL, FreeSSL> ssl;
};

TLSSocket::Session::Session(Socket connected, std::string_view name, const TLSContext& context)
    : socket(std::move(connected)), settings(context.settings()), host(name) {
    peer = socket.peer_name();
    if (!host.empty()) peer = host + " (" + peer + ")";
    wire.fd = socket.fileno();
    ERR_clear_error();
    ssl.reset(SSL_new(settings->context.get()));
    if (!ssl)
        throw TLSError(TLSFailure::other,
                       "cannot start TLS with " + peer + ": " + internal::take_openssl_error());
    BIO* const bio = internal::make_wire_bio(wire);
    SSL_set_bio(ssl.get(), bio, bio);  // takes the one reference for both sides
    SSL_set_app_data(ssl.get(), &refused);
}

template <class Call>
internal::TLSOutcome TLSSocket::Session::attempt(Call&& call) {
    const std::scoped_lock holding(lock);
    wire.fd = socket.fileno();
    // Another thread has closed it, and OpenSSL would say something about its protocol.
    if (wire.fd < 0) return {.code = SSL_ERROR_SYSCALL, .os_error = EBADF};
    wire.error = 0;
    ERR_clear_error();
    const int result = call(ssl.get());
    internal::TLSOutcome outcome;
    if (result > 0) return outcome;
    outcome.code = SSL_get_error(ssl.get(), result);
    outcome.reason = ERR_peek_error();
    outcome.os_error = wire.error;
    outcome.ended = wire.ended;
    return outcome;
}

bool TLSSocket::Session::holds_bytes() {
    const std::scoped_lock holding(lock);
    return SSL_has_pending(ssl.get()) == 1;
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
        const ssize_t result = socket.descriptor().perform(direction, until, 0, [&](int) -> ssize_t {
            outcome = attempt(call);
            if (!outcome.wants(direction)) return 0;
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

// RFC 6125: the name asked for must be the certificate's; RFC 6066 §3: SNI carries names, not addresses.
void TLSSocket::Session::expect_name(const TLSContext::Settings& of) {
    std::string bare = host;
    if (bare.ends_with('.')) bare.pop_back();
    const Address address(bare, 0);
    const bool is_name = address.is_name();
    if (!is_name) bare = address.host().substr(0, address.host().find('%'));
    if (is_name && !bare.empty()) SSL_set_tlsext_host_name(ssl.get(), bare.c_str());
    if (!of.verify) return;
    X509_VERIFY_PARAM* const expected = SSL_get0_param(ssl.get());
    // A name in the subject alone has not counted for long (RFC 9110 §4.3.4, RFC 9525 §2).
    X509_VERIFY_PARAM_set_hostflags(
        expected, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    const int set = is_name ? X509_VERIFY_PARAM_set1_host(expected, bare.c_str(), bare.size())
                            : X509_VERIFY_PARAM_set1_ip_asc(expected, bare.c_str());
    // An empty name would switch the check off.
    if (set != 1 || bare.empty()) {
        throw TLSError(TLSFailure::settings,
                       "cannot start TLS with " + peer + ": '" + host + "' is no name to verify");
    }
}

void TLSSocket::Session::handshake(bool as_client) {
    if (as_client) {
        expect_name(*settings);
        SSL_set_connect_state(ssl.get());
    } else {
        SSL_set_accept_state(ssl.get());
    }
    const auto outcome = run(Direction::read, socket.deadline(), "start TLS with", SSL_do_handshake);
    if (outcome.code != SSL_ERROR_NONE) internal::throw_handshake_error(peer, host, refused, outcome);
}

TLSSocket::TLSSocket(std::unique_ptr<Session> session) noexcept : session_(std::move(session)) {}
TLSSocket::TLSSocket(TLSSocket&&) noexcept = default;

TLSSocket& TLSSocket::operator=(TLSSocket&& other) noexcept {
    if (this != &other) {
        close();
        session_ = std::move(other.session_);
    }
    return *this;
}

TLSSocket::~TLSSocket() { close(); }

TLSSocket::TLSSocket(Socket socket, std::string_view host, const TLSContext& context)
    : session_(std::make_unique<Session>(std::move(socket), host, context)) {
    session_->handshake(true);
}

TLSSocket TLSSocket::accept(Socket socket, const TLSContext& context) {
    auto session = std::make_unique<Session>(std::move(socket), "", context);
    session->handshake(false);
    return TLSSocket(std::move(session));
}

std::size_t TLSSocket::recv_into(std::span<char> buffer) {
    if (buffer.empty()) return 0;
    std::size_t got = 0;
    const auto outcome =
        session_->run(Direction::read, session_->socket.deadline(), "receive from",
                      [&](SSL* ssl) { return SSL_read_ex(ssl, buffer.data(), buffer.size(), &got); });
    if (outcome.code == SSL_ERROR_ZERO_RETURN) return 0;
    if (outcome.code != SSL_ERROR_NONE) internal::throw_stream_error("receive from", session_->peer, outcome);
    return got;
}

std::size_t TLSSocket::send(std::string_view data) {
    if (data.empty()) return 0;
    std::size_t put = 0;
    const auto outcome =
        session_->run(Direction::write, session_->socket.deadline(), "send to",
                      [&](SSL* ssl) { return SSL_write_ex(ssl, data.data(), data.size(), &put); });
    if (outcome.code != SSL_ERROR_NONE) internal::throw_stream_error("send to", session_->peer, outcome);
    return put;
}

void TLSSocket::sendall(std::string_view data) {
    const Timeout limit(session_->socket.deadline());  // of the whole, not of each record
    while (!data.empty()) data.remove_prefix(send(data));
}

void TLSSocket::sendall(std::span<const std::string_view> pieces) {
    const Timeout limit(session_->socket.deadline());
    std::string gathered;
    for (const std::string_view piece : pieces) {
        if (gathered.size() + piece.size() > record_size) {
            sendall(gathered);
            gathered.clear();
        }
        piece.size() >= record_size ? sendall(piece) : void(gathered += piece);
    }
    sendall(gathered);
}

void TLSSocket::shutdown_write() {
    const auto outcome =
        session_->run(Direction::write, session_->socket.deadline(), "end the TLS stream to", [](SSL* ssl) {
            // 0 says that our half is closed and the peer's is not yet: that is what was asked for.
            const int result = SSL_shutdown(ssl);
            return result == 0 ? 1 : result;
        });
    if (outcome.code != SSL_ERROR_NONE)
        internal::throw_stream_error("end the TLS stream to", session_->peer, outcome);
}

void TLSSocket::close() noexcept {
    if (!session_) return;
    // Not under a call of another thread, which would go on with the number of whatever is opened next. That
    // thread lets go before it waits, so this is no long wait either.
    session_->lock.lock_shielded();
    const std::unique_lock holding(session_->lock, std::adopt_lock);
    if (!session_->socket.is_open()) return;
    // Politeness without waiting; a peer that is gone cannot be told.
    if (SSL_is_init_finished(session_->ssl.get()) == 1) {
        session_->wire.fd = session_->socket.fileno();
        ERR_clear_error();
        SSL_shutdown(session_->ssl.get());
        ERR_clear_error();
    }
    session_->socket.close();  // wakes who waits, to be told EBADF
}

void TLSSocket::settimeout(std::optional<std::chrono::nanoseconds> timeout) {
    session_->socket.settimeout(timeout);
}
std::optional<std::chrono::nanoseconds> TLSSocket::gettimeout() const {
    return session_->socket.gettimeout();
}
int TLSSocket::fileno() const noexcept { return session_ ? session_->socket.fileno() : -1; }
std::string TLSSocket::peer_name() const { return session_->peer; }
Socket& TLSSocket::socket() noexcept { return session_->socket; }

bool TLSSocket::readable_now() {
    // The descriptor alone does not tell: session tickets (RFC 8446 §4.6.1) come unasked and are no data.
    char byte;
    std::size_t got = 0;
    const auto outcome = session_->attempt([&](SSL* ssl) { return SSL_peek_ex(ssl, &byte, 1, &got); });
    return !outcome.must_wait();
}

std::string TLSSocket::alpn_protocol() const {
    const unsigned char* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(session_->ssl.get(), &name, &size);
    return std::string(reinterpret_cast<const char*>(name), name != nullptr ? size : 0);
}

std::string TLSSocket::version() const { return SSL_get_version(session_->ssl.get()); }
std::string TLSSocket::cipher() const { return SSL_get_cipher_name(session_->ssl.get()); }

}  // namespace thrum
