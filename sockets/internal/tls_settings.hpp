// thrum/sockets/internal/tls_settings.hpp: floor 2, sockets
// What the TLS rooms share and no public header shows: OpenSSL's types, and the reasons for failures.
#pragma once

#include <thrum/sockets/tls.hpp>

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <string_view>

namespace thrum {

struct TLSContext::Settings {
    struct Free {
        void operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }
    };
    std::unique_ptr<SSL_CTX, Free> context;
    std::string alpn;  // in the wire format of RFC 7301 §3.1
    bool verify = true;
};

namespace internal {

// What the verification refused, kept when it happens: OpenSSL drops the chain of a failed handshake.
struct RefusedCertificate {
    int code = 0;  // X509_V_ERR_…
    int depth = 0;
    std::string subject;
    std::string issuer;
    std::string not_before;
    std::string not_after;
    std::string names;  // "DNS a.example, IP 127.0.0.1"
};

// For SSL_CTX_set_verify(); fills the RefusedCertificate that is the SSL's app data.
int remember_refusal(int verified, X509_STORE_CTX* store);

// The bytes between OpenSSL and a descriptor. OpenSSL's own socket BIO raises SIGPIPE, this one does not.
struct Wire {
    int fd = -1;
    int error = 0;       // errno of the last call that failed for good
    bool ended = false;  // the peer has closed
};
// A BIO over `wire`, which must outlive it.
BIO* make_wire_bio(Wire& wire);

// What one call of OpenSSL came to, with all it left in the places that threads share.
struct TLSOutcome {
    int code = 0;              // SSL_ERROR_…
    unsigned long reason = 0;  // the first entry of the error queue
    int os_error = 0;
    bool ended = false;  // the peer has closed the socket

    bool wants(Direction direction) const noexcept {
        return code == (direction == Direction::read ? SSL_ERROR_WANT_READ : SSL_ERROR_WANT_WRITE);
    }
    bool must_wait() const noexcept { return wants(Direction::read) || wants(Direction::write); }
};

// Throws for a failure of the handshake with `peer`; `host` is the name its certificate should have.
[[noreturn]] void throw_handshake_error(std::string_view peer, std::string_view host,
                                        const RefusedCertificate& refused, const TLSOutcome& outcome);
// Throws for a failure after it: "cannot `doing` `peer`: …".
[[noreturn]] void throw_stream_error(std::string_view doing, std::string_view peer,
                                     const TLSOutcome& outcome);
// What OpenSSL's error queue says last, and empties it.
std::string take_openssl_error();

}  // namespace internal
}  // namespace thrum
