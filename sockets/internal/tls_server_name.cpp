// thrum/sockets/internal/tls_server_name.cpp: floor 2, sockets
// Choosing a server's context by the name asked for (SNI), before anything else of the handshake.
#include <thrum/base/text.hpp>
#include <thrum/sockets/internal/tls_server_name.hpp>
#include <thrum/sockets/internal/tls_settings.hpp>

#include <algorithm>
#include <new>
#include <string_view>

namespace thrum::internal {
namespace {

// RFC 1035 §2.3.4.
constexpr std::size_t longest_name = 255;
constexpr unsigned char host_name_type = 0;

bool may_stand_in_a_name(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

const TLSContext::Settings* find_context(const TLSContext::Settings& settings, std::string_view name) {
    const auto& names = settings.server_names;
    if (const auto exact = names.find(name); exact != names.end()) return exact->second.get();
    const std::size_t dot = name.find('.');
    if (dot == 0 || dot == name.npos) return nullptr;
    const auto wildcard = names.find("*" + std::string(name.substr(dot)));
    return wildcard == names.end() ? nullptr : wildcard->second.get();
}

// Here, and not in OpenSSL's callback for names: that comes after TLS 1.3 has looked at the ticket, and so
// would resume a session of one name under another, past its demand for a client certificate.
int choose_context(SSL* ssl, int* alert, void*) {
    TLSNotes* const notes = notes_of(ssl);
    if (notes == nullptr) return SSL_CLIENT_HELLO_SUCCESS;
    const TLSContext::Settings& settings = settings_of(ssl);
    const unsigned char* body = nullptr;
    std::size_t size = 0;
    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &body, &size) != 1)
        return SSL_CLIENT_HELLO_SUCCESS;
    try {
        const std::optional<std::string> name = parse_server_name({body, size});
        // Again, after a HelloRetryRequest (RFC 8446 §4.1.2): nothing but the key share may have changed.
        if (notes->asked_name) {
            *alert = SSL_AD_ILLEGAL_PARAMETER;
            return name == notes->asked_name ? SSL_CLIENT_HELLO_SUCCESS : SSL_CLIENT_HELLO_ERROR;
        }
        notes->asked_name = name;
        const TLSContext::Settings* const chosen = name ? find_context(settings, *name) : nullptr;
        if (chosen != nullptr) {
            SSL_set_SSL_CTX(ssl, chosen->context.get());
            SSL_set_verify(ssl, SSL_CTX_get_verify_mode(chosen->context.get()), remember_refusal);
        } else if (settings.refuse_other_names) {
            notes->is_unknown_name = true;
            *alert = SSL_AD_UNRECOGNIZED_NAME;
            return SSL_CLIENT_HELLO_ERROR;
        }
    } catch (const std::bad_alloc&) {
        *alert = SSL_AD_INTERNAL_ERROR;
        return SSL_CLIENT_HELLO_ERROR;
    }
    return SSL_CLIENT_HELLO_SUCCESS;
}

}  // namespace

std::optional<std::string> parse_server_name(std::span<const unsigned char> extension) {
    // struct { NameType type; opaque HostName<1..2^16-1>; } ServerName; a list of which has its length before
    // it. There is one type, and one name of it.
    constexpr std::size_t head = 5;
    const auto number = [&](std::size_t at) {
        return static_cast<std::size_t>(extension[at]) << 8 | extension[at + 1];
    };
    if (extension.size() <= head || number(0) != extension.size() - 2 || extension[2] != host_name_type ||
        number(3) != extension.size() - head) {
        return {};
    }
    std::string name(extension.begin() + head, extension.end());
    if (name.ends_with('.')) name.pop_back();
    if (name.empty() || name.size() > longest_name) return {};
    for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    if (!std::all_of(name.begin(), name.end(), may_stand_in_a_name)) return {};
    return name;
}

void use_server_names(TLSContext::Settings& settings) {
    SSL_CTX_set_client_hello_cb(settings.context.get(), choose_context, nullptr);
}

}  // namespace thrum::internal
