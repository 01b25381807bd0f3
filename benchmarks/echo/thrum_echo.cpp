// thrum/benchmarks/echo/thrum_echo.cpp: yard, benchmarks
// thrum_echo [small]: an echo server on thrum: the program of examples/sockets/echo_server.cpp, on a free
// port, which it prints. `small`: with a buffer of 512 bytes, to see what a client costs beside it.
#include <thrum/sockets.hpp>
#include <thrum/threads.hpp>

#include <cstdio>

namespace {

template <std::size_t buffer_size>
void echo(thrum::Socket client) {
    char buffer[buffer_size];
    try {
        while (std::size_t size = client.recv_into(buffer)) client.sendall({buffer, size});
    } catch (const thrum::ConnectionError&) {
        // The load has what it came for.
    }
}

}  // namespace

int main(int argc, char**) {
    const auto serve = argc > 1 ? echo<512> : echo<4096>;
    thrum::Thread serving([serve] {
        thrum::Socket server = thrum::create_server({"127.0.0.1", 0});
        std::printf("%d\n", server.getsockname().port());
        std::fflush(stdout);
        for (;;) {
            auto [client, address] = server.accept();
            thrum::Thread(serve, std::move(client)).detach();
        }
    });
    serving.join();
}
