// thrum/sockets/internal/socket_fixture.hpp: floor 2, sockets
// For the tests: connections to ourselves, and none.
#pragma once

#include <thrum/sockets/connection.hpp>
#include <thrum/testing/network.hpp>

#include <chrono>
#include <utility>

namespace thrum::internal {

// Long enough for a loaded machine, short enough for a test that waits it out.
inline constexpr std::chrono::milliseconds soon(30);

// A TCP connection to ourselves: the accepted end and the connecting one.
inline std::pair<Socket, Socket> tcp_pair() {
    Socket server = create_server({"127.0.0.1", 0});
    Socket client = create_connection(server.getsockname());
    return {server.accept().first, std::move(client)};
}

// A port of 127.0.0.1 where nobody listens.
inline Address closed_port() { return {"127.0.0.1", testing::free_port()}; }

}  // namespace thrum::internal
