// thrum/http/server.hpp: floor 3, http
// Server: routes, JSON and files over HTTP/1.1, a thread for each client.
#pragma once

#include <thrum/http/request.hpp>
#include <thrum/http/response.hpp>
#include <thrum/sockets/address.hpp>
#include <thrum/threads/thread.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string_view>

namespace thrum::http {

// Bytes of a request's body, unless ServerOptions says otherwise.
inline constexpr std::uint64_t default_max_body_size = 64 * 1024 * 1024;
// Bytes of an unread body that are read away so that the connection can go on; beyond, it is closed.
inline constexpr std::uint64_t drain_limit = 256 * 1024;
// Bytes a second that a body must come with in the long run, once body_timeout is used up.
inline constexpr std::int64_t min_body_rate = 500;
// How long a client that is turned away may go on sending before the connection is cut.
inline constexpr std::chrono::seconds linger_timeout{2};
// Connections that one address may have at once, unless ServerOptions says otherwise: a tenth of max_clients,
// above what one crawler, proxy or office behind one address needs.
inline constexpr std::size_t default_max_clients_per_peer = 10'000;
// Handlers are other people's code: more stack than thrum's own threads need. Untouched pages cost nothing.
inline constexpr std::size_t handler_stack_size = 2 * default_stack_size;

// One answered request, as a log tells it. The views hold during the call.
struct AccessRecord {
    const Address& peer;
    std::string_view method;  // "" where the request could not be read
    std::string_view target;
    int status;
    std::uint64_t body_bytes;  // sent
    std::chrono::nanoseconds took;
    int minor_version = 1;  // of the client's HTTP/1
};

struct ServerOptions {
    std::chrono::nanoseconds header_timeout =
        std::chrono::seconds(20);  // for a whole head, from its first byte on
    std::chrono::nanoseconds idle_timeout = std::chrono::seconds(60);  // between two requests
    std::chrono::nanoseconds body_timeout = std::chrono::seconds(30);  // for the next bytes of a body
    std::chrono::nanoseconds write_timeout =
        std::chrono::seconds(30);                         // for a client to take a piece of an answer
    std::uint64_t max_body_size = default_max_body_size;  // bytes
    std::size_t max_clients = 100'000;                    // at once; others wait in the kernel
    // At once from one IPv4 address, or from one IPv6 network of 64 bits, which has one owner. Others get 503
    // and are closed; they do not wait until one leaves, for waiting would hold a place of max_clients, which
    // they have only until they have gone, linger_timeout at most. 0 sets no limit: right behind a proxy,
    // whose address all clients seem to have.
    std::size_t max_clients_per_peer = default_max_clients_per_peer;
    std::chrono::nanoseconds delay{0};  // before each answer, as if it came from far away
    // Called after each answer, in the client's thread, by many at once. What it throws is lost.
    std::function<void(const AccessRecord&)> access_log = {};
};

struct FilesOptions {
    bool listing = true;  // answer for a folder without index.html with a list of what is in it
};

// Routes are added before serving begins; then every other member may be called from any thread.
class Server {
public:
    using Handler = std::function<Response(Request&)>;

    explicit Server(ServerOptions options = {});
    // shutdown(0).
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    // `pattern` is a path; a segment "{name}" stands for any one segment that is not empty, "{name...}" at
    // the end for all that follows. A path without names goes before one with them, otherwise the first added
    // goes first. GET answers HEAD too; a path with other methods only is answered 405. `handler` takes a
    // Request& or a const Request&, runs in the client's thread and may be called by many at once; what it
    // throws becomes 500 and a line on standard error. Throws Error for a pattern or method that cannot be.
    void route(std::string_view method, std::string_view pattern, Handler handler);
    // Serves the files in `folder` and below for paths that begin with `prefix`: GET and HEAD, index.html,
    // ranges, ETag and Last-Modified. Nothing outside of the folder can be had, by ".." or by a symbolic
    // link. Throws OSError when the folder cannot be opened.
    void files(std::string_view prefix, const std::filesystem::path& folder,
               const FilesOptions& options = {});

    // Throws as thrum::create_server() does.
    void listen(const Address& address);
    // Where it listens, with the port that 0 became. Throws Error before listen().
    const Address& address() const;
    // Answers until shutdown(). Throws as TCPServer::serve_forever(), Error before listen().
    void serve_forever();
    // Takes no more clients, lets requests that are being answered end for up to `grace`, closes idle
    // connections at once, then cancels what is left and waits for it. Throws Cancelled, TimeoutError.
    void shutdown(std::chrono::nanoseconds grace = std::chrono::nanoseconds(0));
    // How many requests are being answered now: those that shutdown() would let end.
    std::size_t answering() const noexcept;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace thrum::http
