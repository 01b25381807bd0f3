// thrum/sockets/internal/tls_sessions.cpp: floor 2, sockets
// The cache of a client's sessions, the ring of a server's keys, and OpenSSL's callbacks for both.
#include <thrum/sockets/internal/tls_sessions.hpp>
#include <thrum/sockets/internal/tls_settings.hpp>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <algorithm>
#include <ctime>
#include <mutex>
#include <new>

namespace thrum::internal {
namespace {

// Sessions that a server keeps for clients without tickets (RFC 5246 §7.4.1.2's session identifiers).
constexpr long server_sessions = 4096;

bool can_be_resumed(const SSL_SESSION* session) noexcept {
    const long age = static_cast<long>(std::time(nullptr)) - SSL_SESSION_get_time(session);
    return SSL_SESSION_is_resumable(session) == 1 && age >= 0 && age < SSL_SESSION_get_timeout(session);
}

bool is_used_once(const SSL_SESSION* session) noexcept {
    return SSL_SESSION_get_protocol_version(session) >= TLS1_3_VERSION;
}

// A new session, in the middle of a handshake or behind it. 1 says that it is ours now.
int note_session(SSL* ssl, SSL_SESSION* session) {
    TLSNotes* const notes = notes_of(ssl);
    if (notes == nullptr) return 0;
    try {
        notes->new_sessions.reserve(notes->new_sessions.size() + 1);
    } catch (const std::bad_alloc&) {
        return 0;
    }
    notes->new_sessions.emplace_back(session);
    return 1;
}

bool sign_with(EVP_MAC_CTX* signing, const TicketKey& key) {
    char digest[] = "SHA256";
    auto* const bytes = const_cast<unsigned char*>(key.signature.data());
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, bytes, key.signature.size()),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0), OSSL_PARAM_construct_end()};
    return EVP_MAC_CTX_set_params(signing, parameters) == 1;
}

// SSL_CTX_set_tlsext_ticket_key_evp_cb(3): 1 goes on, 2 goes on and gives a new ticket, 0 is a full handshake
// (when encrypting: no ticket), negative ends the connection.
int choose_ticket_key(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                      EVP_MAC_CTX* signing, int encrypting) {
    const TLSNotes* const notes = notes_of(ssl);
    if (notes == nullptr || !notes->ticket_keys) return 0;
    const TicketKeys& keys = *notes->ticket_keys;
    if (encrypting == 1) {
        const TicketKey& key = keys.current;
        std::copy(key.name.begin(), key.name.end(), name);
        const bool ready =
            RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) == 1 &&
            EVP_EncryptInit_ex2(cipher, EVP_aes_256_cbc(), key.encryption.data(), iv, nullptr) == 1 &&
            sign_with(signing, key);
        return ready ? 1 : -1;
    }
    const auto matches = [&](const TicketKey& key) {
        return std::equal(key.name.begin(), key.name.end(), name);
    };
    const bool is_current = matches(keys.current);
    if (!is_current && !(keys.previous && matches(*keys.previous))) return 0;
    const TicketKey& key = is_current ? keys.current : *keys.previous;
    if (EVP_DecryptInit_ex2(cipher, EVP_aes_256_cbc(), key.encryption.data(), iv, nullptr) != 1 ||
        !sign_with(signing, key)) {
        return -1;
    }
    // Tickets of TLS 1.3 serve once, so the client is to have the next one.
    return is_current && SSL_version(ssl) < TLS1_3_VERSION ? 1 : 2;
}

std::optional<TicketKey> new_key(std::chrono::steady_clock::time_point now) {
    TicketKey key;
    key.made = now;
    const auto fill = [](auto& bytes) {
        return RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) == 1;
    };
    if (!fill(key.name) || !fill(key.encryption) || !fill(key.signature)) return {};
    return key;
}

}  // namespace

SessionCache::Order::iterator SessionCache::find_or_make(const std::string& host) {
    if (const auto known = by_name_.find(host); known != by_name_.end()) {
        order_.splice(order_.begin(), order_, known->second);
        return known->second;
    }
    order_.push_front(Host{host, {}});
    try {
        by_name_.emplace(order_.front().name, order_.begin());
    } catch (const std::bad_alloc&) {
        order_.pop_front();
        throw;
    }
    return order_.begin();
}

SessionHandle SessionCache::take(const std::string& host) {
    std::vector<SessionHandle> outdated;  // freed without the lock
    const std::scoped_lock guard(lock_);
    const auto known = by_name_.find(host);
    if (known == by_name_.end()) return nullptr;
    order_.splice(order_.begin(), order_, known->second);
    std::vector<SessionHandle>& sessions = known->second->sessions;
    while (!sessions.empty()) {
        SSL_SESSION* const newest = sessions.back().get();
        const bool good = can_be_resumed(newest);
        if (good && !is_used_once(newest)) {
            SSL_SESSION_up_ref(newest);
            return SessionHandle(newest);
        }
        outdated.push_back(std::move(sessions.back()));
        sessions.pop_back();
        if (good) {
            SessionHandle taken = std::move(outdated.back());
            outdated.pop_back();
            return taken;
        }
    }
    return nullptr;
}

void SessionCache::put(const std::string& host, SessionHandle session) noexcept {
    std::vector<SessionHandle> outdated;
    Order forgotten;
    lock_.lock_shielded();
    const std::unique_lock guard(lock_, std::adopt_lock);
    try {
        const auto entry = find_or_make(host);
        std::vector<SessionHandle>& sessions = entry->sessions;
        if (!sessions.empty() && !is_used_once(session.get())) outdated.swap(sessions);
        sessions.push_back(std::move(session));
        if (sessions.size() > sessions_per_host) {
            outdated.push_back(std::move(sessions.front()));
            sessions.erase(sessions.begin());
        }
        if (order_.size() > most_) {
            by_name_.erase(order_.back().name);
            forgotten.splice(forgotten.begin(), order_, std::prev(order_.end()));
        }
    } catch (const std::bad_alloc&) {
        // The next handshake is a full one.
    }
}

std::size_t SessionCache::hosts() {
    const std::scoped_lock guard(lock_);
    return order_.size();
}

std::shared_ptr<const TicketKeys> TicketKeyRing::keys(std::chrono::steady_clock::time_point now) {
    const std::scoped_lock guard(lock_);
    if (keys_ && now - keys_->current.made < ticket_key_life) return keys_;
    const std::optional<TicketKey> made = new_key(now);
    if (!made) return keys_;
    auto next = std::make_shared<TicketKeys>(TicketKeys{*made, {}});
    // Not one that has been left aside for long: its tickets have expired.
    if (keys_ && now - keys_->current.made < 2 * ticket_key_life) next->previous = keys_->current;
    keys_ = std::move(next);
    return keys_;
}

void use_client_sessions(TLSContext::Settings& settings, std::size_t most) {
    SSL_CTX* const context = settings.context.get();
    settings.sessions.set_limit(most);
    if (most == 0) {
        SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
        return;
    }
    // OpenSSL's own cache is searched by servers alone.
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, note_session);
}

void use_tickets(TLSContext::Settings& settings, bool wanted) {
    SSL_CTX* const context = settings.context.get();
    // A session belongs to the context it was made under: another may ask for client certificates, and one
    // that is resumed is not asked again. Without tickets too, for a context chosen by name may be entered
    // from one that gives them.
    std::array<unsigned char, SSL_MAX_SID_CTX_LENGTH> own;
    if (RAND_bytes(own.data(), own.size()) != 1 ||
        SSL_CTX_set_session_id_context(context, own.data(), own.size()) != 1 ||
        SSL_CTX_set_tlsext_ticket_key_evp_cb(context, choose_ticket_key) != 1) {
        throw TLSError(TLSFailure::settings, "cannot make session tickets: " + take_openssl_error());
    }
    SSL_CTX_sess_set_cache_size(context, server_sessions);
    if (wanted) return;
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(context, 0);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
}

}  // namespace thrum::internal
