// thrum/sockets/tls.hpp: floor 2, sockets
// TLS over a Socket, on OpenSSL 3: contexts that hold settings and trust, and the Stream that encrypts.
#pragma once

#include <thrum/sockets/socket.hpp>
#include <thrum/sockets/stream.hpp>

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace thrum {

// Why TLS failed, for code that branches; what() tells people.
enum class TLSFailure {
    other,
    expired,            // a certificate's time is over
    not_yet_valid,      // or has not come, or this machine's clock is wrong
    wrong_host,         // the certificate is for other names
    unknown_authority,  // self-signed, or signed by nobody this machine trusts
    certificate,        // refused for another reason
    not_tls,            // the peer answered something that is no handshake
    protocol_version,   // no version in common
    refused,            // the peer ended the handshake with an alert, or by closing
    truncated,          // the stream ended without close_notify: bytes may be missing
    settings,           // a certificate or key file of our own cannot be used
};

// code() is EPROTO. what() is reason() and, after a semicolon, the advice, which names options of this floor.
class TLSError : public OSError {
public:
    TLSError(TLSFailure failure, const std::string& reason, const std::string& advice = {})
        : OSError(EPROTO, advice.empty() ? reason : reason + "; " + advice),
          failure_(failure),
          reason_size_(reason.size()) {}
    TLSFailure failure() const noexcept { return failure_; }
    // what() without the advice, for floors above, whose options have other names.
    std::string_view reason() const noexcept { return std::string_view(what()).substr(0, reason_size_); }

private:
    TLSFailure failure_;
    std::size_t reason_size_;
};

struct TLSOptions {
    bool verify = true;                   // false: trust anyone, as for a test server
    std::filesystem::path cafile = {};    // PEM certificates to trust instead of the system's
    std::filesystem::path capath = {};    // a folder of them, hashed by `openssl rehash`
    std::filesystem::path certfile = {};  // our own certificate chain (PEM), for servers that ask for one
    std::filesystem::path keyfile = {};   // its key; certfile's where empty
    std::vector<std::string> alpn = {};   // protocols to offer, best first (RFC 7301)
};

struct TLSServerOptions {
    std::filesystem::path certfile = {};  // certificate chain (PEM), the server's own first
    std::filesystem::path keyfile = {};   // its key; certfile's where empty
    std::vector<std::string> alpn = {};   // protocols to choose from, best first
};

// Settings that connections share: TLS 1.2 and 1.3 only, trust, own certificate. Immutable once made, so any
// number of threads may use one at once; it may be destroyed while its connections live.
class TLSContext {
public:
    // For clients. Without cafile and capath it trusts what OpenSSL's own store does, which SSL_CERT_FILE and
    // SSL_CERT_DIR replace (openssl-env(7)), both read here. Reading a system's store takes some
    // milliseconds. Throws TLSError naming a file that cannot be used.
    explicit TLSContext(const TLSOptions& options = {});
    // For servers. Throws as above.
    explicit TLSContext(const TLSServerOptions& options);
    TLSContext(TLSContext&&) noexcept = default;
    TLSContext& operator=(TLSContext&&) noexcept = default;

    // TLSContext() made once for the whole process, at the first use.
    static const TLSContext& default_client();

    // What the implementation keeps; opaque here.
    struct Settings;
    const std::shared_ptr<const Settings>& settings() const noexcept { return settings_; }

private:
    std::shared_ptr<const Settings> settings_;
};

// A TLS connection over a connected stream Socket that it owns. As every Stream: one thread may receive while
// another sends. The thread is never parked inside OpenSSL, so that fibers share its per-thread state safely.
//
// The end of the stream is told apart from a cut (RFC 8446 §6.1): recv_into() returns 0 after close_notify
// only, and throws TLSError (truncated) otherwise.
class TLSSocket final : public Stream {
public:
    // The client's handshake. `host` is the name (or numeric address) that the certificate must be for; it is
    // sent as SNI where it is a name (RFC 6066 §3). The socket's timeout bounds the handshake and stays in
    // force. Throws TLSError naming `host`, what is wrong and what to do; the socket's errors; the socket is
    // closed then.
    TLSSocket(Socket socket, std::string_view host, const TLSContext& context = TLSContext::default_client());
    // The server's handshake.
    static TLSSocket accept(Socket socket, const TLSContext& context);

    TLSSocket(TLSSocket&&) noexcept;
    TLSSocket& operator=(TLSSocket&&) noexcept;
    ~TLSSocket() override;

    std::size_t recv_into(std::span<char> buffer) override;
    std::size_t send(std::string_view data) override;
    void sendall(std::string_view data) override;
    // Small pieces share a record.
    void sendall(std::span<const std::string_view> pieces) override;
    // Sends close_notify; receiving goes on.
    void shutdown_write() override;
    // Sends close_notify where that is possible without waiting, then closes the socket.
    void close() noexcept override;

    void settimeout(std::optional<std::chrono::nanoseconds> timeout) override;
    std::optional<std::chrono::nanoseconds> gettimeout() const override;
    int fileno() const noexcept override;
    bool readable_now() override;
    std::string peer_name() const override;

    // The protocol agreed upon by ALPN, empty for none; "TLSv1.3"; "TLS_AES_256_GCM_SHA384".
    std::string alpn_protocol() const;
    std::string version() const;
    std::string cipher() const;
    Socket& socket() noexcept;

private:
    struct Session;
    explicit TLSSocket(std::unique_ptr<Session> session) noexcept;

    std::unique_ptr<Session> session_;
};

}  // namespace thrum
