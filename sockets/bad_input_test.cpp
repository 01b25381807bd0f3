// thrum/sockets/bad_input_test.cpp: floor 2, sockets
// Whatever is wrong has an error of its own, which holds the address and the cause.
#include <thrum/base/file.hpp>
#include <thrum/sockets/datagram_batch.hpp>
#include <thrum/sockets/internal/socket_fixture.hpp>
#include <thrum/sockets/internal/tls_fixture.hpp>
#include <thrum/sockets/resolver.hpp>
#include <thrum/sockets/server.hpp>
#include <thrum/sockets/udp_server.hpp>

#include <gtest/gtest.h>
#include <netdb.h>

#include <algorithm>
#include <functional>
#include <string>
#include <typeindex>
#include <vector>

namespace thrum {
namespace {

using namespace std::chrono_literals;
using internal::authority;
using internal::closed_port;
using internal::soon;
using internal::tcp_pair;

struct Wrong {
    const char* what;
    std::function<void()> act;
    std::type_index type;
    std::vector<int> codes;          // any of them
    std::vector<std::string> parts;  // of the message: the address, and the cause last
};

// Exactly this type of error, none derived from it, with its code and its words.
void expect_each(const std::vector<Wrong>& table) {
    for (const Wrong& row : table) {
        SCOPED_TRACE(row.what);
        try {
            row.act();
            ADD_FAILURE() << "nothing was thrown";
        } catch (const OSError& error) {
            const std::string what = error.what();
            EXPECT_EQ(std::type_index(typeid(error)), row.type) << what;
            EXPECT_NE(std::find(row.codes.begin(), row.codes.end(), error.code()), row.codes.end())
                << error.code() << ": " << what;
            for (const std::string& part : row.parts)
                EXPECT_NE(what.find(part), what.npos) << "\"" << what << "\" lacks \"" << part << "\"";
        }
    }
}

const std::type_index os_error = typeid(OSError);
const std::type_index address_error = typeid(AddressError);

// Ports, paths and names that make no address.
TEST(BadInput, AddressesThatAreNone) {
    const std::string path(200, 'p');
    const std::string unknown = "no-such-host.invalid";
    const std::vector<int> not_found = {EAI_NONAME, EAI_AGAIN};
    const auto connect = [](const char* host, int port) { create_connection({host, port}); };
    expect_each({
        {"port",
         [&] { connect("localhost", 65536); },
         address_error,
         {EINVAL},
         {"port 65536 of localhost is out of range"}},
        {"port below",
         [&] { connect("127.0.0.1", -1); },
         address_error,
         {EINVAL},
         {"port -1 of 127.0.0.1 is out of range"}},
        {"port in text",
         [] { Address::parse("[::1]:70000"); },
         address_error,
         {EINVAL},
         {"port 70000 of ", "::1", "out of range"}},
        {"path",
         [&] { Address::unix_path(path); },
         address_error,
         {ENAMETOOLONG},
         {"'unix:pppp", "too long for a Unix socket: 200 bytes, and at most 107 fit"}},
        {"abstract",
         [&] { Address::unix_abstract(path); },
         address_error,
         {ENAMETOOLONG},
         {"'unix:@ppp", "200 bytes"}},
        {"name",
         [&] { connect(unknown.c_str(), 80); },
         address_error,
         not_found,
         {"cannot resolve " + unknown + ": "}},
        {"name to serve", [&] { create_server(Address(unknown, 80)); }, address_error, not_found, {unknown}},
        {"name of datagrams",
         [&] { Socket(AF_INET, SOCK_DGRAM).sendto("x", Address(unknown, 80)); },
         address_error,
         not_found,
         {unknown}},
    });
}

// Addresses that somebody has, that are not ours, or where nobody is.
TEST(BadInput, PlacesThatAreTakenOrEmpty) {
    const testing::TemporaryDirectory folder;
    const Socket server = create_server({"127.0.0.1", 0});
    const Address taken = server.getsockname();
    const Address nobody = closed_port();
    const Address elsewhere("192.0.2.1", 0);
    const Address file = Address::unix_path(folder / "taken.sock");
    const Socket local = create_server(file);
    const Address missing = Address::unix_path(folder / "missing.sock");
    const UDPServer datagrams({"127.0.0.1", 0}, [](const Datagram&) {});
    Socket four(AF_INET, SOCK_STREAM);
    Socket sender(AF_INET, SOCK_DGRAM);
    const std::string in_use = ": Address already in use";
    expect_each({
        {"in use",
         [&] { create_server(taken); },
         os_error,
         {EADDRINUSE},
         {"cannot listen on " + taken.to_string() + in_use}},
        {"by bind",
         [&] { four.bind(taken); },
         os_error,
         {EADDRINUSE},
         {"cannot bind to " + taken.to_string() + in_use}},
        {"by a server",
         [&] { TCPServer(taken, [](Stream&, const Address&) {}); },
         os_error,
         {EADDRINUSE},
         {taken.to_string() + in_use}},
        {"a file",
         [&] { create_server(file); },
         os_error,
         {EADDRINUSE},
         {file.to_string() + in_use + "; remove the file"}},
        {"of datagrams",
         [&] { UDPServer(datagrams.address(), [](const Datagram&) {}); },
         os_error,
         {EADDRINUSE},
         {datagrams.address().to_string() + in_use}},
        {"not ours",
         [&] { create_server(elsewhere); },
         os_error,
         {EADDRNOTAVAIL},
         {"192.0.2.1:0: Cannot assign requested address; no interface"}},
        {"refused",
         [&] { create_connection(nobody); },
         typeid(ConnectionRefusedError),
         {ECONNREFUSED},
         {nobody.to_string() + ": Connection refused"}},
        {"missing",
         [&] { create_connection(missing); },
         typeid(FileNotFoundError),
         {ENOENT},
         {missing.to_string() + ": No such file"}},
        {"too large",
         [&] { sender.sendto(std::string(65'508, 'x'), taken); },
         os_error,
         {EMSGSIZE},
         {"cannot send to " + taken.to_string() + ": Message too long"}},
    });
}

// A closed socket that is used, and an address of another family than the socket's.
TEST(BadInput, SocketsThatAreClosedOrOther) {
    const Address four("127.0.0.1", 9);
    const Address six("::1", 80);
    const Address file = Address::unix_path("/tmp/x");
    Socket closed = tcp_pair().first;
    const std::string peer = closed.getpeername().to_string();
    closed.close();
    Socket open(AF_INET, SOCK_STREAM);
    const std::string is_closed = ": Bad file descriptor; the socket is closed";
    expect_each({
        {"closed", [&] { closed.recv(1); }, os_error, {EBADF}, {"cannot receive from " + peer + is_closed}},
        {"to send", [&] { closed.sendall("x"); }, os_error, {EBADF}, {"cannot send to " + peer + is_closed}},
        {"to accept",
         [] { Socket().accept(); },
         os_error,
         {EBADF},
         {"cannot accept on a closed socket" + is_closed}},
        {"to connect",
         [&] { Socket().connect(four); },
         os_error,
         {EBADF},
         {"cannot connect to 127.0.0.1:9" + is_closed}},
        {"family",
         [&] { open.connect(six); },
         address_error,
         {EAFNOSUPPORT},
         {"cannot connect to [::1]:80: the socket is of family IPv4"}},
        {"to bind", [&] { open.bind(file); }, address_error, {EAFNOSUPPORT}, {"unix:/tmp/x", "IPv4"}},
        {"to send",
         [&] { Socket(AF_INET6, SOCK_DGRAM).sendto("x", four); },
         address_error,
         {EAFNOSUPPORT},
         {"cannot send to 127.0.0.1:9", "IPv6"}},
        {"to resolve", [&] { resolve(six, AF_INET); }, address_error, {EAFNOSUPPORT}, {"[::1]:80", "IPv4"}},
        {"nowhere",
         [] { create_connection(Address()); },
         address_error,
         {EINVAL},
         {"'nowhere' is not an address"}},
    });
}

// A datagram of nothing is one: it is sent, received and answered like others, over each kind of socket and
// in a batch, and never taken for an end.
TEST(BadInput, EmptyDatagrams) {
    UDPServer server({"127.0.0.1", 0}, [](const Datagram& datagram) { datagram.reply(datagram.data()); });
    Thread serving([&] { server.serve_forever(); });
    Socket client(AF_INET, SOCK_DGRAM);
    client.connect(server.address());
    EXPECT_EQ(client.send(""), 0u);
    EXPECT_EQ(client.recvmsg(10).size, 0u);
    client.sendall("");
    char buffer[4];
    EXPECT_EQ(client.recv_into(buffer), 0u);
    DatagramBatch batch(4);
    ASSERT_TRUE(batch.add("") && batch.add("after"));
    client.send_batch(batch);
    std::vector<std::string> answers = {client.recv(10), client.recv(10)};
    std::sort(answers.begin(), answers.end());
    EXPECT_EQ(answers, (std::vector<std::string>{"", "after"}));
    auto [one, other] = Socket::pair(SOCK_SEQPACKET);
    one.sendmsg("");
    one.sendall("after");
    EXPECT_EQ(other.recvmsg(10).size, 0u);
    EXPECT_EQ(other.recv(10), "after");
    client.settimeout(soon);
    testing::expect_failure<TimeoutError>([&] { client.recv(0); },
                                          {"receive from " + server.address().to_string()});
    server.shutdown();
}

// A peer that never reads costs no more than the timeout, names itself, and frees who waits when it is gone.
TEST(BadInput, PeersThatNeverRead) {
    auto [silent, client] = tcp_pair();
    const std::string peer = silent.getsockname().to_string();
    const std::string much(64 << 20, 'm');
    const std::string_view pieces[] = {much, much};
    client.settimeout(soon);
    const std::type_index timeout = typeid(TimeoutError);
    const std::vector<std::string> words = {"timed out trying to send to " + peer};
    expect_each({
        {"sendall", [&, &client = client] { client.sendall(much); }, timeout, {ETIMEDOUT}, words},
        {"pieces", [&, &client = client] { client.sendall(pieces); }, timeout, {ETIMEDOUT}, words},
        {"send",
         [&, &client = client] {
             for (;;) client.send(much);
         },
         timeout,
         {ETIMEDOUT},
         words},
        {"sendmsg",
         [&, &client = client] {
             for (;;) client.sendmsg(much);
         },
         timeout,
         {ETIMEDOUT},
         words},
    });
    client.settimeout(std::nullopt);
    testing::reset_at_close(silent.fileno());
    Thread sending([&, &client = client] {
        testing::expect_failure<ConnectionResetError>([&] { client.sendall(much); },
                                                      {"cannot send to " + peer + ": Connection reset"});
    });
    yield();
    silent.close();
    sending.join();
}

// A server that cannot be made, for whichever reason, leaves nothing open.
TEST(BadInput, FailedServersLeaveNothingOpen) {
    const Socket taken = create_server({"127.0.0.1", 0});
    const auto handler = [](Stream&, const Address&) {};
    const std::size_t before = testing::open_descriptors();
    EXPECT_THROW(TCPServer(taken.getsockname(), handler), OSError);
    EXPECT_THROW(TCPServer({"192.0.2.1", 0}, handler), OSError);
    EXPECT_THROW(TCPServer({"127.0.0.1", 0}, handler, {.max_clients = 0}), Error);
    EXPECT_THROW(TCPServer({"127.0.0.1", 0}, handler, {.acceptors = 0}), Error);
    EXPECT_THROW(UnixServer(Address::unix_path("/no/such/folder/s"), handler), FileNotFoundError);
    EXPECT_THROW(UDPServer({"192.0.2.1", 0}, [](const Datagram&) {}), OSError);
    EXPECT_EQ(testing::open_descriptors(), before);
}

// What a client says of a server that shows this certificate.
void expect_refused(const char* name, const testing::Certificate& shown, const TLSOptions& options,
                    TLSFailure failure, const std::string& cause) {
    SCOPED_TRACE(name);
    TCPServer server(
        {"127.0.0.1", 0}, [](Stream& client, const Address&) { client.recv(1); },
        {.tls = TLSContext(TLSServerOptions{.certfile = shown.certificate, .keyfile = shown.key}),
         .on_error = [](const Address&, const std::exception_ptr&) {}});
    Thread serving([&] { server.serve_forever(); });
    internal::expect_tls_failure(
        failure, {"cannot trust localhost (" + server.address().to_string() + "): " + cause},
        [&] { TLSSocket(create_connection(server.address()), "localhost", TLSContext(options)); });
    server.shutdown();
}

// Each certificate that cannot be trusted, and what is no handshake, with the host, the address and the
// cause.
TEST(BadInput, Certificates) {
    testing::CertificateAuthority stranger("a stranger");
    testing::CertificateAuthority middle = authority().intermediate("thrum bad middle CA");
    testing::CertificateAuthority revoking("thrum bad revoking CA");
    const testing::Certificate revoked = revoking.issue();
    revoking.revoke(revoked);
    const testing::TemporaryDirectory folder;
    const testing::Certificate own{folder / "own.pem", folder / "own.key"};
    ASSERT_EQ(
        testing::run({"openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", own.key, "-out",
                      own.certificate, "-subj", "/CN=own", "-addext", "subjectAltName=DNS:localhost"})
            .status,
        0);
    const testing::Certificate alone =
        middle.issue({.extensions = "authorityInfoAccess=caIssuers;URI:http://middle.example/ca.der\n"});
    const TLSOptions trusting{.cafile = authority().certificate()};
    expect_refused("expired", authority().issue({.expired = true}), trusting, TLSFailure::expired,
                   "its certificate expired on 2020-01-02");
    expect_refused("too early", authority().issue({.not_yet_valid = true}), trusting,
                   TLSFailure::not_yet_valid, "its certificate is not valid before 2045-01-01");
    expect_refused("self-signed", own, trusting, TLSFailure::self_signed, "its certificate is self-signed");
    expect_refused("other host", authority().issue({.names = {"DNS:other.example"}}), trusting,
                   TLSFailure::wrong_host, "its certificate is for other.example and not for localhost");
    expect_refused("revoked", revoked, {.cafile = revoking.certificate(), .crlfile = revoking.revocations()},
                   TLSFailure::revoked, "its certificate was revoked by 'CN=thrum bad revoking CA'");
    expect_refused("incomplete", alone, trusting, TLSFailure::incomplete_chain,
                   "its chain of certificates is incomplete");
    expect_refused("stranger", stranger.issue(), trusting, TLSFailure::unknown_authority,
                   "this machine does not know the authority 'CN=a stranger'");
}

// Garbage instead of a handshake, at both ends.
TEST(BadInput, Garbage) {
    TCPServer garbage({"127.0.0.1", 0}, [](Socket& client, const Address&) {
        client.sendall("\x05 this is no TLS record\r\n");
        client.recv_all();
    });
    Thread serving([&] { garbage.serve_forever(); });
    internal::expect_tls_failure(
        TLSFailure::not_tls,
        {"cannot start TLS with localhost (" + garbage.address().to_string() + "): ", "garbage"},
        [&] { TLSSocket(create_connection(garbage.address()), "localhost", internal::trusting()); });
    garbage.shutdown();
    Socket listener = create_server({"127.0.0.1", 0});
    Socket client = create_connection(listener.getsockname());
    client.sendall("\x05 no ClientHello\r\n");
    const TLSContext context(internal::serving());
    internal::expect_tls_failure(
        TLSFailure::not_tls,
        {"cannot start TLS with " + client.getsockname().to_string() + ": ", "it sent garbage"},
        [&] { TLSSocket::accept(listener.accept().first, context); });
}

}  // namespace
}  // namespace thrum
