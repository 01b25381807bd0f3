// thrum/sockets/tls_context.hpp: floor 2, sockets
// TLSContext: versions, trust, own certificates and protocols, which connections share.
#pragma once

#include <thrum/sockets/tls_error.hpp>

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace thrum {

struct TLSServerOptions;

enum class TLSVersion { tls1_2, tls1_3 };

// What a server does about certificates of its clients; Python's CERT_NONE, CERT_OPTIONAL, CERT_REQUIRED.
enum class ClientCertificates {
    none,
    optional,  // one that is given must be trusted
    required,
};

// Hosts whose sessions a client's context remembers, to be resumed; the one unused for longest goes.
inline constexpr std::size_t default_session_cache_size = 256;
// How long a server waits for a client's handshake: who connects and never speaks shall not stay.
inline constexpr std::chrono::nanoseconds default_handshake_timeout = std::chrono::seconds(30);

struct TLSOptions {
    bool verify = true;                   // false: trust anyone, as for a test server
    std::filesystem::path cafile = {};    // PEM certificates to trust instead of the system's
    std::filesystem::path capath = {};    // a folder of them, hashed by `openssl rehash`
    std::filesystem::path certfile = {};  // our own certificate chain (PEM), for servers that ask for one
    std::filesystem::path keyfile = {};   // its key; certfile's where empty
    std::vector<std::string> alpn = {};   // protocols to offer, best first (RFC 7301)
    std::string password = {};            // of the key, where that is encrypted
    // PEM lists of revoked certificates (RFC 5280 §5). The server's certificate must then be covered by one
    // of them; the authorities above it are checked where there is a list.
    std::filesystem::path crlfile = {};
    TLSVersion minimum_version = TLSVersion::tls1_2;
    TLSVersion maximum_version = TLSVersion::tls1_3;
    std::string ciphers = {};       // of TLS 1.2, as openssl-ciphers(1); OpenSSL's own choice where empty
    std::string ciphersuites = {};  // of TLS 1.3, separated by ':'
    std::size_t session_cache_size = default_session_cache_size;  // 0: never resume
    // Where secrets are logged (SSLKEYLOGFILE's format); where empty, what that variable names, if anything.
    std::filesystem::path keylogfile = {};
    // How long the handshake may last; the socket's timeout alone where empty.
    std::optional<std::chrono::nanoseconds> handshake_timeout = {};
    // true: a stream that is cut counts as ended, as Python's option of this name. For peers that never say
    // close_notify, where the protocol above knows its own end.
    bool suppress_ragged_eofs = false;
    // true: the kernel encrypts, where it can (kTLS, Documentation/networking/tls, and an OpenSSL with it);
    // nothing else changes. OpenSSL 3.0 leaves receiving in TLS 1.3 to itself.
    bool ktls = false;
};

// Settings that connections share: TLS 1.2 and 1.3 only, trust, own certificate. Immutable once made, so any
// number of threads may use one at once; it may be destroyed while its connections live. A copy is the same
// context.
//
// A client's context remembers sessions and resumes them (RFC 8446 §2.2, RFC 5077), which saves a round trip
// and the certificates: by name and port, tickets of TLS 1.3 once each, and never those of another context,
// whose trust or own certificate may differ. A server's context gives tickets, under keys that change by
// themselves.
class TLSContext {
public:
    // For clients. Without cafile and capath it trusts what OpenSSL's own store does, which SSL_CERT_FILE and
    // SSL_CERT_DIR replace (openssl-env(7)), both read here. Reading a system's store takes some
    // milliseconds. Throws TLSError naming a file that cannot be used.
    explicit TLSContext(const TLSOptions& options = {});
    // For servers. Throws as above.
    explicit TLSContext(const TLSServerOptions& options);

    // TLSContext() made once for the whole process, at the first use.
    static const TLSContext& default_client();

    // What the implementation keeps; opaque here.
    struct Settings;
    const std::shared_ptr<const Settings>& settings() const noexcept { return settings_; }

private:
    std::shared_ptr<const Settings> settings_;
};

struct TLSServerOptions {
    std::filesystem::path certfile = {};  // certificate chain (PEM), the server's own first
    std::filesystem::path keyfile = {};   // its key; certfile's where empty
    std::vector<std::string> alpn = {};   // protocols to choose from, best first
    std::string password = {};            // of the key, where that is encrypted
    // Contexts for the names that clients ask for (SNI, RFC 6066 §3): "example.org", or "*.example.org" for
    // each one label before it. The chosen one gives certificate, ALPN and what is asked of client
    // certificates; versions and ciphers are those of this one, which also serves who asks for no name, or
    // for another.
    std::map<std::string, TLSContext> server_names = {};
    // true: who asks for a name that is not in server_names is refused (RFC 6066's unrecognized_name).
    bool refuse_other_names = false;
    ClientCertificates client_certificates = ClientCertificates::none;
    std::filesystem::path cafile = {};   // PEM certificates of authorities trusted to sign clients' ones
    std::filesystem::path capath = {};   // a folder of them
    std::filesystem::path crlfile = {};  // as in TLSOptions
    TLSVersion minimum_version = TLSVersion::tls1_2;
    TLSVersion maximum_version = TLSVersion::tls1_3;
    std::string ciphers = {};               // of TLS 1.2; the server's order counts
    std::string ciphersuites = {};          // of TLS 1.3
    bool tickets = true;                    // false: no session is ever resumed
    std::filesystem::path keylogfile = {};  // as in TLSOptions
    std::optional<std::chrono::nanoseconds> handshake_timeout = default_handshake_timeout;
    bool suppress_ragged_eofs = false;  // as in TLSOptions
    bool ktls = false;                  // as in TLSOptions
};

}  // namespace thrum
