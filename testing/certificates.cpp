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

CertificateAuthority::CertificateAuthority(const std::string& name) : folder_("thrum-ca") {
    const std::string folder = folder_.path().string();
    write_file(folder_ / "index.txt", "");
    write_file(folder_ / "serial", "01\n");
    write_file(folder_ / "ca.conf", "[ca]\ndefault_ca=own\n[own]\ndatabase=" + folder +
                                        "/index.txt\nserial=" + folder + "/serial\nnew_certs_dir=" + folder +
                                        "\ndefault_md=sha256\npolicy=any\nunique_subject=no\nrand_serial="
                                        "no\n[any]\ncommonName=optional\n");
    std::vector<std::string> arguments = new_key(folder_ / "ca.key");
    append(arguments,
           {"-x509", "-days", "3650", "-subj", "/CN=" + name, "-addext", "basicConstraints=critical,CA:TRUE",
            "-addext", "keyUsage=critical,keyCertSign,cRLSign", "-out", certificate().string()});
    openssl(arguments);
}

Certificate CertificateAuthority::issue(const CertificateOptions& options) {
    const std::string stem = "leaf" + std::to_string(++issued_);
    const Certificate made{folder_ / (stem + ".pem"), folder_ / (stem + ".key")};
    std::string names;
    for (const auto& name : options.names) names.append(names.empty() ? "" : ",").append(name);
    const std::filesystem::path extensions = folder_ / (stem + ".ext");
    write_file(extensions, "subjectAltName=" + names +
                               "\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n"
                               "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n");
    const std::filesystem::path request = folder_ / (stem + ".csr");
    std::vector<std::string> arguments = new_key(made.key);
    append(arguments, {"-subj", "/CN=" + stem, "-out", request.string()});
    openssl(arguments);
    arguments = {"ca",
                 "-batch",
                 "-notext",
                 "-config",
                 (folder_ / "ca.conf").string(),
                 "-cert",
                 certificate(),
                 "-keyfile",
                 folder_ / "ca.key",
                 "-in",
                 request,
                 "-extfile",
                 extensions,
                 "-out",
                 made.certificate};
    append(arguments, options.expired ? std::vector<std::string>{"-startdate", "20200101000000Z", "-enddate",
                                                                 "20200102000000Z"}
                                      : std::vector<std::string>{"-days", "3650"});
    openssl(arguments);
    return made;
}

}  // namespace thrum::testing
