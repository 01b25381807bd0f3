// thrum/http/internal/server_connection.cpp: floor 3, http
// The way in: heads, bodies, and which answer a request gets. The way out is server_answer.cpp.
#include <thrum/http/internal/server_connection.hpp>
#include <thrum/http/status.hpp>

#include <algorithm>
#include <cstdio>
#include <mutex>
#include <utility>

namespace thrum::http::internal {
namespace {

// Status of a body that a client stopped sending; nobody is there to read it.
constexpr int client_gone = 400;

// One more, while it stands.
class Counted {
public:
    explicit Counted(std::atomic<std::size_t>& count) noexcept : count_(count) { ++count_; }
    ~Counted() { --count_; }
    Counted(const Counted&) = delete;
    Counted& operator=(const Counted&) = delete;

private:
    std::atomic<std::size_t>& count_;
};

}  // namespace

ServerConnection::ServerConnection(ServerShared& shared, Socket& socket, const Address& peer)
    : shared_(shared), socket_(socket), peer_(peer), stream_(socket) {
    const std::scoped_lock guard(shared_.lock);
    shared_.connections.insert(this);
}

// Shielded: it runs in threads that were cancelled, when many of them leave at once.
ServerConnection::~ServerConnection() {
    shared_.lock.lock_shielded();
    shared_.connections.erase(this);
    shared_.lock.unlock();
    // Whoever interrupts this one must have finished.
    in_use_.lock_shielded();
    in_use_.unlock();
}

void ServerConnection::interrupt_if_idle() noexcept {
    if (!is_idle_) return;
    try {
        socket_.shutdown(SHUT_RD);
    } catch (const Error&) {
        // The client was faster.
    }
}

// Each is taken out under the shared lock and kept by its own, so that nobody waits for the system calls.
void ServerConnection::interrupt_idle(ServerShared& shared) {
    for (;;) {
        std::unique_lock guard(shared.lock);
        if (shared.connections.empty()) return;
        ServerConnection& connection = **shared.connections.begin();
        shared.connections.erase(shared.connections.begin());
        connection.in_use_.lock_shielded();
        const std::scoped_lock keeping(std::adopt_lock, connection.in_use_);
        guard.unlock();
        connection.interrupt_if_idle();
    }
}

void ServerConnection::run() {
    try {
        while (serve_one()) {
        }
    } catch (const OSError&) {
        // The client has gone, or does not take what it asked for. That is no news to anybody.
    }
}

void ServerConnection::turn_away() {
    try {
        const Deadline started = std::chrono::steady_clock::now();
        Response response = refuse(503, "too many connections from your address");
        send(response, false);
        log(response.status(), started);
        linger();
    } catch (const OSError&) {
        // The client has gone.
    }
}

bool ServerConnection::serve_one() {
    if (!read_head()) return false;
    const Counted counted(shared_.answering);
    const Deadline started = std::chrono::steady_clock::now();
    const RequestHead& head = parser_.head();
    if (head.framing.kind == BodyKind::none) {
        held_bytes_ = parser_.head_size();
    } else {
        const std::string_view bytes = stream_.buffered().substr(0, parser_.head_size());
        head_copy_.assign(bytes);
        parser_.rebase(bytes.data(), head_copy_.data());
        stream_.consume(head_copy_.size());
    }
    decoder_.reset(head.framing);
    continue_sent_ = false;
    body_failure_ = 0;
    body_patience_ = shared_.options.body_timeout;
    request_.reset(head, *this, peer_);

    Response response = answer();
    if (shared_.options.delay.count() > 0) sleep(shared_.options.delay);
    const bool is_drained = drain_body();
    const bool keep_alive = send(response, is_drained && head.keep_alive && !shared_.stopping);
    log(response.status(), started);
    if (!is_drained) linger();
    stream_.consume(std::exchange(held_bytes_, 0));
    parser_.reset();
    has_request_ = false;
    return keep_alive;
}

// One wait for bytes of a head. Returns 0 when there is nothing more to answer.
std::size_t ServerConnection::fill_head(bool is_first) {
    if (!stream_.buffered().empty()) return stream_.fill();  // under the deadline of the whole head
    const auto patience = is_first ? shared_.options.header_timeout : shared_.options.idle_timeout;
    const Timeout limit(patience);
    // First idle, then a look at stopping; shutdown() does it the other way round, so one of the two sees the
    // other.
    is_idle_ = true;
    // Thousands idle at once: what one needs only while it works is given back.
    stream_.release_buffer();
    file_buffer_.reset();
    head_copy_ = {};
    const std::size_t got = shared_.stopping ? 0 : stream_.fill();
    is_idle_ = false;
    return got;
}

bool ServerConnection::read_head() {
    bool has_begun = false;
    try {
        const bool is_first = requests_++ == 0;
        if (stream_.buffered().empty() && fill_head(is_first) == 0) return false;
        has_begun = true;
        const Timeout limit(shared_.options.header_timeout);
        for (;;) {
            const auto [consumed, state] = parser_.parse(stream_.buffered());
            if (state == ParseState::complete) return has_request_ = true;
            if (state == ParseState::failed) break;
            if (stream_.fill() == 0) return false;
        }
    } catch (const TimeoutError&) {
        if (!has_begun) return false;
        Response response = refuse(408, "the headers did not come in time");
        send(response, false);
        return false;
    }
    Response response = refuse(status_of(parser_.error()), describe(parser_.error()));
    send(response, false);
    log(response.status(), std::chrono::steady_clock::now());
    linger();
    return false;
}

Response ServerConnection::refuse(int status, std::string_view why) {
    std::string text = std::to_string(status) + " " + std::string(reason_phrase(status));
    if (!why.empty()) text.append(": ").append(why);
    return Response::text(text + "\n", status);
}

Response ServerConnection::answer() {
    const RequestHead& head = parser_.head();
    const std::uint64_t limit = shared_.options.max_body_size;
    if (head.framing.kind == BodyKind::length && head.framing.length > limit) {
        body_failure_ = 413;
        return refuse(413, "a body may have " + std::to_string(limit) + " bytes");
    }
    if (head.has_unknown_expectation) return refuse(417, "only 100-continue can be expected");
    const Router& router = shared_.router;
    if (head.method == "CONNECT" || !router.knows_method(head.method)) return refuse(501);
    const auto* handler = router.find(head.method, request_.raw_path(), request_.path_params_);
    if (handler != nullptr) return handle(*handler);
    const std::string allowed = router.allowed(request_.raw_path());
    if (allowed.empty() && head.target != "*") return refuse(404);
    // "*" asks about the server as a whole (RFC 9110 §9.3.7).
    Response response = head.method == "OPTIONS" ? Response(204) : refuse(405);
    response.headers().add("Allow", allowed.empty() ? "GET, HEAD, OPTIONS" : allowed);
    return response;
}

Response ServerConnection::handle(const Server::Handler& handler) {
    std::string what;
    try {
        return handler(request_);
    } catch (const Cancelled&) {
        throw;
    } catch (const ContentTooLarge& error) {
        body_failure_ = 413;
        return refuse(413, error.what());
    } catch (const BadRequest& error) {
        return refuse(400, error.what());
    } catch (const std::exception& error) {
        if (body_failure_ != 0) return refuse(body_failure_, error.what());
        what = error.what();
    } catch (...) {
        what = "an exception of unknown type";
    }
    std::fprintf(stderr, "thrum: the handler of %.*s %.*s failed: %s\n",
                 static_cast<int>(request_.method().size()), request_.method().data(),
                 static_cast<int>(request_.target().size()), request_.target().data(), what.c_str());
    return refuse(500);
}

void ServerConnection::fail_body(ParseError error) {
    body_failure_ = error == ParseError::premature_end ? client_gone : status_of(error);
    throw ProtocolError("the request's body is broken: " + std::string(describe(error)), error);
}

void ServerConnection::fill_body() {
    try {
        // The client waits to be asked (RFC 9110 §10.1.1), unless it has begun anyway.
        if (parser_.head().expects_continue && !std::exchange(continue_sent_, true) &&
            decoder_.decoded() == 0) {
            constexpr std::string_view go_on[] = {"HTTP/1.1 100 Continue\r\n\r\n"};
            write(go_on);
        }
        const Timeout limit(body_patience_);
        const auto began = std::chrono::steady_clock::now();
        const std::size_t got = stream_.fill();
        // Bytes buy time, so that a trickle which never stops ends too.
        const auto earned =
            std::chrono::nanoseconds(std::chrono::seconds(static_cast<std::int64_t>(got))) / min_body_rate;
        body_patience_ = std::min(body_patience_ - (std::chrono::steady_clock::now() - began) + earned,
                                  shared_.options.body_timeout);
        if (got != 0) return;
    } catch (const TimeoutError&) {
        body_failure_ = 408;
        throw;
    } catch (const ConnectionError&) {
        body_failure_ = client_gone;
        throw;
    }
    decoder_.finish();
    fail_body(ParseError::premature_end);
}

std::string_view ServerConnection::next_piece() {
    for (;;) {
        stream_.consume(std::exchange(piece_bytes_, 0));
        if (decoder_.state() == ParseState::complete) return {};
        const BodyDecoder::Piece piece = decoder_.decode(stream_.buffered());
        if (decoder_.state() == ParseState::failed) fail_body(decoder_.error());
        if (decoder_.decoded() > shared_.options.max_body_size) {
            body_failure_ = 413;
            throw ContentTooLarge("a body may have " + std::to_string(shared_.options.max_body_size) +
                                  " bytes");
        }
        piece_bytes_ = piece.consumed;
        if (!piece.data.empty()) return piece.data;
        if (piece.consumed == 0 && piece.state == ParseState::need_more) fill_body();
    }
}

// Reads away what the handler left of the body, within bounds. False when the connection cannot carry on.
bool ServerConnection::drain_body() {
    if (body_failure_ != 0) return false;
    if (decoder_.state() == ParseState::need_more) {
        // A client that was never asked to go on may or may not send the body.
        if (parser_.head().expects_continue && !continue_sent_) return false;
        const Framing& framing = decoder_.framing();
        if (framing.kind == BodyKind::length && framing.length - decoder_.decoded() > drain_limit)
            return false;
    }
    try {
        const Timeout limit(linger_timeout);
        const std::uint64_t before = decoder_.decoded();
        while (!next_piece().empty()) {
            if (decoder_.decoded() - before > drain_limit) return false;
        }
        return true;
    } catch (const Error&) {
        return false;
    }
}

// Takes what the client still sends until it has seen the answer: closing with bytes unread would reset the
// connection, and the reset may overtake the answer (RFC 9112 §9.6).
void ServerConnection::linger() {
    try {
        const Timeout limit(linger_timeout);
        socket_.shutdown_write();
        std::uint64_t taken = 0;
        do {
            taken += stream_.buffered().size();
            stream_.consume(stream_.buffered().size());
        } while (taken < drain_limit && stream_.fill() != 0);
    } catch (const Error&) {
        // Enough patience.
    }
    held_bytes_ = piece_bytes_ = 0;
}

}  // namespace thrum::http::internal
