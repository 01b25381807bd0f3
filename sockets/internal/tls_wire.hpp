// thrum/sockets/internal/tls_wire.hpp: floor 2, sockets
// The bytes between OpenSSL and a descriptor.
#pragma once

#include <openssl/bio.h>

namespace thrum::internal {

// OpenSSL's own socket BIO raises SIGPIPE, this one does not.
struct Wire {
    int fd = -1;
    int error = 0;         // errno of the last call that failed for good
    bool ended = false;    // the peer has closed
    bool drained = false;  // the last read took all that the kernel had
    // Once the kernel encrypts (kTLS): OpenSSL's own BIO of the same descriptor, which knows its ways. The
    // BIO's.
    BIO* kernel = nullptr;
    bool is_control = false;  // what is written next is no data: an alert, or a part of a handshake
};
// A BIO over `wire`, which must outlive it.
BIO* make_wire_bio(Wire& wire);

}  // namespace thrum::internal
