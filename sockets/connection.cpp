// thrum/sockets/connection.cpp: floor 2, sockets
// Trying addresses in turn, and saying of each why it failed.
#include <thrum/sockets/connection.hpp>
#include <thrum/sockets/resolver.hpp>

#include <netinet/in.h>

#include <algorithm>
#include <system_error>
#include <vector>

namespace thrum {
namespace {

// RFC 8305 §4: the first address as sorted, then the families in turn, so that one broken family costs one
// attempt.
std::vector<Address> interleaved(std::vector<Address> sorted) {
    if (sorted.empty()) return sorted;
    const int first = sorted.front().family();
    const auto others = std::stable_partition(
        sorted.begin(), sorted.end(), [&](const Address& address) { return address.family() == first; });
    std::vector<Address> mixed;
    mixed.reserve(sorted.size());
    auto a = sorted.begin();
    auto b = others;
    while (a != others || b != sorted.end()) {
        if (a != others) mixed.push_back(std::move(*a++));
        if (b != sorted.end()) mixed.push_back(std::move(*b++));
    }
    return mixed;
}

std::string duration_text(std::chrono::nanoseconds duration) {
    const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
    if (milliseconds % 1000 == 0) return std::to_string(milliseconds / 1000) + " s";
    return std::to_string(milliseconds) + " ms";
}

// What was tried, for messages: "127.0.0.1:1 (Connection refused) and ".
struct Attempts {
    std::string failed;
    Address last;
    int code = 0;

    void add(const Address& address, int error) {
        if (code != 0) failed += last.to_string() + " (" + std::generic_category().message(code) + ") and ";
        last = address;
        code = error;
    }
    // "cannot connect to localhost:1, tried 127.0.0.1:1 (Connection refused) and [::1]:1".
    std::string summary(const Address& target) const {
        const std::string what = "cannot connect to " + target.to_string();
        return target == last ? what : what + ", tried " + failed + last.to_string();
    }
};

[[noreturn]] void give_up_late(const Address& target, const Address& at, const Attempts& attempts,
                               const ConnectionOptions& options) {
    std::string what = "timed out trying to connect to " + target.to_string();
    if (options.timeout) what += " within " + duration_text(*options.timeout);
    if (!(at == target)) what += ", at " + at.to_string();
    if (attempts.code != 0) {
        what += ", after " + attempts.failed + attempts.last.to_string() + " (" +
                std::generic_category().message(attempts.code) + ")";
    }
    throw TimeoutError(what);
}

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
    Attempts attempts;
    for (const Address& target : interleaved(resolve(address))) {
        try {
            Socket socket(target.family(), SOCK_STREAM);
            if (options.source) socket.bind(*options.source);
            socket.connect(target);
            socket.settimeout(options.timeout);
            return socket;
        } catch (const TimeoutError&) {
            if (std::chrono::steady_clock::now() >= current_deadline())
                give_up_late(address, target, attempts, options);
            attempts.add(target, ETIMEDOUT);  // the kernel gave up on this one: there may be time for another
        } catch (const OSError& error) {
            attempts.add(target, error.code());
        }
    }
    throw_os_error(attempts.code, attempts.summary(address));
}

}  // namespace thrum
