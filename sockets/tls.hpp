// thrum/sockets/tls.hpp: floor 2, sockets
// TLS over a Socket, on OpenSSL 3: contexts that hold settings and trust, and the Stream that encrypts.
#pragma once

#include <thrum/sockets/tls_certificate.hpp>
#include <thrum/sockets/tls_context.hpp>
#include <thrum/sockets/tls_error.hpp>
#include <thrum/sockets/tls_socket.hpp>
