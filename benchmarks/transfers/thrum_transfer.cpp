// thrum/benchmarks/transfers/thrum_transfer.cpp: yard, benchmarks
// thrum_transfer send FILE | receive FILE | relay PORT: serves one connection after another with
// Socket::sendfile, Socket::receive_file or relay. Prints its port.
#include <thrum/base/file.hpp>
#include <thrum/sockets.hpp>
#include <thrum/threads.hpp>

#include <fcntl.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>

int main(int argc, char** argv) {
    if (argc != 3) return 2;
    const std::string_view mode = argv[1];
    const bool relaying = mode == "relay";
    const thrum::UniqueFd file(relaying ? -1 : ::open(argv[2], O_RDWR | O_CLOEXEC));
    if (!relaying && !file) return 1;
    thrum::Thread serving([&] {
        thrum::Socket server = thrum::create_server({"127.0.0.1", 0});
        std::printf("%d\n", server.getsockname().port());
        std::fflush(stdout);
        for (;;) {
            auto [client, address] = server.accept();
            if (mode == "send") {
                client.sendfile(file.get());
            } else if (mode == "receive") {
                client.receive_file(file.get());
            } else {
                thrum::Socket target =
                    thrum::create_connection({"127.0.0.1", static_cast<std::uint16_t>(std::atoi(argv[2]))});
                thrum::relay(client, target);
            }
        }
    });
    serving.join();
}
