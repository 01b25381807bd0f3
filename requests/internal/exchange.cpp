// thrum/requests/internal/exchange.cpp: floor 4, requests
// Sending, receiving the head, and the one retry that nobody notices.
#include <thrum/base/text.hpp>
#include <thrum/requests/errors.hpp>
#include <thrum/requests/internal/exchange.hpp>
#include <thrum/requests/internal/http1_body.hpp>

#include <exception>

namespace thrum::requests::internal {

namespace {

using Clock = std::chrono::steady_clock;

bool is_idempotent(std::string_view method) {
    for (const std::string_view name : {"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"}) {
        if (method == name) return true;
    }
    return false;
}

// A request that ought to have a body says so even when it is empty (RFC 9110 §8.6).
bool needs_length(const PreparedRequest& request) {
    return !request.body.empty() || (request.method != "GET" && request.method != "HEAD");
}

void send(Connection& connection, const PreparedRequest& request) {
    std::string& head = connection.scratch();
    head.clear();
    write_head(head, request);
    connection.send(head, request.body);
}

// Each byte may come within the read timeout and the head yet never end; where a body is streamed, no total
// timeout stands behind it. So the head as a whole, informational answers included, has as long as connecting
// and one wait may take.
const http::ResponseHead& read_head(Connection& connection, const PreparedRequest& request,
                                    const Context& context) {
    const Deadline connected = deadline_after(context.limits.connect);
    const bool endless = connected == never || context.limits.read >= never - connected;
    const Deadline own = endless ? never : connected + context.limits.read;
    const Deadline outer = current_deadline();
    try {
        const thrum::Timeout scope(own);
        return connection.read_head(request.method);
    } catch (const thrum::TimeoutError&) {
        if (own >= outer || Clock::now() < own) throw;
        std::throw_with_nested(ReadTimeout(
            message(context,
                    "the answer's headers were not all there within the connect and the read timeout "
                    "together; the server sends them too slowly"),
            context.url));
    }
}

// A server may refuse a body before it has read it all, answer, and close; then sending fails, and the answer
// says why (RFC 9112 §9.3). Where there is none, the failure to send is what counts.
const http::ResponseHead& head_after_broken_send(Connection& connection, const PreparedRequest& request,
                                                 const Context& context, const std::exception_ptr& broken) {
    try {
        return read_head(connection, request, context);
    } catch (const OSError&) {
        std::rethrow_exception(broken);
    } catch (const RequestException&) {
        std::rethrow_exception(broken);
    }
}

// One attempt on one connection, which may be left inside `connection` when it fails.
Reply attempt(std::unique_ptr<Connection>& connection, const std::shared_ptr<Pool>& pool,
              const PreparedRequest& request, const Context& context, Phase& phase) {
    Reply reply;
    const auto start = Clock::now();
    const http::ResponseHead* head = nullptr;
    bool sent = true;
    try {
        send(*connection, request);
        phase = Phase::head;
        head = &read_head(*connection, request, context);
    } catch (const thrum::ConnectionError&) {
        if (phase != Phase::send) throw;
        sent = false;
        head = &head_after_broken_send(*connection, request, context, std::current_exception());
    }
    reply.elapsed = Clock::now() - start;
    reply.status = head->status;
    reply.reason = head->reason;
    reply.headers = head->headers();
    const bool keep_alive = connection->reusable() && sent && head->status != 101;
    const http::Framing framing = head->framing;
    const bool empty =
        framing.kind == http::BodyKind::none || framing == http::Framing{http::BodyKind::length, 0};
    if (empty) {
        if (keep_alive && connection->buffered().empty()) pool->give_back(std::move(connection));
        connection.reset();
    } else {
        reply.body = std::make_unique<Http1Body>(std::move(connection), framing, keep_alive, pool);
    }
    return reply;
}

}  // namespace

void write_head(std::string& out, const PreparedRequest& request) {
    out.append(request.method).append(" ").append(request.url.request_target()).append(" HTTP/1.1\r\nHost: ");
    const auto host = request.headers.get("Host");
    out.append(host ? *host : request.url.authority()).append("\r\n");
    for (const auto& [name, value] : request.headers) {
        if (iequals(name, "Host") || iequals(name, "Content-Length")) continue;
        out.append(name).append(": ").append(value).append("\r\n");
    }
    if (needs_length(request)) {
        out.append("Content-Length: ").append(std::to_string(request.body.size())).append("\r\n");
    }
    out += "\r\n";
}

Reply exchange(const std::shared_ptr<Pool>& pool, const PreparedRequest& request, const Trust& trust,
               const Context& context) {
    const Deadline outer = current_deadline();
    const thrum::Timeout scope(context.deadline);
    const Origin origin = Origin::of(request.url, trust);
    const auto read_limit = context.limits.read == no_timeout ? std::optional<std::chrono::nanoseconds>()
                                                              : std::optional(context.limits.read);
    for (bool first = true;; first = false) {
        std::unique_ptr<Connection> connection;
        Phase phase = Phase::connect;
        bool reused = false;
        const auto may_retry = [&] {
            return reused && connection->nothing_received() && is_idempotent(request.method);
        };
        try {
            if (first) connection = pool->take(origin);
            reused = connection != nullptr;
            if (!reused) connection = pool->connect(origin, context.limits.connect, phase);
            connection->stream().settimeout(read_limit);
            phase = Phase::send;
            return attempt(connection, pool, request, context, phase);
        } catch (const thrum::ConnectionError&) {
            if (!may_retry()) rethrow_for(context, phase, outer);
        } catch (const TLSError& error) {
            if (error.failure() != TLSFailure::truncated || !may_retry()) rethrow_for(context, phase, outer);
        } catch (const OSError&) {
            rethrow_for(context, phase, outer);
        } catch (const http::ProtocolError& error) {
            std::throw_with_nested(InvalidResponse(
                message(context, std::string("the answer is not HTTP as it should be: ") + error.what()),
                context.url));
        }
    }
}

}  // namespace thrum::requests::internal
