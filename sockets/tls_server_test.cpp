// thrum/sockets/tls_server_test.cpp: floor 2, sockets
#include <thrum/base/file.hpp>
#include <thrum/sockets/internal/tls_fixture.hpp>
#include <thrum/sockets/internal/tls_server_name.hpp>
#include <thrum/threads/deadline.hpp>

#include <gtest/gtest.h>

#include <functional>
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
using internal::serving;
using internal::tls_pair;

// What a handshake over TCP came to at each end: nothing, or the error.
struct Outcomes {
    std::optional<TLSError> server;
    std::optional<TLSError> client;
    std::optional<TLSCertificate> client_certificate;
    std::vector<TLSCertificate> client_chain;
};

Outcomes shake_hands(const TLSContext& server, const TLSOptions& client,
                     const std::string& host = "localhost") {
    Outcomes outcomes;
    Socket listener = create_server({"127.0.0.1", 0});
    Thread serving([&] {
        try {
            TLSSocket accepted = TLSSocket::accept(listener.accept().first, server);
            outcomes.client_certificate = accepted.getpeercert();
            outcomes.client_chain = accepted.get_verified_chain();
            accepted.sendall("served");
        } catch (const TLSError& error) {
            outcomes.server = error;
        } catch (const ConnectionError&) {
            // The client left in the middle of it.
        }
    });
    try {
        TLSSocket connected(create_connection(listener.getsockname()), host, TLSContext(client));
        EXPECT_EQ(connected.recv(100), "served");
    } catch (const TLSError& error) {
        outcomes.client = error;
    }
    serving.join();
    return outcomes;
}

void expect_error(const std::optional<TLSError>& error, TLSFailure failure, const std::string& says) {
    ASSERT_TRUE(error.has_value()) << says;
    EXPECT_EQ(error->failure(), failure) << error->what();
    EXPECT_NE(std::string(error->what()).find(says), std::string::npos) << error->what();
}

TLSOptions trusting_options() { return {.cafile = authority().certificate()}; }

// Each name gets its own certificate, exact names before wildcards, and who asks for none gets the server's
// own.
TEST(TLSServer, NamesChooseTheContext) {
    const auto context_for = [](const std::string& name) {
        const testing::Certificate made = authority().issue({.names = {"DNS:" + name}, .common_name = name});
        return TLSContext(
            TLSServerOptions{.certfile = made.certificate, .keyfile = made.key, .alpn = {name}});
    };
    TLSServerOptions options = serving();
    options.server_names.emplace("a.example", context_for("a.example"));
    options.server_names.emplace("*.b.example", context_for("*.b.example"));
    options.server_names.emplace("C.b.Example.", context_for("c.b.example"));
    const TLSContext server(options);
    const struct {
        const char* host;
        const char* certificate;
    } table[] = {
        {"a.example", "CN=a.example"},     {"A.EXAMPLE", "CN=a.example"}, {"x.b.example", "CN=*.b.example"},
        {"c.b.example", "CN=c.b.example"}, {"b.example", "CN=good"},      {"x.y.b.example", "CN=good"},
        {"other.example", "CN=good"},      {"127.0.0.1", "CN=good"},      {"xa.example", "CN=good"}};
    const TLSContext careless(
        TLSOptions{.verify = false, .alpn = {"a.example", "*.b.example", "c.b.example"}});
    for (const auto& [host, certificate] : table) {
        auto [accepted, connected] = tls_pair(server, careless, host);
        EXPECT_EQ(connected.getpeercert()->subject, certificate) << host;
        if (certificate != "CN=good"s) {
            EXPECT_EQ("CN=" + connected.alpn_protocol(), certificate) << "ALPN is the chosen context's";
        }
        EXPECT_EQ(accepted.server_name(), host == "127.0.0.1"s ? "" : host);
    }
    // Verified for the name asked for, and by OpenSSL's own client.
    auto [accepted, connected] = tls_pair(server, internal::trusting(), "a.example");
    EXPECT_EQ(connected.getpeercert()->names, std::vector<std::string>{"DNS:a.example"});
}

// A server that refuses other names says which one, and the client is told.
TEST(TLSServer, OtherNamesCanBeRefused) {
    TLSServerOptions options = serving();
    options.server_names.emplace("localhost", TLSContext(serving()));
    options.refuse_other_names = true;
    const TLSContext server(options);
    EXPECT_FALSE(shake_hands(server, trusting_options()).client);
    EXPECT_FALSE(shake_hands(server, trusting_options(), "127.0.0.1").server)
        << "who asks for no name is served";
    const Outcomes refused = shake_hands(server, {.verify = false}, "secret.example");
    expect_error(refused.server, TLSFailure::wrong_host, "'secret.example', a name that is not served here");
    expect_error(refused.client, TLSFailure::wrong_host, "does not know that name");
}

// The name that a client asks for is taken from well-formed extensions alone.
TEST(TLSServer, ServerNameExtensions) {
    const struct {
        std::string body;
        std::optional<std::string> name;
    } table[] = {
        {"\x00\x0e\x00\x00\x0b"
         "Example.org"s,
         "example.org"},
        {"\x00\x05\x00\x00\x02"
         "a."s,
         "a"},
        {"\x00\x04\x00\x00\x01."s, {}},
        {"\x00\x03\x00\x00\x00"s, {}},
        {"", {}},
        {"\x00"s, {}},
        {"\x00\x04\x00\x00"s, {}},
        {"\x00\x05\x00\x00\x01"
         "a"s,
         {}},
        {"\x00\x04\x00\x00\x02"
         "a"s,
         {}},
        {"\x00\x04\x01\x00\x01"
         "a"s,
         {}},
        {"\x00\x06\x00\x00\x03"
         "a\0b"s,
         {}},
        {"\x00\x06\x00\x00\x03"
         "a*b"s,
         {}},
        {"\x01\x03\x00\x01\x00"s + std::string(256, 'a'), {}},
        {"\x01\x02\x00\x00\xff"s + std::string(255, 'a'), std::string(255, 'a')},
    };
    for (const auto& [body, name] : table) {
        const auto* const bytes = reinterpret_cast<const unsigned char*>(body.data());
        EXPECT_EQ(internal::parse_server_name({bytes, body.size()}), name) << body;
    }
}

// None, optional and required certificates of clients, and what a server reads of them.
TEST(TLSServer, ClientCertificates) {
    testing::CertificateAuthority stranger("a stranger");
    testing::CertificateAuthority middle = authority().intermediate("thrum middle CA");
    const testing::Certificate by_stranger = stranger.issue({.usage = "clientAuth"});
    const testing::Certificate below = middle.issue({.usage = "clientAuth", .common_name = "bob"});
    testing::TemporaryDirectory folder;
    write_file(folder / "chain.pem", read_file(below.certificate) + read_file(middle.certificate()));
    const testing::Certificate chain{folder / "chain.pem", below.key};
    const testing::Certificate expired = authority().issue({.expired = true, .usage = "clientAuth"});
    const testing::Certificate none;
    const struct {
        ClientCertificates asked;
        const testing::Certificate& given;
        std::optional<TLSFailure> failure;
        const char* says;  // the error, or the subject
    } table[] = {
        {ClientCertificates::none, client_certificate(), {}, ""},
        {ClientCertificates::optional, none, {}, ""},
        {ClientCertificates::optional, client_certificate(), {}, "CN=ada"},
        {ClientCertificates::optional, by_stranger, TLSFailure::unknown_authority, "'CN=a stranger'"},
        {ClientCertificates::required, none, TLSFailure::certificate_required, "gave no certificate"},
        {ClientCertificates::required, client_certificate(), {}, "CN=ada"},
        {ClientCertificates::required, chain, {}, "CN=bob"},
        {ClientCertificates::required, by_stranger, TLSFailure::unknown_authority, "'CN=a stranger'"},
        {ClientCertificates::required, expired, TLSFailure::expired, "expired on 2020-01-02"},
        {ClientCertificates::required, good_certificate(), TLSFailure::certificate, "purpose"},
    };
    for (const TLSVersion version : {TLSVersion::tls1_2, TLSVersion::tls1_3}) {
        for (const auto& [asked, given, failure, says] : table) {
            TLSServerOptions options = serving();
            options.client_certificates = asked;
            options.cafile = authority().certificate();
            options.maximum_version = version;
            TLSOptions client = trusting_options();
            client.certfile = given.certificate;
            client.keyfile = given.key;
            const Outcomes outcomes = shake_hands(TLSContext(options), client);
            EXPECT_EQ(outcomes.client.has_value(), failure.has_value()) << says;
            if (failure) {
                expect_error(outcomes.server, *failure, says);
                expect_error(outcomes.server, *failure, "127.0.0.1:");
                continue;
            }
            ASSERT_FALSE(outcomes.server) << outcomes.server->what();
            EXPECT_EQ(outcomes.client_certificate ? outcomes.client_certificate->subject : "", says);
            const bool by_middle = says == "CN=bob"s;
            EXPECT_EQ(outcomes.client_chain.size(), *says == '\0' ? 0U : by_middle ? 3U : 2U);
            if (!outcomes.client_chain.empty()) {
                EXPECT_EQ(outcomes.client_chain.back().subject, "CN=thrum sockets test CA");
            }
        }
    }
    // The client is told why: TLS 1.3 has an alert for it.
    TLSServerOptions options = serving();
    options.client_certificates = ClientCertificates::required;
    options.cafile = authority().certificate();
    expect_error(shake_hands(TLSContext(options), trusting_options()).client,
                 TLSFailure::certificate_required, "give certfile and keyfile");
    options.cafile.clear();
    expect_tls_failure(TLSFailure::settings, {"without knowing who may sign them; give cafile or capath"},
                       [&] { TLSContext context(options); });
}

// What a peer's certificate says can be read.
TEST(TLSServer, CertificatesAsText) {
    auto [accepted, connected] = tls_pair();
    EXPECT_FALSE(accepted.getpeercert());
    const TLSCertificate certificate = connected.getpeercert().value();
    EXPECT_EQ(certificate.subject, "CN=good");
    EXPECT_EQ(certificate.issuer, "CN=thrum sockets test CA");
    EXPECT_EQ(certificate.names, (std::vector<std::string>{"DNS:localhost", "IP:127.0.0.1", "IP:::1"}));
    EXPECT_EQ(certificate.not_after.size(), "2020-01-02 00:00:00Z"s.size()) << certificate.not_after;
    const std::string text =
        testing::run({"openssl", "x509", "-in", good_certificate().certificate, "-noout", "-serial"}).output;
    EXPECT_EQ("serial=" + certificate.serial + "\n", text);
    EXPECT_EQ(connected.get_verified_chain().size(), 2U);
    EXPECT_EQ(connected.get_verified_chain().front().der, certificate.der);
}

// Versions and ciphers are as the options say, and too little in common is told at both ends.
TEST(TLSServer, VersionsAndCiphers) {
    const auto with = [](const std::function<void(TLSServerOptions&)>& set) {
        TLSServerOptions options = serving();
        set(options);
        return TLSContext(options);
    };
    const auto only = [](TLSVersion version) {
        TLSOptions options = trusting_options();
        options.minimum_version = options.maximum_version = version;
        return options;
    };
    {
        auto [accepted, connected] = tls_pair(TLSContext(serving()), TLSContext(only(TLSVersion::tls1_2)));
        EXPECT_EQ(connected.version(), "TLSv1.2");
    }
    Outcomes outcomes =
        shake_hands(with([](auto& o) { o.minimum_version = TLSVersion::tls1_3; }), only(TLSVersion::tls1_2));
    expect_error(outcomes.server, TLSFailure::protocol_version, "no version of TLS in common");
    expect_error(outcomes.client, TLSFailure::protocol_version, "no version of TLS in common");
    {
        TLSOptions client = trusting_options();
        client.ciphersuites = "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256";
        const TLSContext server = with([](auto& o) {
            o.ciphersuites = "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256";
        });
        auto [accepted, connected] = tls_pair(server, TLSContext(client));
        EXPECT_EQ(connected.cipher(), "TLS_CHACHA20_POLY1305_SHA256") << "the server's order counts";
    }
    {
        TLSOptions client = only(TLSVersion::tls1_2);
        client.ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256";
        outcomes = shake_hands(with([](auto& o) { o.ciphers = "ECDHE-ECDSA-AES256-GCM-SHA384"; }), client);
        expect_error(outcomes.server, TLSFailure::cipher, "no cipher or key in common");
        expect_error(outcomes.client, TLSFailure::cipher, "no cipher or key in common");
    }
    outcomes = shake_hands(with([](auto& o) { o.alpn = {"h2"}; }),
                           {.cafile = authority().certificate(), .alpn = {"http/1.1"}});
    expect_error(outcomes.server, TLSFailure::protocol, "none of our protocols");
    expect_error(outcomes.client, TLSFailure::protocol, "none of the protocols offered");
    expect_tls_failure(TLSFailure::settings, {"cannot use the ciphers 'nonsense'"},
                       [&] { with([](auto& o) { o.ciphers = "nonsense"; }); });
    expect_tls_failure(TLSFailure::settings, {"cannot use the ciphersuites 'nonsense'"},
                       [&] { with([](auto& o) { o.ciphersuites = "nonsense"; }); });
    expect_tls_failure(TLSFailure::settings, {"the minimum is above the maximum"}, [] {
        TLSContext(TLSOptions{.minimum_version = TLSVersion::tls1_3, .maximum_version = TLSVersion::tls1_2});
    });
}

// A key with a password needs that password, and nobody is asked for it at the terminal.
TEST(TLSServer, EncryptedKeys) {
    testing::TemporaryDirectory folder;
    for (const char* form : {"pkcs8", "ec"}) {
        const std::string key = folder / "key.pem";
        ASSERT_EQ(testing::run({"openssl", form, form == "ec"s ? "-aes256" : "-topk8", "-in",
                                good_certificate().key, "-out", key, "-passout", "pass:open sesame"})
                      .status,
                  0);
        TLSServerOptions options = serving();
        options.keyfile = key;
        options.password = "open sesame";
        tls_pair(TLSContext(options));
        options.password = "open wheat";
        expect_tls_failure(TLSFailure::settings, {"cannot use the key " + key + ": the password is wrong"},
                           [&] { TLSContext context(options); });
        options.password.clear();
        expect_tls_failure(TLSFailure::settings, {"it is encrypted; give its password"},
                           [&] { TLSContext context(options); });
        options.password = std::string(5000, 'x');
        expect_tls_failure(TLSFailure::settings, {"the password is wrong"},
                           [&] { TLSContext context(options); });
    }
}

// Whatever comes instead of a handshake is told by its kind, with the client's address.
TEST(TLSServer, NoHandshake) {
    const struct {
        std::string sent;
        bool ends;
        TLSFailure failure;
        const char* says;
    } table[] = {
        {"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", false, TLSFailure::plain_http, "a plain HTTP request"},
        {"POST / HTTP/1.1\r\n", false, TLSFailure::plain_http, "a plain HTTP request"},
        {"SSH-2.0-OpenSSH_9.2\r\n", false, TLSFailure::not_tls, "it sent garbage"},
        {std::string(100, '\0'), false, TLSFailure::not_tls, "it sent garbage"},
        {std::string(100, '\xff'), false, TLSFailure::not_tls, "it sent garbage"},
        {"\x16\x03\x01\x00\x05hello"s, false, TLSFailure::not_tls, "it sent garbage"},
        {"", true, TLSFailure::refused, "ended in the middle of the handshake"},
        {"\x16\x03\x01\x02\x00\x01"s, true, TLSFailure::refused, "ended in the middle of the handshake"},
    };
    const TLSContext context(serving());
    Socket listener = create_server({"127.0.0.1", 0});
    for (const auto& [sent, ends, failure, says] : table) {
        Socket client = create_connection(listener.getsockname());
        client.sendall(sent);
        if (ends) client.shutdown_write();
        expect_tls_failure(failure,
                           {"cannot start TLS with " + client.getsockname().to_string() + ": ", says},
                           [&] { TLSSocket::accept(listener.accept().first, context); });
    }
    // Older than what is spoken here.
    testing::Process old({"openssl", "s_client", "-connect", listener.getsockname().to_string(), "-tls1_1",
                          "-cipher", "DEFAULT@SECLEVEL=0"});
    expect_tls_failure(TLSFailure::protocol_version, {"no version of TLS in common"},
                       [&] { TLSSocket::accept(listener.accept().first, context); });
    EXPECT_NE(old.wait(), 0);
}

// Who never speaks is left after handshake_timeout, the socket's own timeout, or the deadline in force.
TEST(TLSServer, SilentClients) {
    TLSServerOptions options = serving();
    EXPECT_EQ(options.handshake_timeout, default_handshake_timeout);
    options.handshake_timeout = 20ms;
    Socket listener = create_server({"127.0.0.1", 0});
    const auto accept = [&](std::optional<std::chrono::nanoseconds> of_socket, const TLSServerOptions& with) {
        const Socket client = create_connection(listener.getsockname());
        testing::expect_failure<TimeoutError>(
            [&] {
                Socket accepted = listener.accept().first;
                accepted.settimeout(of_socket);
                TLSSocket::accept(std::move(accepted), TLSContext(with));
            },
            {"timed out trying to start TLS with " + client.getsockname().to_string()});
    };
    accept({}, options);
    accept(20ms, serving());
    const Timeout limit(200ms);
    accept({}, serving());
}

// OpenSSL's own client and CPython's agree with what a server says of the connection.
TEST(TLSServer, TalksToOtherClients) {
    TLSServerOptions options = serving();
    options.alpn = {"h2", "http/1.1"};
    options.client_certificates = ClientCertificates::required;
    options.cafile = authority().certificate();
    const TLSContext context(options);
    Socket listener = create_server({"127.0.0.1", 0});
    const std::string address = listener.getsockname().to_string();
    testing::Process openssl({"openssl", "s_client", "-connect", address, "-CAfile",
                              authority().certificate(), "-verify_return_error", "-cert",
                              client_certificate().certificate, "-key", client_certificate().key, "-alpn",
                              "http/1.1,h2", "-servername", "localhost", "-quiet", "-no_ign_eof"});
    const auto check = [](TLSSocket& stream) {
        EXPECT_EQ(stream.alpn_protocol(), "h2");
        EXPECT_EQ(stream.server_name(), "localhost");
        EXPECT_EQ(stream.getpeercert()->subject, "CN=ada");
        EXPECT_EQ(stream.getpeercert()->names, std::vector<std::string>{"email:ada@example.org"});
    };
    {
        TLSSocket stream = TLSSocket::accept(listener.accept().first, context);
        check(stream);
    }
    openssl.stop();
    testing::Process python(
        {"/usr/bin/python3", "-c",
         "import socket, ssl, sys\n"
         "context = ssl.create_default_context(cafile=sys.argv[2])\n"
         "context.load_cert_chain(sys.argv[3], sys.argv[4])\n"
         "context.set_alpn_protocols(['http/1.1', 'h2'])\n"
         "stream = context.wrap_socket(socket.create_connection(('127.0.0.1', int(sys.argv[1]))),"
         " server_hostname='localhost')\n"
         "assert stream.selected_alpn_protocol() == 'h2'\n"
         "assert stream.recv(100) == b'hello ada'\n",
         std::to_string(listener.getsockname().port()), authority().certificate(),
         client_certificate().certificate, client_certificate().key});
    TLSSocket stream = TLSSocket::accept(listener.accept().first, context);
    check(stream);
    stream.sendall("hello ada");
    EXPECT_EQ(python.wait(), 0);
}

}  // namespace
}  // namespace thrum
