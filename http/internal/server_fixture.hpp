// thrum/http/internal/server_fixture.hpp: floor 3, http
// For the tests of Server: one that serves on a free loopback port while it stands, and what to say to it.
#pragma once

#include <thrum/http/parser.hpp>
#include <thrum/http/server.hpp>
#include <thrum/sockets/connection.hpp>
#include <thrum/threads/thread.hpp>

#include <chrono>
#include <string>
#include <string_view>
#include <utility>

namespace thrum::http::internal {

inline constexpr std::chrono::seconds patience{20};  // a test that waits longer has failed

// Waits until `holds`; false when the patience is over.
template <class Condition>
bool eventually(Condition&& holds) {
    for (const Deadline until = deadline_after(patience); std::chrono::steady_clock::now() < until;) {
        if (holds()) return true;
        sleep(std::chrono::milliseconds(1));
    }
    return false;
}

class Serving {
public:
    explicit Serving(ServerOptions options = {}) : server(std::move(options)) {}
    ~Serving() {
        if (thread_.joinable()) {
            server.shutdown();
            thread_.join();
        }
    }
    // From here on clients may connect and send; nobody reads it before start().
    void listen(const Address& address = {"127.0.0.1", 0}) {
        server.listen(address);
        is_listening_ = true;
    }
    void start() {
        if (!is_listening_) listen();
        thread_ = Thread([this] { server.serve_forever(); });
    }
    Socket connect() const {
        Socket socket = create_connection(server.address());
        socket.settimeout(patience);
        return socket;
    }
    // What a new client gets for `bytes` until the server closes; it half-closes when `ends` says so.
    std::string talk(std::string_view bytes, bool ends = true) const {
        Socket socket = connect();
        socket.sendall(bytes);
        if (ends) socket.shutdown(SHUT_WR);
        return socket.recv_all();
    }

    Server server;

private:
    Thread thread_;
    bool is_listening_ = false;
};

struct Answer {
    int status = 0;
    Headers headers = {};
    std::string body = {};
    bool keep_alive = false;
};

// Takes one answer off the front of `bytes`; status 0 where there is no whole one.
inline Answer take_answer(std::string& bytes, std::string_view method = "GET") {
    ResponseParser parser(method);
    const auto [consumed, state] = parser.parse(bytes);
    if (state != ParseState::complete) return {};
    Answer answer{parser.head().status, parser.head().headers(), {}, parser.head().keep_alive};
    BodyDecoder decoder(parser.head().framing);
    bytes.erase(0, consumed);
    while (decoder.state() == ParseState::need_more) {
        const auto piece = decoder.decode(bytes);
        answer.body += piece.data;
        if (piece.consumed == 0 && piece.state == ParseState::need_more &&
            decoder.finish() == ParseState::failed) {
            return {};
        }
        bytes.erase(0, piece.consumed);
    }
    return decoder.state() == ParseState::complete ? answer : Answer();
}

}  // namespace thrum::http::internal
