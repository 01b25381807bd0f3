// thrum/sockets/tls_socket.hpp: floor 2, sockets
// TLSSocket: the Stream that encrypts, client and server.
#pragma once

#include <thrum/sockets/socket.hpp>
#include <thrum/sockets/stream.hpp>
#include <thrum/sockets/tls_certificate.hpp>
#include <thrum/sockets/tls_context.hpp>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace thrum {

// A TLS connection over a connected stream Socket that it owns. As every Stream: one thread may receive while
// another sends. The thread is never parked inside OpenSSL, so that fibers share its per-thread state safely.
//
// The end of the stream is told apart from a cut (RFC 8446 §6.1): recv_into() returns 0 after close_notify
// only, and throws TLSError (truncated) otherwise, unless suppress_ragged_eofs says not to.
class TLSSocket final : public Stream {
public:
    // The client's handshake. `host` is the name (or numeric address) that the certificate must be for
    // (RFC 9525: its subjectAltName; a wildcard is one whole leftmost label); it is sent as SNI where it is a
    // name (RFC 6066 §3). A name outside ASCII is given as its A-labels ("xn--…"). The socket's timeout
    // bounds the handshake and stays in force. Throws TLSError naming `host`, what is wrong and what to do;
    // the socket's errors; the socket is closed then.
    TLSSocket(Socket socket, std::string_view host, const TLSContext& context = TLSContext::default_client());
    // The server's handshake; TLSErrors name the client's address. The context's handshake_timeout bounds it
    // too.
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
    // Whether the kernel encrypts what is sent, decrypts what is received (TLSOptions::ktls).
    bool ktls_send() const;
    bool ktls_recv() const;
    // The name that the client asked for (SNI), empty for none.
    std::string server_name() const;
    // Whether the handshake resumed an earlier session.
    bool session_reused() const;
    // The peer's certificate. Nothing where it gave none, or was not asked. It has been verified unless the
    // context says otherwise.
    std::optional<TLSCertificate> getpeercert() const;
    // The peer's certificate and the authorities up to the trusted one, as they were verified. Empty where
    // nothing was, and in a resumed session, which keeps the first of them alone.
    std::vector<TLSCertificate> get_verified_chain() const;
    Socket& socket() noexcept;

private:
    struct Session;
    explicit TLSSocket(std::unique_ptr<Session> session) noexcept;

    std::unique_ptr<Session> session_;
};

}  // namespace thrum
