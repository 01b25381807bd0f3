// thrum/testing/certificates.hpp: yard, testing
// A certificate authority for tests, made with the openssl command in a temporary folder.
#pragma once

#include <thrum/testing/process.hpp>

#include <filesystem>
#include <string>
#include <vector>

namespace thrum::testing {

struct Certificate {
    std::filesystem::path certificate = {};  // PEM
    std::filesystem::path key = {};          // PEM, without password
};

struct CertificateOptions {
    // As in subjectAltName.
    std::vector<std::string> names = {"DNS:localhost", "IP:127.0.0.1", "IP:::1"};
    bool expired = false;  // valid only for a day in the year 2020
};

// Not thread-safe. Throws Error with openssl's own words when that command fails.
class CertificateAuthority {
public:
    explicit CertificateAuthority(const std::string& name = "thrum test CA");

    // To be trusted: the authority's own certificate, PEM.
    std::filesystem::path certificate() const { return folder_ / "ca.pem"; }
    // A new key and a certificate for it, signed by this authority. The files live as long as the authority.
    Certificate issue(const CertificateOptions& options = {});

private:
    TemporaryDirectory folder_;
    int issued_ = 0;
};

}  // namespace thrum::testing
