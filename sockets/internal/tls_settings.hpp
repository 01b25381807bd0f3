// thrum/sockets/internal/tls_settings.hpp: floor 2, sockets
// What the TLS rooms share and no public header shows: OpenSSL's types behind a context and a connection.
#pragma once

#include <thrum/base/file.hpp>
#include <thrum/sockets/internal/tls_errors.hpp>
#include <thrum/sockets/internal/tls_sessions.hpp>
#include <thrum/sockets/tls_context.hpp>

#include <openssl/ssl.h>

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace thrum {

struct TLSContext::Settings {
    struct Free {
        void operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }
    };
    std::unique_ptr<SSL_CTX, Free> context;
    std::string alpn;  // in the wire format of RFC 7301 §3.1
    bool verify = true;
    std::optional<std::chrono::nanoseconds> handshake_timeout;
    // Of a server: by name in lower case, or "*.example.org".
    std::map<std::string, std::shared_ptr<const Settings>, std::less<>> server_names;
    bool refuse_other_names = false;
    UniqueFd keylog;
    // These two change while connections use the rest; both guard themselves.
    mutable internal::SessionCache sessions;      // of a client
    mutable internal::TicketKeyRing ticket_keys;  // of a server
};

namespace internal {

// What OpenSSL's callbacks about one connection find and leave; the SSL's app data. They run inside OpenSSL,
// under the connection's lock, and must not wait.
struct TLSNotes {
    RefusedCertificate refused;
    std::vector<SessionHandle> new_sessions;        // of a client, to be remembered once out of OpenSSL
    std::shared_ptr<const TicketKeys> ticket_keys;  // of a server, as they were when the handshake began
    std::optional<std::string> asked_name;          // by a client, of a server with several names
    bool is_unknown_name = false;                   // and none is served under it
};

// The connection that OpenSSL calls back about; null for one that is not ours.
inline TLSNotes* notes_of(const SSL* ssl) noexcept { return static_cast<TLSNotes*>(SSL_get_app_data(ssl)); }
// The settings of the context that a connection uses at the moment.
const TLSContext::Settings& settings_of(const SSL* ssl) noexcept;

// The parts of a context, each made by its own room. All throw TLSError.
void use_server_names(TLSContext::Settings& settings);
void use_keylog(TLSContext::Settings& settings, const std::filesystem::path& path);
void use_client_sessions(TLSContext::Settings& settings, std::size_t most);
void use_tickets(TLSContext::Settings& settings, bool wanted);

}  // namespace internal
}  // namespace thrum
