// thrum/sockets/tls_certificate.cpp: floor 2, sockets
// From OpenSSL's certificates to text.
#include <thrum/sockets/internal/tls_text.hpp>

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <memory>

namespace thrum::internal {
namespace {

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

std::string bytes_of(const ASN1_STRING* string) {
    return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)),
            static_cast<std::size_t>(ASN1_STRING_length(string))};
}

std::string address_text(const ASN1_OCTET_STRING* octets) {
    char text[INET6_ADDRSTRLEN] = "";
    const int size = ASN1_STRING_length(octets);
    if (size == 4 || size == 16)
        ::inet_ntop(size == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(octets), text, sizeof text);
    return text;
}

std::string general_name_text(const GENERAL_NAME* name) {
    switch (name->type) {
        case GEN_DNS: return "DNS:" + bytes_of(name->d.dNSName);
        case GEN_IPADD: return "IP:" + address_text(name->d.iPAddress);
        case GEN_EMAIL: return "email:" + bytes_of(name->d.rfc822Name);
        case GEN_URI: return "URI:" + bytes_of(name->d.uniformResourceIdentifier);
        default: return "";
    }
}

std::string serial_text(const X509* certificate) {
    const std::unique_ptr<BIGNUM, void (*)(BIGNUM*)> number(
        ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), nullptr), BN_free);
    char* const digits = number ? BN_bn2hex(number.get()) : nullptr;
    std::string text = digits != nullptr ? digits : "";
    OPENSSL_free(digits);
    return text;
}

std::string der_of(X509* certificate) {
    unsigned char* bytes = nullptr;
    const int size = i2d_X509(certificate, &bytes);
    std::string der(reinterpret_cast<const char*>(bytes), size > 0 ? static_cast<std::size_t>(size) : 0);
    OPENSSL_free(bytes);
    return der;
}

}  // namespace

std::string name_text(const X509_NAME* name) {
    return printed(
        [&](BIO* bio) { X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB); });
}

std::string time_text(const ASN1_TIME* time) {
    return printed([&](BIO* bio) { ASN1_TIME_print_ex(bio, time, ASN1_DTFLGS_ISO8601); });
}

std::vector<std::string> subject_names(const X509* certificate) {
    const std::unique_ptr<GENERAL_NAMES, void (*)(GENERAL_NAMES*)> names(
        static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)),
        GENERAL_NAMES_free);
    std::vector<std::string> texts;
    for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
        std::string text = general_name_text(sk_GENERAL_NAME_value(names.get(), i));
        if (!text.empty()) texts.push_back(std::move(text));
    }
    return texts;
}

TLSCertificate read_certificate(X509* certificate) {
    TLSCertificate read;
    read.subject = name_text(X509_get_subject_name(certificate));
    read.issuer = name_text(X509_get_issuer_name(certificate));
    read.serial = serial_text(certificate);
    read.names = subject_names(certificate);
    read.not_before = time_text(X509_get0_notBefore(certificate));
    read.not_after = time_text(X509_get0_notAfter(certificate));
    read.der = der_of(certificate);
    // A certificate with an odd part leaves words in the queue of whoever calls OpenSSL next.
    ERR_clear_error();
    return read;
}

}  // namespace thrum::internal
