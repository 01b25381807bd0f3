// thrum/sockets/tls_handshake.cpp: floor 2, sockets
// The beginning of a TLS connection: whom it must be with, and what it resumes.
#include <thrum/sockets/address.hpp>
#include <thrum/sockets/internal/tls_connection.hpp>

#include <openssl/x509v3.h>

#include <algorithm>
#include <utility>

namespace thrum {
namespace {

// "443" of "127.0.0.1:443" and of "example.org (127.0.0.1:443)".
std::string_view port_of(std::string_view peer) {
    const std::size_t colon = peer.rfind(':');
    return colon == peer.npos ? peer : peer.substr(colon + 1);
}

bool is_ascii(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<signed char>(c) > 0; });
}

}  // namespace

TLSSocket::Session::Session(Socket connected, std::string_view name, const TLSContext& context)
    : socket(std::move(connected)), settings(context.settings()), host(name) {
    if (socket.is_direct()) socket.make_ordinary();  // OpenSSL's calls go by the number
    peer = socket.peer_name();
    if (settings->sessions.is_used() && !host.empty()) session_key = host + ":" + std::string(port_of(peer));
    if (!host.empty()) peer = host + " (" + peer + ")";
    wire.fd = socket.fileno();
    ERR_clear_error();
    ssl.reset(SSL_new(settings->context.get()));
    if (!ssl)
        throw TLSError(TLSFailure::other,
                       "cannot start TLS with " + peer + ": " + internal::take_openssl_error());
    BIO* const bio = internal::make_wire_bio(wire);
    SSL_set_bio(ssl.get(), bio, bio);  // takes the one reference for both sides
    SSL_set_app_data(ssl.get(), &notes);
}

bool TLSSocket::Session::holds_bytes() {
    const std::scoped_lock holding(lock);
    return SSL_has_pending(ssl.get()) == 1;
}

// RFC 9525: the name asked for must be the certificate's; RFC 6066 §3: SNI carries names, not addresses.
void TLSSocket::Session::expect_name() {
    const auto refuse_host = [this](std::string_view why) {
        throw TLSError(TLSFailure::settings,
                       "cannot start TLS with " + peer + ": '" + host + "' " + std::string(why));
    };
    std::string bare = host;
    if (bare.ends_with('.')) bare.pop_back();
    if (!is_ascii(bare)) refuse_host("is not ASCII; give its A-labels (xn--…, RFC 5890)");
    const Address address(bare, 0);
    const bool is_name = address.is_name();
    if (!is_name) bare = address.host().substr(0, address.host().find('%'));
    if (is_name && !bare.empty()) SSL_set_tlsext_host_name(ssl.get(), bare.c_str());
    if (!settings->verify) return;
    X509_VERIFY_PARAM* const expected = SSL_get0_param(ssl.get());
    // A name in the subject alone has not counted for long (RFC 9110 §4.3.4, RFC 9525 §2).
    X509_VERIFY_PARAM_set_hostflags(
        expected, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    const int set = is_name ? X509_VERIFY_PARAM_set1_host(expected, bare.c_str(), bare.size())
                            : X509_VERIFY_PARAM_set1_ip_asc(expected, bare.c_str());
    // An empty name would switch the check off, and one that begins with a dot would stand for all below it.
    if (set != 1 || bare.empty() || bare.front() == '.') {
        ERR_clear_error();
        refuse_host("is no name to verify");
    }
}

void TLSSocket::Session::refuse(const internal::TLSOutcome& outcome) {
    if (notes.is_unknown_name) {
        throw TLSError(TLSFailure::wrong_host, "cannot start TLS with " + peer + ": it asks for '" +
                                                   notes.asked_name.value_or("?") +
                                                   "', a name that is not served here");
    }
    internal::throw_handshake_error(peer, host, notes.refused, outcome);
}

void TLSSocket::Session::handshake(bool as_client) {
    if (as_client) {
        expect_name();
        if (!session_key.empty()) {
            const internal::SessionHandle session = settings->sessions.take(session_key);
            if (session) SSL_set_session(ssl.get(), session.get());
        }
        SSL_set_connect_state(ssl.get());
    } else {
        notes.ticket_keys = settings->ticket_keys.keys(std::chrono::steady_clock::now());
        SSL_set_accept_state(ssl.get());
    }
    const Deadline own = settings->handshake_timeout ? deadline_after(*settings->handshake_timeout) : never;
    // A client speaks first: where its socket has talked in the clear before and is known to have nothing to
    // read, a run that begins with reading would wait for the peer, who waits for us.
    const auto outcome = run(as_client ? Direction::write : Direction::read, std::min(own, socket.deadline()),
                             "start TLS with", SSL_do_handshake);
    if (outcome.code != SSL_ERROR_NONE) refuse(outcome);
}

void TLSSocket::Session::keep_new_sessions() noexcept {
    for (internal::SessionHandle& session : std::exchange(notes.new_sessions, {})) {
        if (!session_key.empty()) settings->sessions.put(session_key, std::move(session));
    }
}

}  // namespace thrum
