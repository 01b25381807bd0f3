// thrum/benchmarks/echo/asio_echo.cpp: yard, benchmarks
// An echo server on Boost.Asio: a coroutine per client, all on one thread. Prints its port.
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <cstdio>
#include <utility>

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

asio::awaitable<void> echo(tcp::socket client) {
    char buffer[4096];
    try {
        client.set_option(tcp::no_delay(true));
        for (;;) {
            const std::size_t size =
                co_await client.async_read_some(asio::buffer(buffer), asio::use_awaitable);
            co_await asio::async_write(client, asio::buffer(buffer, size), asio::use_awaitable);
        }
    } catch (const boost::system::system_error&) {
        // The load has what it came for.
    }
}

asio::awaitable<void> serve(asio::io_context& context) {
    tcp::acceptor server(context, {asio::ip::address_v4::loopback(), 0});
    std::printf("%d\n", server.local_endpoint().port());
    std::fflush(stdout);
    for (;;) {
        tcp::socket client = co_await server.async_accept(asio::use_awaitable);
        asio::co_spawn(context, echo(std::move(client)), asio::detached);
    }
}

}  // namespace

int main() {
    asio::io_context context(1);
    asio::co_spawn(context, serve(context), asio::detached);
    context.run();
}
