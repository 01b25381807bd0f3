// thrum/sockets/tls_errors.cpp: floor 2, sockets
// From OpenSSL's codes to sentences: who, what is wrong, what to do.
#include <thrum/base/errors.hpp>
#include <thrum/sockets/internal/tls_settings.hpp>

#include <arpa/inet.h>
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
    "the connection ended in the middle of the handshake; check that the port speaks TLS";

// The result of printing into a memory BIO.
template <class Print>
std::string printed(Print&& print) {
    const std::unique_ptr<BIO, int (*)(BIO*)> bio(BIO_new(BIO_s_mem()), BIO_free);
    if (!bio) return "";
    print(bio.get());
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &data);
    return size > 0 ? std::string(data, static_cast<std::size_t>(size)) : "";
}

std::string name_text(const X509_NAME* name) {
    return printed(
        [&](BIO* bio) { X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB); });
}

std::string time_text(const ASN1_TIME* time) {
    return printed([&](BIO* bio) { ASN1_TIME_print_ex(bio, time, ASN1_DTFLGS_ISO8601); });
}

std::string octets_text(const ASN1_OCTET_STRING& octets) {
    char text[INET6_ADDRSTRLEN] = "";
    const int size = ASN1_STRING_length(&octets);
    if (size == 4 || size == 16)
        ::inet_ntop(size == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(&octets), text, sizeof text);
    return text;
}

// RFC 6125 §6.4: what the certificate says it is for.
std::string names_text(const X509* certificate) {
    const std::unique_ptr<GENERAL_NAMES, void (*)(GENERAL_NAMES*)> names(
        static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)),
        GENERAL_NAMES_free);
    std::string text;
    for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
        const GENERAL_NAME* const name = sk_GENERAL_NAME_value(names.get(), i);
        std::string one;
        if (name->type == GEN_DNS) {
            one.assign(reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName)),
                       static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName)));
        } else if (name->type == GEN_IPADD) {
            one = octets_text(*name->d.iPAddress);
        }
        // A hostile certificate may hold anything: only what a terminal takes is shown.
        for (char& c : one) c = c > ' ' && c < 127 ? c : '?';
        if (one.empty()) continue;
        if (i == names_shown) return text + ", …";
        text += (text.empty() ? "" : ", ") + one;
    }
    return text;
}

struct Sentence {
    TLSFailure failure;
    std::string text;
    std::string advice = {};
};

Sentence describe(const RefusedCertificate& refused, std::string_view host) {
    const std::string whose =
        refused.depth == 0 ? "its certificate" : "the authority's certificate '" + refused.subject + "'";
    const std::string authority =
        "give the authority's certificate as cafile or in SSL_CERT_FILE if you trust it, "
        "or install ca-certificates";
    switch (refused.code) {
        case X509_V_ERR_CERT_HAS_EXPIRED:
            return {TLSFailure::expired, whose + " expired on " + refused.not_after +
                                             "; its owner must renew it (or this machine's clock is wrong)"};
        case X509_V_ERR_CERT_NOT_YET_VALID:
            return {TLSFailure::not_yet_valid,
                    whose + " is not valid before " + refused.not_before + "; check this machine's clock"};
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
            return {TLSFailure::unknown_authority,
                    "its certificate is self-signed ('" + refused.subject + "'), so nobody vouches for it",
                    "give it as cafile or in SSL_CERT_FILE if you trust it"};
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
            return {TLSFailure::unknown_authority,
                    "this machine does not know the authority '" + refused.subject + "'", authority};
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
        case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
            return {TLSFailure::unknown_authority,
                    "this machine does not know the authority '" + refused.issuer + "'", authority};
        default:
            return {TLSFailure::certificate,
                    whose + " is refused: " + X509_verify_cert_error_string(refused.code)};
    }
}

// The error queue's last library-SSL reason, and what it means for a handshake.
Sentence describe_reason(int reason, const std::string& words) {
    switch (reason) {
        case SSL_R_WRONG_VERSION_NUMBER:
        case SSL_R_HTTP_REQUEST:
        case SSL_R_HTTPS_PROXY_REQUEST:
        case SSL_R_BAD_RECORD_TYPE:
        case SSL_R_PACKET_LENGTH_TOO_LONG:
        case SSL_R_ENCRYPTED_LENGTH_TOO_LONG:
        case SSL_R_DATA_LENGTH_TOO_LONG:
        case SSL_R_RECORD_TOO_SMALL:
        case SSL_R_RECORD_LENGTH_MISMATCH:
        case SSL_R_UNEXPECTED_MESSAGE:
        case SSL_R_UNEXPECTED_RECORD:
            return {TLSFailure::not_tls,
                    "it answered garbage instead of a TLS handshake; check the port, or speak without TLS"};
        case SSL_R_UNSUPPORTED_PROTOCOL:
        case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
        case SSL_R_VERSION_TOO_LOW:
        case SSL_R_VERSION_TOO_HIGH:
        case SSL_R_NO_PROTOCOLS_AVAILABLE:
            return {TLSFailure::protocol_version,
                    "no version of TLS in common (1.2 or 1.3 is needed); the older side must be updated"};
        case SSL_R_UNEXPECTED_EOF_WHILE_READING: return {TLSFailure::refused, std::string(ended_early)};
        case SSL_R_NO_APPLICATION_PROTOCOL:
        case SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL:
            return {TLSFailure::refused, "the peer speaks none of the protocols offered (ALPN)"};
        case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
            return {TLSFailure::refused, "it asks for a certificate of ours; give certfile and keyfile"};
        case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
        case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
        case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
        case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
            return {TLSFailure::refused, "the peer refused our certificate (" + words + ")"};
        case SSL_R_TLSV1_UNRECOGNIZED_NAME:
            return {TLSFailure::wrong_host, "the server does not know that name; check the spelling"};
        case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
        case SSL_R_NO_SHARED_CIPHER:
            return {TLSFailure::refused, "no cipher or key in common with the peer (" + words + ")"};
        default: return {TLSFailure::other, words};
    }
}

}  // namespace

int remember_refusal(int verified, X509_STORE_CTX* store) {
    if (verified == 1) return verified;
    const auto* const ssl =
        static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
    auto* const refused = static_cast<RefusedCertificate*>(SSL_get_app_data(ssl));
    const X509* const certificate = X509_STORE_CTX_get_current_cert(store);
    if (refused == nullptr || refused->code != 0) return verified;
    try {
        refused->code = X509_STORE_CTX_get_error(store);
        refused->depth = X509_STORE_CTX_get_error_depth(store);
        if (certificate == nullptr) return verified;
        refused->subject = name_text(X509_get_subject_name(certificate));
        refused->issuer = name_text(X509_get_issuer_name(certificate));
        refused->not_before = time_text(X509_get0_notBefore(certificate));
        refused->not_after = time_text(X509_get0_notAfter(certificate));
        refused->names = names_text(certificate);
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
        const Sentence sentence = describe_reason(ERR_GET_REASON(outcome.reason), words);
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
        const Sentence sentence = describe_reason(ERR_GET_REASON(outcome.reason), words);
        if (sentence.failure == TLSFailure::refused)
            throw TLSError(sentence.failure, what + ": " + sentence.text);
    }
    throw TLSError(TLSFailure::other, what + ": " + words);
}

}  // namespace thrum::internal
