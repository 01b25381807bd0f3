// thrum/sockets/tls_error.hpp: floor 2, sockets
// TLSError: why TLS failed, for code that branches and for people.
#pragma once

#include <thrum/base/errors.hpp>

#include <cerrno>
#include <cstddef>
#include <string>
#include <string_view>

namespace thrum {

// Why TLS failed, for code that branches; what() tells people.
enum class TLSFailure {
    other,
    expired,            // a certificate's time is over
    not_yet_valid,      // or has not come, or this machine's clock is wrong
    wrong_host,         // the certificate is for other names; of a server: it serves no such name
    unknown_authority,  // signed by nobody this machine trusts
    self_signed,        // signed by itself alone
    incomplete_chain,   // signed by an authority that says where its certificate is, and did not come along
    revoked,            // taken back by its authority (crlfile)
    certificate,        // refused for another reason
    certificate_required,  // the server asks for a client certificate, and none was given
    not_tls,               // the peer sent something that is no handshake
    plain_http,            // the client sent an HTTP request without TLS
    protocol_version,      // no version in common
    protocol,              // no ALPN protocol in common
    cipher,                // no cipher, group or kind of key in common
    refused,               // the peer ended the handshake with an alert, or by closing
    truncated,             // the stream ended without close_notify: bytes may be missing
    settings,              // a certificate, key or option of our own cannot be used
};

// code() is EPROTO. what() is reason() and, after a semicolon, the advice, which names options of this floor.
class TLSError : public OSError {
public:
    TLSError(TLSFailure failure, const std::string& reason, const std::string& advice = {})
        : OSError(EPROTO, advice.empty() ? reason : reason + "; " + advice),
          failure_(failure),
          reason_size_(reason.size()) {}
    TLSFailure failure() const noexcept { return failure_; }
    // Whether the certificate might be good, but nobody whom this machine trusts vouches for it.
    bool is_untrusted() const noexcept {
        return failure_ == TLSFailure::unknown_authority || failure_ == TLSFailure::self_signed ||
               failure_ == TLSFailure::incomplete_chain;
    }
    // what() without the advice, for floors above, whose options have other names.
    std::string_view reason() const noexcept { return std::string_view(what()).substr(0, reason_size_); }

private:
    TLSFailure failure_;
    std::size_t reason_size_;
};

}  // namespace thrum
