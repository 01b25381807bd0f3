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
    bool expired = false;              // valid only for a day in the year 2020
    bool not_yet_valid = false;        // valid only from the year 2045 on
    std::string usage = "serverAuth";  // extendedKeyUsage
    std::string common_name = {};      // "leaf1" and so on where empty
    std::string extensions = {};       // more lines for the file of extensions, x509v3_config(5)
};

// Not thread-safe. Throws Error with openssl's own words when that command fails.
class CertificateAuthority {
public:
    explicit CertificateAuthority(const std::string& name = "thrum test CA");

    // To be trusted: the authority's own certificate, PEM.
    std::filesystem::path certificate() const { return folder_ / "ca.pem"; }
    // A new key and a certificate for it, signed by this authority. The files live as long as the authority.
    Certificate issue(const CertificateOptions& options = {});
    // An authority under this one, whose own certificate alone is nobody's to trust.
    CertificateAuthority intermediate(const std::string& name);
    // Takes a certificate back. revocations() tells of those taken back before it is called: a list, PEM,
    // good for a month, or out of date already.
    void revoke(const Certificate& certificate);
    std::filesystem::path revocations(bool out_of_date = false);

private:
    CertificateAuthority(const std::string& name, CertificateAuthority* above);
    void sign(const std::filesystem::path& request, const std::filesystem::path& extensions,
              const std::filesystem::path& certificate_file, const CertificateOptions& options);
    std::vector<std::string> own_command() const;

    TemporaryDirectory folder_;
    int issued_ = 0;
};

}  // namespace thrum::testing
