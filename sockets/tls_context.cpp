// thrum/sockets/tls_context.cpp: floor 2, sockets
// Settings of TLS: versions, trust, own certificates, protocols.
#include <thrum/base/text.hpp>
#include <thrum/sockets/internal/tls_settings.hpp>

#include <openssl/err.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

namespace thrum {
namespace {

using Settings = TLSContext::Settings;

[[noreturn]] void refuse_file(std::string_view what, const std::filesystem::path& path) {
    const std::string reason = internal::take_openssl_error();
    const bool readable = ::access(path.c_str(), R_OK) == 0;
    throw TLSError(TLSFailure::settings,
                   "cannot use " + std::string(what) + " " + path.string() + ": " +
                       (readable ? reason : os_error_message(errno, "it cannot be read")));
}

// RFC 7301 §3.1: each name behind a byte with its length.
std::string wire_format(const std::vector<std::string>& protocols) {
    std::string wire;
    for (const std::string& protocol : protocols) {
        if (protocol.empty() || protocol.size() > 255) {
            throw TLSError(TLSFailure::settings,
                           "'" + protocol + "' is no ALPN protocol: it has 1 to 255 bytes");
        }
        wire += static_cast<char>(protocol.size());
        wire += protocol;
    }
    return wire;
}

std::unique_ptr<SSL_CTX, Settings::Free> make_context(const SSL_METHOD* method) {
    ERR_clear_error();
    std::unique_ptr<SSL_CTX, Settings::Free> context(SSL_CTX_new(method));
    if (!context)
        throw TLSError(TLSFailure::settings, "cannot start OpenSSL: " + internal::take_openssl_error());
    SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
    SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    // Idle connections keep no record buffers; a write that was interrupted may go on from another copy.
    SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                        SSL_MODE_RELEASE_BUFFERS);
    // One system call takes what the kernel has, instead of two for each record.
    SSL_CTX_set_read_ahead(context.get(), 1);
    return context;
}

void use_certificate(SSL_CTX* context, const std::filesystem::path& certfile,
                     const std::filesystem::path& keyfile) {
    if (SSL_CTX_use_certificate_chain_file(context, certfile.c_str()) != 1)
        refuse_file("the certificate", certfile);
    const std::filesystem::path& key = keyfile.empty() ? certfile : keyfile;
    if (SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1) refuse_file("the key", key);
}

// OpenSSL takes any text for folders, which it opens when a certificate is to be verified: one that is not
// there would be a mistrust of everyone. `folders` are separated by ':'; some of a list may be missing.
void trust_folders(SSL_CTX* context, std::string_view what, const std::filesystem::path& folders) {
    const std::vector<std::string_view> list = split(folders.native(), ':');
    const bool any = std::any_of(list.begin(), list.end(), [](std::string_view folder) {
        return !folder.empty() && ::access(std::string(folder).append("/.").c_str(), R_OK | X_OK) == 0;
    });
    if (!any) {
        throw TLSError(TLSFailure::settings, "cannot use " + std::string(what) + " " + folders.string() +
                                                 ": " +
                                                 os_error_message(errno, "it is no folder that can be read"));
    }
    if (SSL_CTX_load_verify_dir(context, folders.c_str()) != 1) refuse_file(what, folders);
}

// openssl-env(7): SSL_CERT_FILE and SSL_CERT_DIR stand in for the paths OpenSSL was built with. Read here, so
// that a file that is not there is an error with a name and not a mistrust of everyone.
void trust_system(SSL_CTX* context) {
    const char* const file = ::secure_getenv("SSL_CERT_FILE");
    const char* const folder = ::secure_getenv("SSL_CERT_DIR");
    if (file == nullptr || *file == '\0') {
        SSL_CTX_set_default_verify_file(context);
    } else if (SSL_CTX_load_verify_file(context, file) != 1) {
        refuse_file("SSL_CERT_FILE", file);
    }
    if (folder == nullptr || *folder == '\0') {
        SSL_CTX_set_default_verify_dir(context);
    } else {
        trust_folders(context, "SSL_CERT_DIR", folder);
    }
    ERR_clear_error();
}

void trust(SSL_CTX* context, const TLSOptions& options) {
    if (options.cafile.empty() && options.capath.empty()) return trust_system(context);
    if (!options.cafile.empty() && SSL_CTX_load_verify_file(context, options.cafile.c_str()) != 1) {
        refuse_file("the file of trusted certificates", options.cafile);
    }
    if (!options.capath.empty()) trust_folders(context, "the folder of trusted certificates", options.capath);
}

// RFC 7301 §3.2: the server chooses; with nothing in common it ends the handshake.
int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* offered,
                    unsigned size, void* own) {
    const auto& alpn = *static_cast<const std::string*>(own);
    unsigned char* chosen = nullptr;
    const int outcome =
        SSL_select_next_proto(&chosen, out_size, reinterpret_cast<const unsigned char*>(alpn.data()),
                              static_cast<unsigned>(alpn.size()), offered, size);
    *out = chosen;
    return outcome == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

}  // namespace

TLSContext::TLSContext(const TLSOptions& options) {
    auto settings = std::make_shared<Settings>();
    settings->alpn = wire_format(options.alpn);
    settings->verify = options.verify;
    settings->context = make_context(TLS_client_method());
    SSL_CTX* const context = settings->context.get();
    SSL_CTX_set_verify(context, options.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE,
                       options.verify ? internal::remember_refusal : nullptr);
    if (options.verify) trust(context, options);
    if (!options.certfile.empty()) use_certificate(context, options.certfile, options.keyfile);
    // 0 is success here, unlike everywhere else in OpenSSL.
    if (!settings->alpn.empty() &&
        SSL_CTX_set_alpn_protos(context, reinterpret_cast<const unsigned char*>(settings->alpn.data()),
                                static_cast<unsigned>(settings->alpn.size())) != 0) {
        throw TLSError(TLSFailure::settings, "cannot offer protocols: " + internal::take_openssl_error());
    }
    settings_ = std::move(settings);
}

TLSContext::TLSContext(const TLSServerOptions& options) {
    auto settings = std::make_shared<Settings>();
    settings->alpn = wire_format(options.alpn);
    settings->verify = false;
    settings->context = make_context(TLS_server_method());
    use_certificate(settings->context.get(), options.certfile, options.keyfile);
    if (!settings->alpn.empty())
        SSL_CTX_set_alpn_select_cb(settings->context.get(), choose_protocol, &settings->alpn);
    settings_ = std::move(settings);
}

const TLSContext& TLSContext::default_client() {
    static const TLSContext context;
    return context;
}

}  // namespace thrum
