// thrum/sockets/connection.cpp: floor 2, sockets
// Sockets that listen, and connections to names: the look-up, then the race of its addresses.
#include <thrum/sockets/connection.hpp>
#include <thrum/sockets/internal/connection_lookup.hpp>
#include <thrum/sockets/internal/connection_race.hpp>
#include <thrum/sockets/resolver.hpp>

#include <netinet/in.h>

#include <algorithm>

namespace thrum {
namespace {

Address choose_local(const Address& address, const ServerOptions& options) {
    if (!address.is_name()) return address;
    if (address.host().empty()) return Address(options.dual_stack ? "::" : "0.0.0.0", address.port());
    const auto found = resolve(address);
    const auto four =
        std::find_if(found.begin(), found.end(), [](const Address& a) { return a.family() == AF_INET; });
    return four != found.end() && !options.dual_stack ? *four : found.front();
}

std::string_view advice(int code, const Address& address) {
    if (code == EADDRINUSE && address.family() == AF_UNIX)
        return "remove the file if no server uses it any more";
    if (code == EADDRINUSE)
        return "stop the program that listens there, or take another port (0 for a free one)";
    if (code == EADDRNOTAVAIL) return "no interface of this machine has that address";
    if (code == EACCES && address.port() > 0 && address.port() < 1024) return "ports below 1024 are for root";
    return "";
}

}  // namespace

Socket create_server(const Address& address, const ServerOptions& options) {
    const Address local = choose_local(address, options);
    try {
        Socket server(local.family(), SOCK_STREAM);
        const bool internet = local.family() != AF_UNIX;
        if (internet && options.reuse_address) server.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1);
        if (internet && options.reuse_port) server.setsockopt(SOL_SOCKET, SO_REUSEPORT, 1);
        if (local.family() == AF_INET6)
            server.setsockopt(IPPROTO_IPV6, IPV6_V6ONLY, options.dual_stack ? 0 : 1);
        server.bind(local);
        server.listen(options.backlog);
        return server;
    } catch (const OSError& error) {
        throw_os_error(error.code(), "cannot listen on " + local.to_string(), advice(error.code(), local));
    }
}

Socket create_connection(const Address& address, const ConnectionOptions& options) {
    const Timeout limit(options.timeout ? deadline_after(*options.timeout) : never);
    if (!address.is_name()) return internal::connect_any(resolve(address), address, options);
    return internal::connect_by_name(address, options, [&](int family) { return resolve(address, family); });
}

}  // namespace thrum
