// thrum/sockets/tls_certificate_test.cpp: floor 2, sockets
#include <thrum/base/file.hpp>
#include <thrum/sockets/internal/tls_fixture.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace thrum {
namespace {

using namespace std::string_literals;
using internal::authority;
using internal::expect_tls_failure;

// What a client says of a server that shows this chain; nothing where it is content. Its messages all name
// the address.
std::optional<TLSError> verdict(const testing::Certificate& shown, const std::string& host,
                                const TLSOptions& options) {
    const TLSContext context(TLSServerOptions{.certfile = shown.certificate, .keyfile = shown.key});
    Socket listener = create_server({"127.0.0.1", 0});
    Thread serving([&] {
        try {
            TLSSocket client = TLSSocket::accept(listener.accept().first, context);
            client.sendall("word");
        } catch (const OSError&) {
            // The client refused.
        }
    });
    std::optional<TLSError> refused;
    try {
        TLSSocket client(create_connection(listener.getsockname()), host, TLSContext(options));
        EXPECT_EQ(client.recv(10), "word");
    } catch (const TLSError& error) {
        EXPECT_NE(std::string(error.what()).find(listener.getsockname().to_string()), std::string::npos);
        refused = error;
    }
    serving.join();
    return refused;
}

TLSOptions trusting_options() { return {.cafile = authority().certificate()}; }

void expect_verdict(const std::optional<TLSError>& got, std::optional<TLSFailure> failure,
                    const std::string& says) {
    ASSERT_EQ(got.has_value(), failure.has_value()) << says << (got ? got->what() : "");
    if (!got) return;
    EXPECT_EQ(got->failure(), *failure) << got->what();
    EXPECT_NE(std::string(got->what()).find(says), std::string::npos) << got->what() << " lacks " << says;
}

// A certificate is for the names in subjectAltName and no other: RFC 9525's rules for wildcards, A-labels and
// addresses.
TEST(TLSCertificate, Names) {
    const struct {
        std::vector<std::string> names;
        std::vector<const char*> good;
        std::vector<const char*> wrong;
    } table[] = {
        {{"DNS:www.example.org"},
         {"www.example.org", "WWW.Example.ORG", "www.example.org."},
         {"example.org", "ww.example.org", "www.example.or", "www.example.org.evil.example", "leaf",
          "127.0.0.1"}},
        {{"DNS:*.example.org"},
         {"a.example.org", "A.EXAMPLE.ORG", "xn--bcher-kva.example.org"},
         {"example.org", "a.b.example.org", "aexample.org"}},
        {{"DNS:a*.example.org", "DNS:*b.example.org", "DNS:c.*.org"},
         {},
         {"ab.example.org", "a.example.org", "b.example.org", "c.example.org"}},
        {{"DNS:*", "DNS:*.org"}, {}, {"localhost", "example.org"}},
        {{"DNS:xn--bcher-kva.example"},
         {"xn--bcher-kva.example", "XN--BCHER-KVA.example"},
         {"bucher.example"}},
        {{"IP:127.0.0.1", "IP:::1", "IP:fe80::1"},
         {"127.0.0.1", "::1", "0:0:0:0:0:0:0:1", "fe80::1%lo"},
         {"127.0.0.2", "::2", "localhost", "::ffff:127.0.0.1"}},
        {{"DNS:127.0.0.1", "DNS:*.0.0.1"}, {}, {"127.0.0.1", "::1"}},
        {{"email:localhost@example.org", "URI:https://localhost/"}, {}, {"localhost"}},
    };
    for (const auto& [names, good, wrong] : table) {
        const testing::Certificate certificate =
            authority().issue({.names = names, .common_name = "localhost"});
        for (const char* host : good)
            expect_verdict(verdict(certificate, host, trusting_options()), {}, host);
        for (const char* host : wrong) {
            SCOPED_TRACE(host);
            expect_verdict(verdict(certificate, host, trusting_options()), TLSFailure::wrong_host,
                           "cannot trust "s + host);
        }
    }
    const testing::Certificate nameless = authority().issue({.names = {}, .common_name = "localhost"});
    expect_verdict(verdict(nameless, "localhost", trusting_options()), TLSFailure::wrong_host,
                   "does not count");
    expect_verdict(verdict(internal::good_certificate(), "bücher.example", trusting_options()),
                   TLSFailure::settings, "give its A-labels");
}

// Each way in which a chain cannot be trusted is an error of its own.
TEST(TLSCertificate, Chains) {
    testing::CertificateAuthority stranger("a stranger");
    testing::CertificateAuthority middle = authority().intermediate("thrum middle CA");
    const testing::TemporaryDirectory folder;
    const auto chain = [&](const std::string& name, const testing::Certificate& leaf,
                           const std::filesystem::path& above) {
        write_file(folder / name, read_file(leaf.certificate) + read_file(above));
        return testing::Certificate{folder / name, leaf.key};
    };
    const testing::Certificate below =
        middle.issue({.extensions = "authorityInfoAccess=caIssuers;URI:http://middle.example/ca.der\n"});
    const testing::Certificate by_stranger = stranger.issue();
    testing::Certificate selfish{folder / "own.pem", folder / "own.key"};
    ASSERT_EQ(testing::run({"openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout",
                            selfish.key, "-out", selfish.certificate, "-subj", "/CN=selfish", "-addext",
                            "subjectAltName=DNS:localhost"})
                  .status,
              0);
    const struct {
        testing::Certificate shown;
        std::optional<TLSFailure> failure;
        const char* says;
    } table[] = {
        {internal::good_certificate(), {}, ""},
        {chain("whole.pem", below, middle.certificate()), {}, ""},
        {below, TLSFailure::incomplete_chain,
         "its chain of certificates is incomplete: the one of 'CN=thrum middle CA'"},
        {by_stranger, TLSFailure::unknown_authority, "does not know the authority 'CN=a stranger'"},
        {chain("stranger.pem", by_stranger, stranger.certificate()), TLSFailure::unknown_authority,
         "does not know the authority 'CN=a stranger'"},
        {selfish, TLSFailure::self_signed, "its certificate is self-signed ('CN=selfish')"},
        {authority().issue({.expired = true}), TLSFailure::expired, "expired on 2020-01-02"},
        {authority().issue({.not_yet_valid = true}), TLSFailure::not_yet_valid,
         "not valid before 2045-01-01"},
        {internal::client_certificate(), TLSFailure::certificate, "purpose"},
    };
    for (const auto& [shown, failure, says] : table)
        expect_verdict(verdict(shown, "localhost", trusting_options()), failure, says);
}

// With lists of revoked certificates, those on them are refused, and those that no list covers.
TEST(TLSCertificate, Revocations) {
    testing::CertificateAuthority root("thrum revoking CA");
    testing::CertificateAuthority middle = root.intermediate("thrum revoked CA");
    const testing::Certificate good = root.issue();
    const testing::Certificate bad = root.issue();
    const testing::Certificate below = middle.issue();
    root.revoke(bad);
    const std::filesystem::path before = root.revocations();
    root.revoke({middle.certificate(), {}});
    const testing::TemporaryDirectory folder;
    write_file(folder / "chain.pem", read_file(below.certificate) + read_file(middle.certificate()));
    const testing::Certificate chain{folder / "chain.pem", below.key};
    write_file(folder / "both.pem", read_file(before) + read_file(middle.revocations()));
    write_file(folder / "middle.pem", read_file(middle.revocations()));
    write_file(folder / "after.pem", read_file(root.revocations()) + read_file(middle.revocations()));
    const struct {
        testing::Certificate shown;
        std::filesystem::path list;
        std::optional<TLSFailure> failure;
        const char* says;
    } table[] = {
        {bad, {}, {}, ""},
        {good, before, {}, ""},
        {bad, before, TLSFailure::revoked, "its certificate was revoked by 'CN=thrum revoking CA'"},
        {chain, before, TLSFailure::certificate, "crlfile has no list of 'CN=thrum revoked CA'"},
        {chain, folder / "middle.pem", {}, "a list is asked for the first certificate alone"},
        {chain, folder / "both.pem", {}, ""},
        {chain, folder / "after.pem", TLSFailure::revoked,
         "the authority's certificate 'CN=thrum revoked CA'"},
        {good, root.revocations(true), TLSFailure::certificate, "is out of date"},
    };
    for (const auto& [shown, list, failure, says] : table) {
        SCOPED_TRACE(list);
        expect_verdict(verdict(shown, "localhost", {.cafile = root.certificate(), .crlfile = list}), failure,
                       says);
    }
    expect_tls_failure(
        TLSFailure::settings, {"the list of revoked certificates /no/list.pem: it cannot be read"},
        [] { TLSContext(TLSOptions{.cafile = authority().certificate(), .crlfile = "/no/list.pem"}); });
    expect_tls_failure(TLSFailure::settings, {"the list of revoked certificates "}, [&] {
        TLSContext(TLSOptions{.cafile = authority().certificate(), .crlfile = root.certificate()});
    });
    // Of clients too.
    testing::CertificateAuthority people("thrum people's CA");
    const testing::Certificate person = people.issue({.usage = "clientAuth"});
    people.revoke(person);
    TLSServerOptions options = internal::serving();
    options.client_certificates = ClientCertificates::optional;
    options.cafile = people.certificate();
    options.crlfile = people.revocations();
    const TLSContext server(options);
    const TLSContext client(TLSOptions{
        .cafile = authority().certificate(), .certfile = person.certificate, .keyfile = person.key});
    auto [here, there] = Socket::pair();
    Thread connecting([&, &end = here] {
        try {
            TLSSocket(std::move(end), "localhost", client).recv(1);
        } catch (const OSError&) {
            // Refused.
        }
    });
    expect_tls_failure(TLSFailure::revoked, {"its certificate was revoked by 'CN=thrum people's CA'"},
                       [&, &end = there] { TLSSocket::accept(std::move(end), server); });
    connecting.join();
}

}  // namespace
}  // namespace thrum
