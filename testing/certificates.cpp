// thrum/testing/certificates.cpp: yard, testing
// `openssl req` for the authority, `openssl ca` for leaves: it alone takes a start date, which an expired one
// needs.
#include <thrum/base/errors.hpp>
#include <thrum/base/file.hpp>
#include <thrum/testing/certificates.hpp>

namespace thrum::testing {

namespace {

void openssl(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "openssl");
    const CommandResult result = run(arguments);
    if (result.status != 0) throw Error("openssl " + arguments[1] + " failed: " + result.error_output);
}

std::vector<std::string> new_key(const std::filesystem::path& key) {
    return {"req",    "-newkey", "ec",        "-pkeyopt", "ec_paramgen_curve:prime256v1",
            "-nodes", "-keyout", key.string()};
}

void append(std::vector<std::string>& to, const std::vector<std::string>& more) {
    to.insert(to.end(), more.begin(), more.end());
}

}  // namespace

CertificateAuthority::CertificateAuthority(const std::string& name) : CertificateAuthority(name, nullptr) {}

CertificateAuthority::CertificateAuthority(const std::string& name, CertificateAuthority* above)
    : folder_("thrum-ca") {
    const std::string folder = folder_.path().string();
    write_file(folder_ / "index.txt", "");
    write_file(folder_ / "serial", "01\n");
    write_file(folder_ / "crlnumber", "01\n");
    write_file(folder_ / "ca.conf", "[ca]\ndefault_ca=own\n[own]\ndatabase=" + folder +
                                        "/index.txt\nserial=" + folder + "/serial\ncrlnumber=" + folder +
                                        "/crlnumber\nnew_certs_dir=" + folder +
                                        "\ndefault_md=sha256\ndefault_crl_days=30\npolicy=any\n"
                                        "unique_subject=no\nrand_serial=no\n[any]\ncommonName=optional\n");
    std::vector<std::string> arguments = new_key(folder_ / "ca.key");
    if (above == nullptr) {
        append(arguments, {"-x509", "-days", "3650", "-subj", "/CN=" + name, "-addext",
                           "basicConstraints=critical,CA:TRUE", "-addext",
                           "keyUsage=critical,keyCertSign,cRLSign", "-out", certificate().string()});
        openssl(arguments);
        return;
    }
    const std::filesystem::path request = folder_ / "ca.csr";
    append(arguments, {"-subj", "/CN=" + name, "-out", request.string()});
    openssl(arguments);
    write_file(folder_ / "ca.ext",
               "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n"
               "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n");
    above->sign(request, folder_ / "ca.ext", certificate(), {});
}

CertificateAuthority CertificateAuthority::intermediate(const std::string& name) { return {name, this}; }

Certificate CertificateAuthority::issue(const CertificateOptions& options) {
    const std::string stem = "leaf" + std::to_string(++issued_);
    const Certificate made{folder_ / (stem + ".pem"), folder_ / (stem + ".key")};
    std::string names;
    for (const auto& name : options.names) names.append(names.empty() ? "" : ",").append(name);
    const std::filesystem::path extensions = folder_ / (stem + ".ext");
    write_file(extensions, (names.empty() ? "" : "subjectAltName=" + names + "\n") +
                               "basicConstraints=CA:FALSE\nextendedKeyUsage=" + options.usage +
                               "\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n" +
                               options.extensions);
    const std::filesystem::path request = folder_ / (stem + ".csr");
    std::vector<std::string> arguments = new_key(made.key);
    append(arguments, {"-subj", "/CN=" + (options.common_name.empty() ? stem : options.common_name), "-out",
                       request.string()});
    openssl(arguments);
    sign(request, extensions, made.certificate, options);
    return made;
}

void CertificateAuthority::sign(const std::filesystem::path& request, const std::filesystem::path& extensions,
                                const std::filesystem::path& certificate_file,
                                const CertificateOptions& options) {
    std::vector<std::string> arguments = own_command();
    append(arguments, {"-notext", "-in", request, "-extfile", extensions, "-out", certificate_file});
    if (options.expired) {
        append(arguments, {"-startdate", "20200101000000Z", "-enddate", "20200102000000Z"});
    } else if (options.not_yet_valid) {
        append(arguments, {"-startdate", "20450101000000Z", "-enddate", "20450102000000Z"});
    } else {
        append(arguments, {"-days", "3650"});
    }
    openssl(arguments);
}

void CertificateAuthority::revoke(const Certificate& revoked) {
    std::vector<std::string> arguments = own_command();
    append(arguments, {"-revoke", revoked.certificate});
    openssl(arguments);
}

std::filesystem::path CertificateAuthority::revocations(bool out_of_date) {
    const std::filesystem::path list = folder_ / ("crl" + std::to_string(++issued_) + ".pem");
    std::vector<std::string> arguments = own_command();
    append(arguments, {"-gencrl", "-out", list});
    if (out_of_date)
        append(arguments, {"-crl_lastupdate", "20200101000000Z", "-crl_nextupdate", "20200102000000Z"});
    openssl(arguments);
    return list;
}

std::vector<std::string> CertificateAuthority::own_command() const {
    return {"ca",    "-batch",      "-config",  folder_ / "ca.conf",
            "-cert", certificate(), "-keyfile", folder_ / "ca.key"};
}

}  // namespace thrum::testing
