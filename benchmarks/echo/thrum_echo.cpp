// thrum/benchmarks/echo/thrum_echo.cpp: yard, benchmarks
// An echo server on thrum: the program of examples/sockets/echo_server.cpp, on a free port, which it prints.
#include <thrum/sockets.hpp>
#include <thrum/threads.hpp>

#include <cstdio>

namespace {

void echo(thrum::Socket client) {
    char buffer[4096];
    try {
        while (std::size_t size = client.recv_into(buffer)) client.sendall({buffer, size});
    } catch (const thrum::ConnectionError&) {
        // The load has what it came for.
    }
}

}  // namespace

int main() {
    thrum::Thread serving([] {
        thrum::Socket server = thrum::create_server({"127.0.0.1", 0});
        std::printf("%d\n", server.getsockname().port());
        std::fflush(stdout);
        for (;;) {
            auto [client, address] = server.accept();
            thrum::Thread(echo, std::move(client)).detach();
        }
    });
    serving.join();
}
