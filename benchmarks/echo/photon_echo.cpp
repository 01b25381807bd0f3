// thrum/benchmarks/echo/photon_echo.cpp: yard, benchmarks
// An echo server on Photon's epoll engine: a thread of Photon per client, on pooled stacks of 64 KB. Prints
// its port.
#include <netinet/tcp.h>
#include <photon/common/alog.h>
#include <photon/net/socket.h>
#include <photon/photon.h>
#include <photon/thread/stack-allocator.h>
#include <photon/thread/thread11.h>

#include <cstdio>

namespace {

constexpr std::uint64_t stack_size = 64 * 1024;

void echo(photon::net::ISocketStream* client) {
    char buffer[4096];
    for (;;) {
        const ssize_t size = client->recv(buffer, sizeof buffer);
        if (size <= 0 || client->write(buffer, static_cast<std::size_t>(size)) != size) break;
    }
    delete client;
}

}  // namespace

int main() {
    set_log_output_level(ALOG_FATAL);
    photon::use_pooled_stack_allocator();
    if (photon::init(photon::INIT_EVENT_EPOLL, photon::INIT_IO_NONE) != 0) return 1;
    photon::net::ISocketServer* const server = photon::net::new_tcp_socket_server();
    server->setsockopt<int>(IPPROTO_TCP, TCP_NODELAY, 1);
    if (server->bind_v4localhost(0) != 0 || server->listen(4096) != 0) return 1;
    std::printf("%d\n", server->getsockname().port);
    std::fflush(stdout);
    for (;;) {
        photon::net::ISocketStream* const client = server->accept();
        if (client != nullptr) photon::thread_create11(stack_size, echo, client);
    }
}
