// thrum/sockets/tls_session_test.cpp: floor 2, sockets
#include <thrum/base/file.hpp>
#include <thrum/base/text.hpp>
#include <thrum/sockets/internal/tls_fixture.hpp>
#include <thrum/sockets/internal/tls_sessions.hpp>
#include <thrum/threads/task_group.hpp>

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <set>
#include <string>
#include <vector>

namespace thrum {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using internal::authority;
using internal::client_certificate;
using internal::expect_tls_failure;
using internal::good_certificate;
using internal::OpenSSLServer;
using internal::serving;

TLSOptions client_options() { return {.cafile = authority().certificate()}; }

// A server of our own that sends a word to each client, and waits for its end.
class Greeter {
public:
    explicit Greeter(const TLSServerOptions& options) : context_(options) {
        accepting_ = Thread([this] {
            for (;;) {
                try {
                    TLSSocket client = TLSSocket::accept(listener_.accept().first, context_);
                    client.sendall("word");
                    client.recv_all();
                } catch (const OSError& error) {
                    if (error.code() == EBADF) return;
                }
            }
        });
    }
    ~Greeter() { listener_.close(); }
    Address address() const { return listener_.getsockname(); }
    // The greeting, and whether the connection resumed a session.
    bool resumes(const TLSContext& client, const std::string& host = "localhost") {
        TLSSocket stream(create_connection(address()), host, client);
        EXPECT_EQ(stream.recv(100), "word");
        return stream.session_reused();
    }

private:
    Socket listener_ = create_server({"127.0.0.1", 0});
    TLSContext context_;
    Thread accepting_;
};

// A client resumes its sessions, in both versions, and neither under another name nor in another context.
TEST(TLSSession, ClientsResume) {
    for (const TLSVersion version : {TLSVersion::tls1_2, TLSVersion::tls1_3}) {
        TLSServerOptions server = serving();
        server.maximum_version = version;
        Greeter greeter(server);
        const TLSContext client(client_options());
        EXPECT_FALSE(greeter.resumes(client));
        for (int i = 0; i < 5; ++i) EXPECT_TRUE(greeter.resumes(client)) << i;
        EXPECT_FALSE(greeter.resumes(client, "127.0.0.1")) << "another name has sessions of its own";
        EXPECT_TRUE(greeter.resumes(client, "127.0.0.1"));
        const TLSContext same_settings(client_options());
        EXPECT_FALSE(greeter.resumes(same_settings));
        const TLSContext careless(TLSOptions{.verify = false});
        EXPECT_FALSE(greeter.resumes(careless));
        EXPECT_TRUE(greeter.resumes(careless));
        const TLSContext copy = client;
        EXPECT_TRUE(greeter.resumes(copy)) << "a copy is the same context";
        TLSOptions forgetful = client_options();
        forgetful.session_cache_size = 0;
        const TLSContext never(forgetful);
        for (int i = 0; i < 2; ++i) EXPECT_FALSE(greeter.resumes(never));
    }
}

// What was trusted without looking is not resumed by one who looks: the handshake is a full one and fails.
TEST(TLSSession, VerificationIsNeverSkipped) {
    testing::CertificateAuthority stranger("a stranger");
    const testing::Certificate theirs = stranger.issue();
    Greeter greeter(TLSServerOptions{.certfile = theirs.certificate, .keyfile = theirs.key});
    const TLSContext careless(TLSOptions{.verify = false});
    EXPECT_FALSE(greeter.resumes(careless));
    EXPECT_TRUE(greeter.resumes(careless));
    const TLSContext careful(client_options());
    for (int i = 0; i < 2; ++i) {
        expect_tls_failure(TLSFailure::unknown_authority, {"cannot trust localhost ("},
                           [&] { greeter.resumes(careful); });
    }
}

// CPython's ssl resumes with our server under the same name. Under another, which asks for a client
// certificate, the session opens no door: the handshake is a full one, and fails.
TEST(TLSSession, NamesDoNotShareSessions) {
    for (const TLSVersion version : {TLSVersion::tls1_2, TLSVersion::tls1_3}) {
        TLSServerOptions guarded = serving();
        guarded.client_certificates = ClientCertificates::required;
        guarded.cafile = authority().certificate();
        TLSServerOptions options = serving();
        options.server_names.emplace("guarded.example", TLSContext(guarded));
        options.maximum_version = version;
        const TLSContext context(options);
        Socket listener = create_server({"127.0.0.1", 0});
        testing::Process python(
            {"/usr/bin/python3", "-c",
             "import socket, ssl, sys\n"
             "context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)\n"
             "context.check_hostname = False\n"
             "context.verify_mode = ssl.CERT_NONE\n"
             "def connect(name, session):\n"
             "    stream = context.wrap_socket(socket.create_connection(('127.0.0.1', int(sys.argv[1]))),"
             " server_hostname=name, session=session)\n"
             "    assert stream.recv(100) == b'word'\n"
             "    return stream.session, stream.session_reused\n"
             "session, reused = connect('localhost', None)\n"
             "assert not reused\n"
             "session, reused = connect('localhost', session)\n"
             "assert reused\n"
             "try: connect('guarded.example', session)\n"
             "except ssl.SSLError: pass\n"
             "else: sys.exit('let in')\n",
             std::to_string(listener.getsockname().port())});
        for (const bool reused : {false, true}) {
            TLSSocket client = TLSSocket::accept(listener.accept().first, context);
            EXPECT_EQ(client.session_reused(), reused);
            client.sendall("word");
        }
        expect_tls_failure(TLSFailure::certificate_required, {"gave no certificate"},
                           [&] { TLSSocket::accept(listener.accept().first, context); });
        EXPECT_EQ(python.wait(), 0);
    }
}

// Of TLS 1.3 a ticket serves once; hosts and tickets are bounded, the newest stays.
TEST(TLSSession, CacheIsBounded) {
    internal::SessionCache cache;
    cache.set_limit(3);
    const auto session = [](int version) {
        SSL_SESSION* const made = SSL_SESSION_new();
        SSL_SESSION_set_protocol_version(made, version);
        const unsigned char id[] = {1};
        SSL_SESSION_set1_id(made, id, sizeof id);
        return internal::SessionHandle(made);
    };
    EXPECT_EQ(cache.take("a"), nullptr);
    cache.put("a", session(TLS1_3_VERSION));
    EXPECT_NE(cache.take("a"), nullptr);
    EXPECT_EQ(cache.take("a"), nullptr);
    cache.put("a", session(TLS1_2_VERSION));
    cache.put("a", session(TLS1_2_VERSION));
    const auto first = cache.take("a");
    EXPECT_NE(first, nullptr);
    EXPECT_EQ(cache.take("a"), first) << "TLS 1.2's may be used again";
    for (std::size_t i = 0; i < 2 * internal::sessions_per_host; ++i) cache.put("b", session(TLS1_3_VERSION));
    std::size_t kept = 0;
    while (cache.take("b")) ++kept;
    EXPECT_EQ(kept, internal::sessions_per_host);
    cache.put("c", session(TLS1_2_VERSION));
    EXPECT_NE(cache.take("a"), nullptr);
    cache.put("d", session(TLS1_2_VERSION));
    EXPECT_EQ(cache.hosts(), 3U);
    EXPECT_EQ(cache.take("b"), nullptr);
    EXPECT_NE(cache.take("a"), nullptr) << "used later than b";
    auto expired = session(TLS1_2_VERSION);
    SSL_SESSION_set_time(expired.get(), 1'000'000);
    cache.put("a", std::move(expired));
    EXPECT_EQ(cache.take("a"), nullptr);
}

// Ticket keys change after their life, the one before is still accepted, and long idleness drops both.
TEST(TLSSession, TicketKeysChange) {
    internal::TicketKeyRing ring;
    const auto begin = std::chrono::steady_clock::now();
    const auto first = ring.keys(begin);
    EXPECT_EQ(ring.keys(begin + internal::ticket_key_life - 1s), first);
    const auto second = ring.keys(begin + internal::ticket_key_life);
    EXPECT_NE(second->current.name, first->current.name);
    EXPECT_NE(second->current.encryption, first->current.encryption);
    ASSERT_TRUE(second->previous);
    EXPECT_EQ(second->previous->name, first->current.name);
    const auto third = ring.keys(begin + 10 * internal::ticket_key_life);
    EXPECT_FALSE(third->previous);
}

// OpenSSL's own server counts: many connections, one full handshake, the rest resumed; from many threads too.
TEST(TLSSession, OpenSSLServerSeesThemResumed) {
    for (const char* version : {"-tls1_2", "-tls1_3"}) {
        const testing::TemporaryDirectory folder;
        OpenSSLServer server(good_certificate(), {"-www", version});
        const TLSContext client(client_options());
        int resumed = 0;
        for (int i = 0; i < 6; ++i) {
            TLSSocket stream(create_connection(server.address()), "localhost", client);
            const std::string page = internal::get(stream);
            const bool reused = page.find("\nReused, ") != page.npos;
            EXPECT_EQ(reused, stream.session_reused());
            resumed += reused ? 1 : 0;
        }
        EXPECT_EQ(resumed, 5) << version;
    }
}

// OpenSSL's own client resumes its sessions with our server, by ticket and by TLS 1.2's session identifier.
// (Of TLS 1.3 it leaves before the tickets come; CPython does not, above.)
TEST(TLSSession, ServersResume) {
    const struct {
        std::vector<std::string> options;
        bool tickets;
        int reused;
    } table[] = {{{"-tls1_2"}, true, 5},
                 {{"-tls1_2", "-no_ticket"}, true, 5},

                 {{"-tls1_2"}, false, 0},
                 {{"-tls1_3"}, false, 0}};
    for (const auto& [options, tickets, reused] : table) {
        TLSServerOptions with = serving();
        with.tickets = tickets;
        const TLSContext context(with);
        Socket listener = create_server({"127.0.0.1", 0});
        std::vector<std::string> command = {"openssl", "s_client", "-connect",
                                            listener.getsockname().to_string(), "-reconnect"};
        command.insert(command.end(), options.begin(), options.end());
        int counted = 0;
        Thread serving([&] {
            for (int i = 0; i < 6; ++i) {
                TLSSocket client = TLSSocket::accept(listener.accept().first, context);
                counted += client.session_reused() ? 1 : 0;
                client.recv_all();
            }
        });
        const testing::CommandResult result = testing::run(command);
        serving.join();
        int told = 0;
        for (std::size_t at = 0; (at = result.output.find("Reused, ", at)) != result.output.npos; ++at)
            ++told;
        EXPECT_EQ(counted, reused) << options.front();
        EXPECT_EQ(told, reused);
    }
}

// "LABEL CLIENT_RANDOM SECRET" of each line.
std::set<std::string> logged(const std::filesystem::path& file) {
    std::set<std::string> lines;
    const std::string text = read_file(file);
    for (const std::string_view line : split(text, '\n')) {
        if (!line.empty() && line.front() != '#') lines.emplace(line);
    }
    return lines;
}

class ScopedKeyLog {
public:
    explicit ScopedKeyLog(const std::string& file) { ::setenv("SSLKEYLOGFILE", file.c_str(), 1); }
    ~ScopedKeyLog() { ::unsetenv("SSLKEYLOGFILE"); }
};

// Client and server log the same secrets, and OpenSSL's own programs log those too.
TEST(TLSSession, KeysAreLogged) {
    const testing::TemporaryDirectory folder;
    for (const TLSVersion version : {TLSVersion::tls1_2, TLSVersion::tls1_3}) {
        const std::string suffix = version == TLSVersion::tls1_2 ? "12" : "13";
        TLSServerOptions server = serving();
        server.keylogfile = folder / ("server" + suffix);
        TLSOptions client = client_options();
        client.maximum_version = version;
        client.keylogfile = folder / ("client" + suffix);
        internal::tls_pair(TLSContext(server), TLSContext(client));
        EXPECT_EQ(logged(server.keylogfile), logged(client.keylogfile));
        EXPECT_EQ(logged(client.keylogfile).size(), version == TLSVersion::tls1_2 ? 1U : 5U);
        internal::tls_pair(TLSContext(server), TLSContext(client));
        EXPECT_EQ(logged(client.keylogfile).size(), version == TLSVersion::tls1_2 ? 2U : 10U) << "appended";
        struct stat status = {};
        ASSERT_EQ(::stat(client.keylogfile.c_str(), &status), 0);
        EXPECT_EQ(status.st_mode & 0777U, 0600U);
    }
    {
        const ScopedKeyLog environment(folder / "environment");
        OpenSSLServer server(good_certificate(), {"-www", "-keylogfile", folder / "theirs"});
        TLSSocket stream(create_connection(server.address()), "localhost", TLSContext(client_options()));
        internal::get(stream);
        EXPECT_EQ(logged(folder / "environment"), logged(folder / "theirs"));
        EXPECT_EQ(logged(folder / "environment").size(), 5U);
    }
    {
        const ScopedKeyLog environment("/no/such/folder/keys");
        expect_tls_failure(TLSFailure::settings,
                           {"cannot log keys to /no/such/folder/keys (SSLKEYLOGFILE): No such"},
                           [] { TLSContext context; });
    }
    expect_tls_failure(TLSFailure::settings, {"cannot log keys to /no/keys: No such"},
                       [] { TLSContext context(TLSOptions{.keylogfile = "/no/keys"}); });
}

}  // namespace
}  // namespace thrum
