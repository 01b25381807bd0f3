// thrum/sockets/tls_certificate.hpp: floor 2, sockets
// TLSCertificate: what a peer's certificate says, as text.
#pragma once

#include <string>
#include <vector>

namespace thrum {

// A certificate (RFC 5280) as values. All of it came from a peer: it may hold any bytes.
struct TLSCertificate {
    std::string subject = {};  // RFC 2253: "CN=example.org,O=Example"
    std::string issuer = {};   // likewise
    std::string serial = {};   // hexadecimal
    std::vector<std::string> names =
        {};                       // subjectAltName: "DNS:example.org", "IP:127.0.0.1", "email:…", "URI:…"
    std::string not_before = {};  // "2020-01-02 00:00:00Z"
    std::string not_after = {};
    std::string der = {};  // the whole certificate, for fingerprints and comparing
};

}  // namespace thrum
