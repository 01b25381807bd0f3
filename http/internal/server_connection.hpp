// thrum/http/internal/server_connection.hpp: floor 3, http
// One client of a Server: requests in, answers out, in order, until one side has had enough.
#pragma once

#include <thrum/http/internal/date.hpp>
#include <thrum/http/internal/peer_limit.hpp>
#include <thrum/http/internal/router.hpp>
#include <thrum/http/server.hpp>
#include <thrum/sockets/buffered_stream.hpp>
#include <thrum/sockets/socket.hpp>
#include <thrum/threads/lock.hpp>

#include <atomic>
#include <memory>
#include <span>
#include <string>
#include <unordered_set>

namespace thrum::http::internal {

class ServerConnection;

// What all connections of a Server share.
struct ServerShared {
    ServerOptions options;
    Router router;
    PeerLimit peers;
    std::atomic<bool> stopping = false;
    std::atomic<std::size_t> answering = 0;  // requests whose head is here and whose answer is not out
    Lock lock;
    std::unordered_set<ServerConnection*> connections;  // under `lock`; those to interrupt
};

class ServerConnection final : private BodySource {
public:
    ServerConnection(ServerShared& shared, Socket& socket, const Address& peer);
    ~ServerConnection() override;
    ServerConnection(const ServerConnection&) = delete;
    ServerConnection& operator=(const ServerConnection&) = delete;

    // Throws Cancelled; whatever the client does wrong ends it quietly.
    void run();
    // Instead of run(): says 503 to a client whose address has too many connections. At once and unread, so
    // that it costs no more than the answer and linger_timeout. Throws Cancelled.
    void turn_away();
    // Ends those that wait for the next request, once `stopping` is set. From any thread. Throws Cancelled.
    static void interrupt_idle(ServerShared& shared);

private:
    class Writer;

    void interrupt_if_idle() noexcept;
    bool serve_one();
    bool read_head();
    std::size_t fill_head(bool is_first);
    Response answer();
    Response handle(const Server::Handler& handler);
    Response refuse(int status, std::string_view why = {});
    std::string_view next_piece() override;
    void fill_body();
    [[noreturn]] void fail_body(ParseError error);
    bool drain_body();
    void linger();

    // Sends the answer. Returns whether the connection can carry on.
    bool send(Response& response, bool keep_alive);
    void write_head(const Response& response, bool keep_alive, bool is_chunked, std::uint64_t length,
                    bool has_length);
    void send_memory(std::string_view body);
    bool send_file(Response& response);
    bool send_stream(Response& response, bool is_chunked);
    void write(std::span<const std::string_view> pieces);
    void log(int status, Deadline started);

    ServerShared& shared_;
    Socket& socket_;
    const Address& peer_;
    BufferedStream stream_;
    RequestParser parser_;
    std::string head_copy_;  // of a request with a body, whose head the buffer cannot keep
    BodyDecoder decoder_;
    Request request_;
    DateCache date_;
    std::string out_;                      // the head of the answer, until it is sent
    std::unique_ptr<char[]> file_buffer_;  // made at the first file
    std::size_t held_bytes_ = 0;           // of the head, in the buffer until its request is answered
    std::size_t piece_bytes_ = 0;          // of the body, given to the handler and still in the buffer
    std::uint64_t body_bytes_sent_ = 0;
    std::uint64_t requests_ = 0;
    std::chrono::nanoseconds body_patience_{0};  // how much longer the body may be waited for
    int body_failure_ = 0;      // the status for what went wrong with the body; 0 where nothing did
    bool has_request_ = false;  // parser_.head() is one
    bool continue_sent_ = false;
    std::atomic<bool> is_idle_ = false;
    Lock in_use_;  // by interrupt_idle(); the connection stays while it is held
};

}  // namespace thrum::http::internal
