// thrum/sockets/tls_context.cpp: floor 2, sockets
// Settings of TLS: versions, trust, own certificates, protocols.
#include <thrum/base/text.hpp>
#include <thrum/sockets/internal/tls_settings.hpp>

#include <openssl/err.h>
#include <openssl/x509.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <new>

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

[[noreturn]] void refuse_ciphers(std::string_view option, const std::string& list) {
    throw TLSError(TLSFailure::settings, "cannot use the " + std::string(option) + " '" + list +
                                             "': " + internal::take_openssl_error() +
                                             "; `openssl ciphers` lists those there are");
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
    SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    // Idle connections keep no record buffers; a write that was interrupted may go on from another copy.
    SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                        SSL_MODE_RELEASE_BUFFERS);
    // One system call takes what the kernel has, instead of two for each record.
    SSL_CTX_set_read_ahead(context.get(), 1);
    return context;
}

struct Password {
    const std::string& text;
    bool was_asked_for = false;
};

int give_password(char* buffer, int size, int, void* own) {
    auto& password = *static_cast<Password*>(own);
    password.was_asked_for = true;
    if (password.text.size() > static_cast<std::size_t>(size)) return -1;
    std::copy(password.text.begin(), password.text.end(), buffer);
    return static_cast<int>(password.text.size());
}

void use_certificate(SSL_CTX* context, const std::filesystem::path& certfile,
                     const std::filesystem::path& keyfile, const std::string& text) {
    if (SSL_CTX_use_certificate_chain_file(context, certfile.c_str()) != 1)
        refuse_file("the certificate", certfile);
    const std::filesystem::path& key = keyfile.empty() ? certfile : keyfile;
    // Without this OpenSSL would ask whoever sits at the terminal.
    Password password{text};
    SSL_CTX_set_default_passwd_cb(context, give_password);
    SSL_CTX_set_default_passwd_cb_userdata(context, &password);
    const bool usable = SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) == 1;
    SSL_CTX_set_default_passwd_cb_userdata(context, nullptr);
    SSL_CTX_set_default_passwd_cb(context, nullptr);
    if (usable) return;
    // A key that was read and is not the certificate's is refused by that library.
    if (!password.was_asked_for || ERR_GET_LIB(ERR_peek_last_error()) == ERR_LIB_X509)
        refuse_file("the key", key);
    ERR_clear_error();
    throw TLSError(TLSFailure::settings,
                   "cannot use the key " + key.string() +
                       (text.empty() ? ": it is encrypted; give its password" : ": the password is wrong"));
}

void use_revocations(SSL_CTX* context, const std::filesystem::path& crlfile) {
    if (crlfile.empty()) return;
    X509_STORE* const store = SSL_CTX_get_cert_store(context);
    X509_LOOKUP* const lookup = X509_STORE_add_lookup(store, X509_LOOKUP_file());
    if (lookup == nullptr || X509_load_crl_file(lookup, crlfile.c_str(), X509_FILETYPE_PEM) < 1)
        refuse_file("the list of revoked certificates", crlfile);
    // remember_refusal() lets the authorities pass of which there is no list.
    X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
}

int number_of(TLSVersion version) { return version == TLSVersion::tls1_2 ? TLS1_2_VERSION : TLS1_3_VERSION; }

// What client and server options share.
template <class Options>
void use_common(Settings& settings, const Options& options) {
    SSL_CTX* const context = settings.context.get();
    if (options.minimum_version > options.maximum_version)
        throw TLSError(TLSFailure::settings, "no version of TLS is left: the minimum is above the maximum");
    SSL_CTX_set_min_proto_version(context, number_of(options.minimum_version));
    SSL_CTX_set_max_proto_version(context, number_of(options.maximum_version));
    if (!options.ciphers.empty() && SSL_CTX_set_cipher_list(context, options.ciphers.c_str()) != 1)
        refuse_ciphers("ciphers", options.ciphers);
    if (!options.ciphersuites.empty() && SSL_CTX_set_ciphersuites(context, options.ciphersuites.c_str()) != 1)
        refuse_ciphers("ciphersuites", options.ciphersuites);
    if (options.suppress_ragged_eofs) SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF);
    if (options.ktls) {
        SSL_CTX_set_options(context, SSL_OP_ENABLE_KTLS);
        // What OpenSSL had read already the kernel could not decrypt.
        SSL_CTX_set_read_ahead(context, 0);
    }
    settings.handshake_timeout = options.handshake_timeout;
    internal::use_keylog(settings, options.keylogfile);
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

void trust(SSL_CTX* context, const std::filesystem::path& cafile, const std::filesystem::path& capath) {
    if (!cafile.empty() && SSL_CTX_load_verify_file(context, cafile.c_str()) != 1)
        refuse_file("the file of trusted certificates", cafile);
    if (!capath.empty()) trust_folders(context, "the folder of trusted certificates", capath);
}

// RFC 8446 §4.2.4: the authorities a server names, so that clients with several certificates can choose.
void name_authorities(SSL_CTX* context, const TLSServerOptions& options) {
    STACK_OF(X509_NAME)* const names = sk_X509_NAME_new_null();
    if (names == nullptr) throw std::bad_alloc();
    if (!options.cafile.empty()) SSL_add_file_cert_subjects_to_stack(names, options.cafile.c_str());
    for (const std::string_view folder : split(options.capath.native(), ':')) {
        if (!folder.empty()) SSL_add_dir_cert_subjects_to_stack(names, std::string(folder).c_str());
    }
    SSL_CTX_set_client_CA_list(context, names);  // takes them
    ERR_clear_error();
}

void ask_for_certificates(Settings& settings, const TLSServerOptions& options) {
    if (options.client_certificates == ClientCertificates::none) return;
    if (options.cafile.empty() && options.capath.empty()) {
        throw TLSError(
            TLSFailure::settings,
            "cannot ask clients for certificates without knowing who may sign them; give cafile or capath");
    }
    SSL_CTX* const context = settings.context.get();
    const bool required = options.client_certificates == ClientCertificates::required;
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | (required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
                       internal::remember_refusal);
    trust(context, options.cafile, options.capath);
    use_revocations(context, options.crlfile);
    name_authorities(context, options);
    settings.verify = true;
}

void serve_names(Settings& settings, const TLSServerOptions& options) {
    settings.refuse_other_names = options.refuse_other_names;
    for (const auto& [name, context] : options.server_names) {
        std::string key;
        for (const char c : name) key += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        if (key.ends_with('.')) key.pop_back();
        settings.server_names.insert_or_assign(std::move(key), context.settings());
    }
    if (!settings.server_names.empty() || settings.refuse_other_names) internal::use_server_names(settings);
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
    SSL_CTX_set_app_data(settings->context.get(), settings.get());
    SSL_CTX* const context = settings->context.get();
    SSL_CTX_set_verify(context, options.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE,
                       options.verify ? internal::remember_refusal : nullptr);
    use_common(*settings, options);
    internal::use_client_sessions(*settings, options.session_cache_size);
    if (options.verify) {
        options.cafile.empty() && options.capath.empty() ? trust_system(context)
                                                         : trust(context, options.cafile, options.capath);
        use_revocations(context, options.crlfile);
    }
    if (!options.certfile.empty())
        use_certificate(context, options.certfile, options.keyfile, options.password);
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
    SSL_CTX* const context = settings->context.get();
    SSL_CTX_set_app_data(context, settings.get());
    SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE);
    use_common(*settings, options);
    internal::use_tickets(*settings, options.tickets);
    use_certificate(context, options.certfile, options.keyfile, options.password);
    ask_for_certificates(*settings, options);
    serve_names(*settings, options);
    if (!settings->alpn.empty()) SSL_CTX_set_alpn_select_cb(context, choose_protocol, &settings->alpn);
    settings_ = std::move(settings);
}

namespace internal {

const TLSContext::Settings& settings_of(const SSL* ssl) noexcept {
    return *static_cast<const TLSContext::Settings*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
}

}  // namespace internal

const TLSContext& TLSContext::default_client() {
    static const TLSContext context;
    return context;
}

}  // namespace thrum
