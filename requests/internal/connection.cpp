// thrum/requests/internal/connection.cpp: floor 4, requests
// Filling the buffer and parsing the head of an answer.
#include <thrum/requests/internal/connection.hpp>
#include <thrum/threads/thread.hpp>

#include <algorithm>
#include <array>
#include <cstring>

namespace thrum::requests::internal {

namespace {

[[noreturn]] void throw_protocol_error(http::ParseError error) {
    throw http::ProtocolError(std::string(http::describe(error)), error);
}

}  // namespace

bool Connection::is_stale() { return begin_ != end_ || stream_->readable_now(); }

void Connection::send(std::string_view head, std::string_view body) {
    received_ = false;
    const std::array<std::string_view, 2> pieces = {head, body.substr(0, send_piece_size)};
    stream_->sendall(std::span(pieces.data(), pieces[1].empty() ? 1 : 2));
    for (std::size_t at = send_piece_size; at < body.size(); at += send_piece_size) {
        stream_->sendall(body.substr(at, send_piece_size));
    }
}

const http::ResponseHead& Connection::read_head(std::string_view method) {
    for (int informational = 0; informational <= max_informational; ++informational) {
        parser_.reset(method);
        http::ParseResult result;
        while ((result = parser_.parse(buffered())).state == http::ParseState::need_more) {
            if (fill() > 0) continue;
            if (begin_ == end_)
                throw ConnectionResetError(ECONNRESET, "the server closed the connection without an answer");
            throw ConnectionResetError(ECONNRESET,
                                       "the server closed the connection within its answer's headers");
        }
        if (result.state == http::ParseState::failed) throw_protocol_error(parser_.error());
        consume(result.consumed);
        // 101 would end HTTP on this connection; we never ask for it.
        const http::ResponseHead& head = parser_.head();
        // An informational answer that claims a body: another reader would take what follows for it.
        reusable_ = reusable_ && head.keep_alive;
        if (head.status >= 200 || head.status == 101) return head;
    }
    throw http::ProtocolError("more than " + std::to_string(max_informational) + " informational answers",
                              http::ParseError::none);
}

void Connection::make_room() {
    if (begin_ == end_) begin_ = end_ = 0;
    if (filled_up_ && begin_ == end_ && capacity_ < large_receive_buffer_size) {
        data_ = std::make_unique_for_overwrite<char[]>(large_receive_buffer_size);
        capacity_ = large_receive_buffer_size;
    }
    if (end_ < capacity_) return;
    if (begin_ > 0) {
        std::memmove(data_.get(), data_.get() + begin_, end_ - begin_);
    } else {
        // Bounded: the parsers refuse heads and chunk lines long before.
        const std::size_t capacity = std::max(receive_buffer_size, capacity_ * 2);
        auto larger = std::make_unique_for_overwrite<char[]>(capacity);
        std::copy_n(data_.get(), end_, larger.get());
        data_ = std::move(larger);
        capacity_ = capacity;
    }
    end_ -= begin_;
    begin_ = 0;
}

std::size_t Connection::fill() {
    // A peer that always has more ready would never let recv_into() wait, which is where these are noticed.
    check_cancelled();
    make_room();
    const std::size_t room = capacity_ - end_;
    const std::size_t got = stream_->recv_into({data_.get() + end_, room});
    end_ += got;
    received_ = received_ || got > 0;
    filled_up_ = got == room;
    return got;
}

void Connection::rest() noexcept {
    filled_up_ = false;
    if (capacity_ > receive_buffer_size && begin_ == end_) {
        data_.reset();
        capacity_ = begin_ = end_ = 0;
    }
    if (scratch_.capacity() > receive_buffer_size) scratch_ = std::string();
}

}  // namespace thrum::requests::internal
