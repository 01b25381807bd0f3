// thrum/requests/internal/http1_body.cpp: floor 4, requests
// Reading a body to its end, and what it means when it has none.
#include <thrum/requests/internal/http1_body.hpp>

#include <exception>

namespace thrum::requests::internal {

Http1Body::~Http1Body() {
    if (!connection_) return;
    connection_->consume(given_);
    if (reusable()) pool_->give_back_now(std::move(connection_));
}

// Bytes beyond the body's end were not asked for; nobody knows what they answer.
bool Http1Body::reusable() const {
    return keep_alive_ && decoder_.state() == http::ParseState::complete &&
           decoder_.framing().kind != http::BodyKind::until_close && connection_->buffered().empty();
}

IncompleteRead Http1Body::incomplete(const Context& context, std::string_view cause) {
    const std::uint64_t received = decoder_.decoded();
    std::optional<std::uint64_t> expected;
    if (decoder_.framing().kind == http::BodyKind::length) expected = decoder_.framing().length;
    std::string what = "the body broke off, got " + std::to_string(received);
    if (expected) what += " of " + std::to_string(*expected);
    what.append(" bytes: ").append(cause);
    connection_.reset();
    return {message(context, what), context.url, received, expected};
}

void Http1Body::fill(const Context& context) {
    std::size_t got = 0;
    try {
        got = connection_->fill();
    } catch (const thrum::ConnectionError& error) {
        std::throw_with_nested(incomplete(context, error.what()));
    } catch (const TLSError& error) {
        if (error.failure() != TLSFailure::truncated) throw;
        std::throw_with_nested(incomplete(context, error.what()));
    }
    if (got == 0 && decoder_.finish() == http::ParseState::failed) {
        throw incomplete(context, "the server closed the connection");
    }
}

std::string_view Http1Body::read(const Context& context) {
    while (connection_) {
        connection_->consume(given_);
        given_ = 0;
        const http::BodyDecoder::Piece piece = decoder_.decode(connection_->buffered());
        if (piece.state == http::ParseState::failed) {
            connection_.reset();
            throw ChunkedEncodingError(
                message(context,
                        std::string("the body's chunks are malformed: ").append(describe(decoder_.error()))),
                context.url);
        }
        if (!piece.data.empty()) {
            given_ = piece.consumed;
            return piece.data;
        }
        connection_->consume(piece.consumed);
        if (decoder_.state() == http::ParseState::complete) {
            std::unique_ptr<Connection> connection;
            const bool keep = reusable();
            connection.swap(connection_);
            if (keep) pool_->give_back(std::move(connection));
        } else {
            fill(context);
        }
    }
    return {};
}

}  // namespace thrum::requests::internal
