// thrum/sockets/tls_errors.cpp: floor 2, sockets
// From OpenSSL's codes to sentences: who, what is wrong, what to do.
#include <thrum/base/errors.hpp>
#include <thrum/sockets/internal/tls_settings.hpp>
#include <thrum/sockets/internal/tls_text.hpp>

#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <array>
#include <system_error>

namespace thrum::internal {
namespace {

// Names of a certificate that a message lists before it says "…".
constexpr int names_shown = 8;
constexpr std::string_view ended_early =
    "the connection ended in the middle of the handshake; check that both sides speak TLS";
constexpr std::string_view no_version =
    "no version of TLS in common (1.2 or 1.3 is needed); the older side must be updated";

// What the certificate says it is for.
std::string shown_names(const X509* certificate) {
    std::string text;
    int shown = 0;
    for (const std::string& name : subject_names(certificate)) {
        const bool is_dns = name.starts_with("DNS:");
        if (!is_dns && !name.starts_with("IP:")) continue;
        std::string one = name.substr(name.find(':') + 1);
        // A hostile certificate may hold anything: only what a terminal takes is shown.
        for (char& c : one) c = c > ' ' && c < 127 ? c : '?';
        if (one.empty()) continue;
        if (shown++ == names_shown) return text + ", …";
        text += (text.empty() ? "" : ", ") + one;
    }
    return text;
}

// RFC 5280 §4.2.2.1: whether it says where its issuer's certificate is to be had. Authorities above which
// there is another one write that; an authority of one's own, which signs without such steps, does not.
bool names_issuer(const X509* certificate) {
    const std::unique_ptr<AUTHORITY_INFO_ACCESS, void (*)(AUTHORITY_INFO_ACCESS*)> places(
        static_cast<AUTHORITY_INFO_ACCESS*>(X509_get_ext_d2i(certificate, NID_info_access, nullptr, nullptr)),
        AUTHORITY_INFO_ACCESS_free);
    for (int i = 0; places && i < sk_ACCESS_DESCRIPTION_num(places.get()); ++i) {
        const ACCESS_DESCRIPTION* const place = sk_ACCESS_DESCRIPTION_value(places.get(), i);
        if (OBJ_obj2nid(place->method) == NID_ad_ca_issuers) return true;
    }
    return false;
}

struct Sentence {
    TLSFailure failure;
    std::string text;
    std::string advice = {};
};

// The whole chain's trouble rather than one certificate's.
Sentence describe_authority(const RefusedCertificate& refused, std::string_view host) {
    // A server has its clients' authorities from cafile alone.
    const std::string where = host.empty() ? "as cafile" : "as cafile or in SSL_CERT_FILE";
    const std::string authority = "give the authority's certificate " + where + " if you trust it" +
                                  (host.empty() ? "" : ", or install ca-certificates");
    switch (refused.code) {
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
            return {TLSFailure::self_signed,
                    "its certificate is self-signed ('" + refused.subject + "'), so nobody vouches for it",
                    "give it " + where + " if you trust it"};
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
            return {TLSFailure::unknown_authority,
                    "this machine does not know the authority '" + refused.subject + "'", authority};
        default: break;
    }
    if (refused.names_issuer) {
        return {TLSFailure::incomplete_chain,
                "its chain of certificates is incomplete: the one of '" + refused.issuer +
                    "', which signed '" + refused.subject +
                    "', did not come along and is not known here; its owner must send the whole chain",
                "or give that certificate " + where};
    }
    return {TLSFailure::unknown_authority,
            "this machine does not know the authority '" + refused.issuer + "'", authority};
}

Sentence describe(const RefusedCertificate& refused, std::string_view host) {
    const std::string whose =
        refused.depth == 0 ? "its certificate" : "the authority's certificate '" + refused.subject + "'";
    switch (refused.code) {
        case X509_V_ERR_CERT_HAS_EXPIRED:
            return {TLSFailure::expired, whose + " expired on " + refused.not_after +
                                             "; its owner must renew it (or this machine's clock is wrong)"};
        case X509_V_ERR_CERT_NOT_YET_VALID:
            return {TLSFailure::not_yet_valid,
                    whose + " is not valid before " + refused.not_before + "; check this machine's clock"};
        case X509_V_ERR_CERT_REVOKED:
            return {TLSFailure::revoked, whose + " was revoked by '" + refused.issuer +
                                             "'; trust nobody who shows it, its owner must get another"};
        case X509_V_ERR_UNABLE_TO_GET_CRL:
            return {TLSFailure::certificate, "nobody can tell whether " + whose +
                                                 " was revoked: crlfile has no list of '" + refused.issuer +
                                                 "'; add it"};
        case X509_V_ERR_CRL_HAS_EXPIRED:
            return {TLSFailure::certificate, "nobody can tell whether " + whose +
                                                 " was revoked: the list of '" + refused.issuer +
                                                 "' in crlfile is out of date; fetch a new one"};
        case X509_V_ERR_HOSTNAME_MISMATCH:
        case X509_V_ERR_IP_ADDRESS_MISMATCH:
            if (refused.names.empty()) {
                return {TLSFailure::wrong_host,
                        "its certificate names no host (subjectAltName), and what its subject '" +
                            refused.subject + "' says does not count; its owner must get one for " +
                            std::string(host)};
            }
            return {TLSFailure::wrong_host, "its certificate is for " + refused.names + " and not for " +
                                                std::string(host) +
                                                "; use a name it is for, or check who answers there"};
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
        case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE: return describe_authority(refused, host);
        default:
            return {TLSFailure::certificate,
                    whose + " is refused: " + X509_verify_cert_error_string(refused.code)};
    }
}

// What the peer's alerts say (RFC 8446 §6.2).
Sentence describe_alert(int reason, const std::string& words) {
    switch (reason) {
        case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
            return {TLSFailure::protocol_version, std::string(no_version)};
        case SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL:
            return {TLSFailure::protocol, "the peer speaks none of the protocols offered (ALPN)"};
        case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
            return {TLSFailure::certificate_required,
                    "it asks for a certificate of ours; give certfile and keyfile"};
        case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
        case SSL_R_TLSV1_ALERT_ACCESS_DENIED:
        case SSL_R_TLSV1_ALERT_DECRYPT_ERROR:
        case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
        case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
        case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
        case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
        case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
            return {TLSFailure::refused, "the peer refused our certificate (" + words + ")"};
        case SSL_R_TLSV1_UNRECOGNIZED_NAME:
            return {TLSFailure::wrong_host, "the server does not know that name; check the spelling"};
        case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
        case SSL_R_TLSV1_ALERT_INSUFFICIENT_SECURITY:
            return {TLSFailure::cipher, "no cipher or key in common with the peer (" + words +
                                            "), or it asks for a certificate of ours"};
        default: return {TLSFailure::other, words};
    }
}

// The error queue's first library-SSL reason, and what it means for a handshake.
Sentence describe_reason(int reason, const std::string& words, bool of_client) {
    switch (reason) {
        case SSL_R_HTTP_REQUEST:
        case SSL_R_HTTPS_PROXY_REQUEST:
            return {TLSFailure::plain_http,
                    "it sent a plain HTTP request; it must use https, or another port"};
        case SSL_R_WRONG_VERSION_NUMBER:
        case SSL_R_WRONG_SSL_VERSION:
        case SSL_R_UNKNOWN_PROTOCOL:
        case SSL_R_BAD_RECORD_TYPE:
        case SSL_R_PACKET_LENGTH_TOO_LONG:
        case SSL_R_ENCRYPTED_LENGTH_TOO_LONG:
        case SSL_R_DATA_LENGTH_TOO_LONG:
        case SSL_R_RECORD_TOO_SMALL:
        case SSL_R_RECORD_LENGTH_MISMATCH:
        case SSL_R_LENGTH_MISMATCH:
        case SSL_R_LENGTH_TOO_SHORT:
        case SSL_R_UNEXPECTED_MESSAGE:
        case SSL_R_UNEXPECTED_RECORD:
            return {
                TLSFailure::not_tls,
                of_client
                    ? "it sent garbage instead of a TLS handshake; it must speak TLS to this port"
                    : "it answered garbage instead of a TLS handshake; check the port, or speak without TLS"};
        case SSL_R_UNSUPPORTED_PROTOCOL:
        case SSL_R_VERSION_TOO_LOW:
        case SSL_R_VERSION_TOO_HIGH:
        case SSL_R_NO_PROTOCOLS_AVAILABLE: return {TLSFailure::protocol_version, std::string(no_version)};
        case SSL_R_UNEXPECTED_EOF_WHILE_READING: return {TLSFailure::refused, std::string(ended_early)};
        case SSL_R_NO_APPLICATION_PROTOCOL:
            return {TLSFailure::protocol, "it offers none of our protocols (ALPN)"};
        case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
            return {TLSFailure::certificate_required,
                    "it gave no certificate, which is required here (client_certificates)"};
        case SSL_R_NO_SHARED_CIPHER:
        case SSL_R_NO_SUITABLE_KEY_SHARE:
        case SSL_R_NO_SUITABLE_GROUPS:
        case SSL_R_NO_SHARED_GROUPS:
        case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
        case SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS:
            return {TLSFailure::cipher, "no cipher or key in common with the peer (" + words + ")"};
        default: return describe_alert(reason, words);
    }
}

}  // namespace

int remember_refusal(int verified, X509_STORE_CTX* store) {
    if (verified == 1) return verified;
    // Of the authorities, those without a list are let pass (TLSOptions::crlfile).
    if (X509_STORE_CTX_get_error(store) == X509_V_ERR_UNABLE_TO_GET_CRL &&
        X509_STORE_CTX_get_error_depth(store) > 0) {
        X509_STORE_CTX_set_error(store, X509_V_OK);
        return 1;
    }
    const auto* const ssl =
        static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
    TLSNotes* const notes = notes_of(ssl);
    const X509* const certificate = X509_STORE_CTX_get_current_cert(store);
    if (notes == nullptr || notes->refused.code != 0) return verified;
    RefusedCertificate* const refused = &notes->refused;
    try {
        refused->code = X509_STORE_CTX_get_error(store);
        refused->depth = X509_STORE_CTX_get_error_depth(store);
        if (certificate == nullptr) return verified;
        refused->subject = name_text(X509_get_subject_name(certificate));
        refused->issuer = name_text(X509_get_issuer_name(certificate));
        refused->not_before = time_text(X509_get0_notBefore(certificate));
        refused->not_after = time_text(X509_get0_notAfter(certificate));
        refused->names = shown_names(certificate);
        refused->names_issuer = names_issuer(certificate);
    } catch (const std::bad_alloc&) {
        // C code calls this: the message is poorer, the refusal stands.
    }
    return verified;
}

std::string openssl_words(unsigned long error) {
    if (error == 0) return "no reason given";
    if (const char* const reason = ERR_reason_error_string(error)) return reason;
    std::array<char, 256> text = {};
    ERR_error_string_n(error, text.data(), text.size());
    return text.data();
}

std::string take_openssl_error() {
    const unsigned long error = ERR_peek_last_error();
    ERR_clear_error();
    return openssl_words(error);
}

void throw_handshake_error(std::string_view peer, std::string_view host, const RefusedCertificate& refused,
                           const TLSOutcome& outcome) {
    if (refused.code != 0) {
        const Sentence sentence = describe(refused, host);
        throw TLSError(sentence.failure, "cannot trust " + std::string(peer) + ": " + sentence.text,
                       sentence.advice);
    }
    const std::string what = "cannot start TLS with " + std::string(peer);
    const std::string words = openssl_words(outcome.reason);
    if (ERR_GET_LIB(outcome.reason) == ERR_LIB_SSL) {
        const Sentence sentence = describe_reason(ERR_GET_REASON(outcome.reason), words, host.empty());
        throw TLSError(sentence.failure, what + ": " + sentence.text);
    }
    if (outcome.os_error != 0) throw_os_error(outcome.os_error, what, "check that the port speaks TLS");
    if (outcome.ended) throw TLSError(TLSFailure::refused, what + ": " + std::string(ended_early));
    throw TLSError(TLSFailure::other, what + ": " + words);
}

void throw_stream_error(std::string_view doing, std::string_view peer, const TLSOutcome& outcome) {
    const std::string what = "cannot " + std::string(doing) + " " + std::string(peer);
    const bool from_tls = ERR_GET_LIB(outcome.reason) == ERR_LIB_SSL;
    // TLS's own reason comes first: after it OpenSSL tries to send an alert, and a peer that is gone makes
    // that fail.
    if (outcome.os_error != 0 && !from_tls) throw_os_error(outcome.os_error, what);
    if (from_tls && ERR_GET_REASON(outcome.reason) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
        throw TLSError(TLSFailure::truncated,
                       what +
                           ": the stream is truncated, it ended without TLS's own end mark; "
                           "what came may not be all");
    }
    const std::string words = openssl_words(outcome.reason);
    if (from_tls) {
        // A TLS 1.3 server refuses a client's certificate only after the client's side of the handshake is
        // done.
        const Sentence sentence = describe_alert(ERR_GET_REASON(outcome.reason), words);
        if (sentence.failure == TLSFailure::refused || sentence.failure == TLSFailure::certificate_required)
            throw TLSError(sentence.failure, what + ": " + sentence.text);
    }
    throw TLSError(TLSFailure::other, what + ": " + words);
}

}  // namespace thrum::internal
