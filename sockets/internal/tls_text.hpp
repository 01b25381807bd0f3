// thrum/sockets/internal/tls_text.hpp: floor 2, sockets
// Certificates as text: for messages, and for TLSCertificate.
#pragma once

#include <thrum/sockets/tls_certificate.hpp>

#include <openssl/x509.h>

#include <string>
#include <vector>

namespace thrum::internal {

std::string name_text(const X509_NAME* name);
std::string time_text(const ASN1_TIME* time);
// RFC 5280 §4.2.1.6: "DNS:example.org", "IP:127.0.0.1", "email:…", "URI:…"; other kinds are left out.
std::vector<std::string> subject_names(const X509* certificate);
TLSCertificate read_certificate(X509* certificate);

}  // namespace thrum::internal
