// thrum/sockets/tls_socket.cpp: floor 2, sockets
// The Stream that encrypts: each call tries OpenSSL, and parks outside of it for what OpenSSL wants.
#include <thrum/sockets/internal/tls_connection.hpp>
#include <thrum/sockets/internal/tls_text.hpp>

#include <mutex>

namespace thrum {
namespace {

// RFC 8446 §5.1: a record holds at most this many bytes.
constexpr std::size_t record_size = 16 * 1024;

}  // namespace

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

std::string TLSSocket::server_name() const {
    const char* const name = SSL_get_servername(session_->ssl.get(), TLSEXT_NAMETYPE_host_name);
    return name != nullptr ? name : "";
}

bool TLSSocket::ktls_send() const { return BIO_get_ktls_send(SSL_get_wbio(session_->ssl.get())); }
bool TLSSocket::ktls_recv() const { return BIO_get_ktls_recv(SSL_get_rbio(session_->ssl.get())); }

bool TLSSocket::session_reused() const { return SSL_session_reused(session_->ssl.get()) == 1; }

std::optional<TLSCertificate> TLSSocket::getpeercert() const {
    X509* const certificate = SSL_get0_peer_certificate(session_->ssl.get());
    if (certificate == nullptr) return {};
    return internal::read_certificate(certificate);
}

std::vector<TLSCertificate> TLSSocket::get_verified_chain() const {
    std::vector<TLSCertificate> chain;
    STACK_OF(X509)* const verified = SSL_get0_verified_chain(session_->ssl.get());
    for (int i = 0; verified != nullptr && i < sk_X509_num(verified); ++i)
        chain.push_back(internal::read_certificate(sk_X509_value(verified, i)));
    return chain;
}

}  // namespace thrum
