// thrum/sockets/internal/tls_errors.hpp: floor 2, sockets
// Why calls of OpenSSL failed, taken from it before anyone else uses its thread, and thrown later.
#pragma once

#include <thrum/sockets/tls_error.hpp>
#include <thrum/threads/descriptor.hpp>

#include <openssl/ssl.h>

#include <string>
#include <string_view>

namespace thrum::internal {

// What the verification refused, kept when it happens: OpenSSL drops the chain of a failed handshake.
struct RefusedCertificate {
    int code = 0;  // X509_V_ERR_…
    int depth = 0;
    bool names_issuer = false;  // it says where its issuer's certificate is to be had
    std::string subject;
    std::string issuer;
    std::string not_before;
    std::string not_after;
    std::string names;  // "a.example, 127.0.0.1"
};

// For SSL_CTX_set_verify(); fills the RefusedCertificate of the SSL's TLSNotes.
int remember_refusal(int verified, X509_STORE_CTX* store);

// What one call of OpenSSL came to, with all it left in the places that threads share.
struct TLSOutcome {
    int code = 0;              // SSL_ERROR_…
    unsigned long reason = 0;  // the first entry of the error queue
    int os_error = 0;
    bool ended = false;    // the peer has closed the socket
    bool drained = false;  // it took all the bytes that the kernel had

    bool wants(Direction direction) const noexcept {
        return code == (direction == Direction::read ? SSL_ERROR_WANT_READ : SSL_ERROR_WANT_WRITE);
    }
    bool must_wait() const noexcept { return wants(Direction::read) || wants(Direction::write); }
};

// Throws for a failure of the handshake with `peer`; `host` is the name its certificate should have, empty
// where the peer is a client.
[[noreturn]] void throw_handshake_error(std::string_view peer, std::string_view host,
                                        const RefusedCertificate& refused, const TLSOutcome& outcome);
// Throws for a failure after it: "cannot `doing` `peer`: …".
[[noreturn]] void throw_stream_error(std::string_view doing, std::string_view peer,
                                     const TLSOutcome& outcome);
// What OpenSSL's error queue says last, and empties it.
std::string take_openssl_error();

}  // namespace thrum::internal
