// thrum/sockets/peers_test.cpp: floor 2, sockets
// Other people's sockets at the other end: socat's, CPython's and Go's, as clients and as servers.
#include <thrum/base/file.hpp>
#include <thrum/sockets/buffered_stream.hpp>
#include <thrum/sockets/internal/tls_fixture.hpp>
#include <thrum/sockets/server.hpp>
#include <thrum/sockets/udp_server.hpp>

#include <gtest/gtest.h>
#include <unistd.h>

#include <string>
#include <vector>

namespace thrum {
namespace {

using namespace std::chrono_literals;
using internal::authority;
using internal::client_certificate;
using internal::good_certificate;

void echo(Stream& client, const Address&) {
    char buffer[4096];
    while (const std::size_t size = client.recv_into(buffer)) client.sendall({buffer, size});
    client.shutdown_write();
}

std::string numbered() {
    std::string text;
    for (int i = 0; text.size() < 300'000; ++i) text += std::to_string(i) + "\n";
    return text;
}

Address abstract_name(const std::string& name) {
    return Address::unix_abstract("thrum-" + name + "-" + std::to_string(::getpid()));
}

// Until somebody listens there.
Socket connect_patiently(const Address& address, testing::Process& process) {
    for (;;) {
        try {
            return create_connection(address, {.timeout = 60s});
        } catch (const OSError&) {
            if (!process.running()) throw;
            sleep(10ms);
        }
    }
}

// Sends all while it receives, ends its half, and gets the same back.
void expect_echo(Stream& client, const std::string& text) {
    Thread sending([&] {
        client.sendall(text);
        client.shutdown_write();
    });
    EXPECT_TRUE(client.recv_all() == text);
    sending.join();
}

// A datagram there and back; asked again while the peer may not be there yet.
void expect_echo_of_datagrams(Socket& client, const Address& address, testing::Process& process) {
    client.settimeout(20ms);
    for (;;) {
        try {
            client.sendto("ping", address);
            EXPECT_EQ(client.recv(100), "ping");
            return;
        } catch (const OSError&) {
            ASSERT_TRUE(process.running());
        }
    }
}

// socat echoes over streams of each family, and datagrams, and gets its own file back from us.
TEST(Peers, Socat) {
    const testing::TemporaryDirectory folder;
    const std::string text = numbered();
    write_file(folder / "in", text);
    const std::string port = std::to_string(testing::free_port());
    const Address path = Address::unix_path(folder / "s");
    const Address name = abstract_name("socat");
    const std::pair<std::string, Address> servers[] = {
        {"TCP4-LISTEN:" + port + ",bind=127.0.0.1,fork", Address("127.0.0.1", std::stoi(port))},
        {"TCP6-LISTEN:" + port + ",bind=[::1],ipv6only=1,fork", Address("::1", std::stoi(port))},
        {"UNIX-LISTEN:" + path.path() + ",fork", path},
        {"ABSTRACT-LISTEN:" + name.path().substr(1) + ",fork", name}};
    for (const auto& [words, address] : servers) {
        SCOPED_TRACE(words);
        testing::Process socat({"socat", "-t", "60", words, "EXEC:cat"});
        Socket client = connect_patiently(address, socat);
        expect_echo(client, text);
    }
    {
        testing::Process socat({"socat", "UDP4-RECVFROM:" + port + ",bind=127.0.0.1,fork", "EXEC:cat"});
        Socket client(AF_INET, SOCK_DGRAM);
        client.bind({"127.0.0.1", 0});
        expect_echo_of_datagrams(client, Address("127.0.0.1", std::stoi(port)), socat);
    }
    const std::pair<std::string, Address> clients[] = {{"TCP4:", Address("127.0.0.1", 0)},
                                                       {"TCP6:", Address("::1", 0)},
                                                       {"UNIX-CONNECT:", Address::unix_path(folder / "o")},
                                                       {"ABSTRACT-CONNECT:", abstract_name("ours")}};
    for (const auto& [kind, address] : clients) {
        SCOPED_TRACE(kind);
        TCPServer server(address, echo);
        Thread serving([&] { server.serve_forever(); });
        const Address& where = server.address();
        const std::string target = where.family() != AF_UNIX     ? where.to_string()
                                   : where.path().front() == '@' ? where.path().substr(1)
                                                                 : where.path();
        const std::string out = folder / "out";
        const auto result =
            testing::run({"socat", "-t", "60", "OPEN:" + (folder / "in").string() + ",rdonly!!CREATE:" + out,
                          kind + target});
        EXPECT_EQ(result.status, 0) << result.error_output;
        EXPECT_TRUE(read_file(out) == text);
        server.shutdown();
    }
}

// One program of CPython's socket and ssl, for both roles: "serve KIND WHERE" says when it listens and echoes
// one connection; "talk KIND WHERE" sends a text and checks that it comes back.
constexpr const char* python_peer = R"(
import socket, ssl, sys
role, kind, where, certificate, key, authority = sys.argv[1:]
family = socket.AF_UNIX if kind == 'unix' else socket.AF_INET6 if where.startswith('[') else socket.AF_INET
def place():
    if kind == 'unix': return '\0' + where[1:] if where.startswith('@') else where
    host, _, port = where.rpartition(':')
    return host.strip('[]'), int(port)
def context(side):
    made = ssl.SSLContext(side)
    made.load_verify_locations(authority)
    made.load_cert_chain(certificate, key)
    made.set_alpn_protocols(['thrum/1'])
    made.verify_mode = ssl.CERT_REQUIRED
    return made
s = socket.socket(family, socket.SOCK_DGRAM if kind == 'udp' else socket.SOCK_STREAM)
text = b'from Python ' * 20000
if role == 'serve':
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(place())
    if kind == 'udp':
        while True:
            data, sender = s.recvfrom(65536)
            s.sendto(data, sender)
    s.listen()
    tls = context(ssl.PROTOCOL_TLS_SERVER) if kind == 'tls' else None
    for round in range(2 if tls else 1):
        c, _ = s.accept()
        if tls:
            c = tls.wrap_socket(c, server_side=True)
            c.sendall(f'{c.selected_alpn_protocol()} {c.session_reused} {c.getpeercert()["subject"][0][0][1]}\n'.encode())
        while data := c.recv(65536): c.sendall(data)
        c.unwrap() if tls else c.shutdown(socket.SHUT_WR)
        c.close()
elif kind == 'udp':
    s.connect(place())
    s.send(b'ping')
    assert s.recv(100) == b'ping'
else:
    s.connect(place())
    if kind == 'tls':
        s = context(ssl.PROTOCOL_TLS_CLIENT).wrap_socket(s, server_hostname='localhost')
        assert s.selected_alpn_protocol() == 'thrum/1'
    got = b''
    s.sendall(text[:100])
    while len(got) < 100: got += s.recv(100)
    assert got == text[:100]
    if kind != 'tls':
        s.sendall(text[100:])
        s.shutdown(socket.SHUT_WR)
        while data := s.recv(65536): got += data
        assert got == text
    else:
        s.unwrap()
)";

std::vector<std::string> words_for(std::vector<std::string> program, const char* role, const char* kind,
                                   const std::string& where, const testing::Certificate& shown) {
    for (const std::string& word : {std::string(role), std::string(kind), where, shown.certificate.string(),
                                    shown.key.string(), authority().certificate().string()})
        program.push_back(word);
    return program;
}

TLSContext mutual_server() {
    TLSServerOptions options = internal::serving();
    options.alpn = {"thrum/1"};
    options.client_certificates = ClientCertificates::required;
    options.cafile = authority().certificate();
    return TLSContext(options);
}

// Two connections, the second one resumed; the peer says what it saw of each.
void expect_tls_with_resumption(const Address& address, testing::Process& process, const char* yes,
                                const char* no) {
    const TLSContext client(TLSOptions{.cafile = authority().certificate(),
                                       .certfile = client_certificate().certificate,
                                       .keyfile = client_certificate().key,
                                       .alpn = {"thrum/1"}});
    for (const char* const resumed : {no, yes}) {
        TLSSocket stream(connect_patiently(address, process), "localhost", client);
        EXPECT_EQ(stream.alpn_protocol(), "thrum/1");
        BufferedStream lines(stream);
        EXPECT_EQ(lines.readline(), std::string("thrum/1 ") + resumed + " ada");
        EXPECT_EQ(stream.session_reused(), resumed == yes);
        stream.sendall("over TLS");
        EXPECT_EQ(lines.read_exactly(8), "over TLS");
        stream.shutdown_write();
        EXPECT_EQ(lines.read_all(), "");
    }
}

// Each peer program in both roles, over streams and datagrams of each family, and TLS with certificates on
// both sides.
void go_through(const std::vector<std::string>& program, const char* yes, const char* no,
                const testing::TemporaryDirectory& folder) {
    const std::string text = numbered();
    const std::string port = std::to_string(testing::free_port());
    const std::pair<const char*, Address> kinds[] = {{"tcp", Address("127.0.0.1", std::stoi(port))},
                                                     {"tcp", Address("::1", std::stoi(port))},
                                                     {"unix", Address::unix_path(folder / "peer.sock")},
                                                     {"unix", abstract_name("peer")}};
    const auto place = [](const Address& a) { return a.family() == AF_UNIX ? a.path() : a.to_string(); };
    for (const auto& [kind, address] : kinds) {
        SCOPED_TRACE(address.to_string());
        testing::Process process(words_for(program, "serve", kind, place(address), good_certificate()));
        Socket client = connect_patiently(address, process);
        expect_echo(client, text);
    }
    const Address datagrams("127.0.0.1", std::stoi(port));
    {
        testing::Process process(words_for(program, "serve", "udp", place(datagrams), good_certificate()));
        Socket client(AF_INET, SOCK_DGRAM);
        client.bind({"127.0.0.1", 0});
        expect_echo_of_datagrams(client, datagrams, process);
    }
    {
        testing::Process process(words_for(program, "serve", "tls", place(datagrams), good_certificate()));
        expect_tls_with_resumption(datagrams, process, yes, no);
    }
    const auto talk = [&](const char* kind, const Address& address) {
        const auto result =
            testing::run(words_for(program, "talk", kind, place(address), client_certificate()));
        EXPECT_EQ(result.status, 0) << kind << " " << address.to_string() << ": " << result.output
                                    << result.error_output;
    };
    for (const auto& [kind, address] : kinds) {
        const bool is_unix = address.family() == AF_UNIX;
        TCPServer server(is_unix ? abstract_name("ours") : address.with_port(0), echo);
        Thread serving([&] { server.serve_forever(); });
        talk(kind, server.address());
        server.shutdown();
    }
    UDPServer server({"127.0.0.1", 0}, [](const Datagram& datagram) { datagram.reply(datagram.data()); });
    Thread serving([&] { server.serve_forever(); });
    talk("udp", server.address());
    server.shutdown();
    TCPServer secure({"127.0.0.1", 0}, echo, {.tls = mutual_server()});
    Thread serving_secure([&] { secure.serve_forever(); });
    talk("tls", secure.address());
    secure.shutdown();
    EXPECT_EQ(secure.statistics().failed, 0u);
}

// CPython, the system's and the one in PATH where that is another.
TEST(Peers, Python) {
    for (const char* const python : {"/usr/bin/python3", "python3"}) {
        SCOPED_TRACE(python);
        const testing::TemporaryDirectory folder;
        go_through({python, "-c", python_peer}, "True", "False", folder);
    }
}

// Go's net and crypto/tls, built from testing/go_peer where Go is installed.
TEST(Peers, Go) {
    const testing::TemporaryDirectory folder;
    try {
        const auto built = testing::run({"go", "build", "-o", folder / "peer", "main.go"},
                                        {.folder = THRUM_SOURCE_DIR "/testing/go_peer",
                                         .environment = {{"GO111MODULE", "off"}, {"GOFLAGS", ""}}});
        if (built.status != 0) GTEST_SKIP() << "Go does not build here: " << built.error_output;
    } catch (const OSError& error) {
        GTEST_SKIP() << "Go is not installed: " << error.what();
    }
    go_through({folder / "peer"}, "true", "false", folder);
}

}  // namespace
}  // namespace thrum
