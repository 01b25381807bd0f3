// thrum/benchmarks/tls/thrum_tls.cpp: yard, benchmarks
// thrum_tls CERTIFICATE KEY: a TLS echo server on thrum, a thread per client. Prints its port.
#include <thrum/sockets.hpp>
#include <thrum/threads.hpp>

#include <cstdio>
#include <vector>

namespace {

constexpr std::size_t buffer_size = 16384;

void echo(thrum::Socket socket, const thrum::TLSContext& context) {
    try {
        thrum::TLSSocket client = thrum::TLSSocket::accept(std::move(socket), context);
        std::vector<char> buffer(buffer_size);
        while (std::size_t size = client.recv_into(buffer)) client.sendall({buffer.data(), size});
    } catch (const thrum::OSError&) {
        // The load has what it came for.
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) return 2;
    const thrum::TLSContext context(thrum::TLSServerOptions{.certfile = argv[1], .keyfile = argv[2]});
    thrum::Thread serving([&] {
        thrum::Socket server = thrum::create_server({"127.0.0.1", 0});
        std::printf("%d\n", server.getsockname().port());
        std::fflush(stdout);
        for (;;) {
            auto [client, address] = server.accept();
            thrum::Thread([&context, socket = std::move(client)]() mutable {
                echo(std::move(socket), context);
            }).detach();
        }
    });
    serving.join();
}
