// thrum/http/internal/server_answer.cpp: floor 3, http
// The way out: the head of an answer, and its body from memory, from a file or from a function.
#include <thrum/base/text.hpp>
#include <thrum/http/internal/server_connection.hpp>
#include <thrum/http/status.hpp>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>

namespace thrum::http::internal {
namespace {

// Bytes of a body that go in one call, under one write timeout.
constexpr std::size_t write_piece_size = 128 * 1024;
// Bytes that are read from a file at once.
constexpr std::size_t file_piece_size = 64 * 1024;

void append_number(std::string& out, std::uint64_t number, int base = 10) {
    std::array<char, 20> digits;
    out.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), number, base).ptr);
}

// Fields that only the server knows: they frame the message.
bool is_framing(std::string_view name) noexcept {
    return iequals(name, "Content-Length") || iequals(name, "Transfer-Encoding");
}

void report(const Request& request, const char* what) {
    std::fprintf(stderr, "thrum: the answer to %.*s %.*s broke off: %s\n",
                 static_cast<int>(request.method().size()), request.method().data(),
                 static_cast<int>(request.target().size()), request.target().data(), what);
}

}  // namespace

// Frames what a function writes; the head goes with its first bytes.
class ServerConnection::Writer final : public BodyWriter {
public:
    Writer(ServerConnection& connection, bool is_chunked, std::optional<std::uint64_t> length)
        : connection_(connection), is_chunked_(is_chunked), length_(length) {}

    void write(std::string_view bytes) override {
        if (length_ && bytes.size() > *length_ - written_) {
            throw Error("it wrote more than the " + std::to_string(*length_) + " bytes it had promised");
        }
        while (!bytes.empty()) {
            const std::string_view piece = bytes.substr(0, write_piece_size);
            bytes.remove_prefix(piece.size());
            send(piece);
        }
    }

    // Whether it was the client that could not be written to.
    bool has_lost_client() const noexcept { return has_lost_client_; }

    void finish() {
        if (length_ && written_ < *length_) {
            throw Error("it wrote " + std::to_string(written_) + " of the " + std::to_string(*length_) +
                        " bytes it had promised");
        }
        if (is_chunked_) connection_.out_ += "0\r\n\r\n";
        const std::array<std::string_view, 1> pieces = {connection_.out_};
        if (!connection_.out_.empty()) transmit(pieces);
    }

private:
    void send(std::string_view piece) {
        if (is_chunked_) {
            append_number(connection_.out_, piece.size(), 16);
            connection_.out_ += "\r\n";
        }
        const std::array<std::string_view, 3> pieces = {connection_.out_, piece, is_chunked_ ? "\r\n" : ""};
        transmit(pieces);
        connection_.out_.clear();
        connection_.body_bytes_sent_ += piece.size();
        written_ += piece.size();
    }

    void transmit(std::span<const std::string_view> pieces) {
        has_lost_client_ = true;  // unless this returns
        connection_.write(pieces);
        has_lost_client_ = false;
    }

    ServerConnection& connection_;
    bool is_chunked_;
    bool has_lost_client_ = false;
    std::optional<std::uint64_t> length_;
    std::uint64_t written_ = 0;
};

void ServerConnection::write(std::span<const std::string_view> pieces) {
    const Timeout limit(shared_.options.write_timeout);
    socket_.sendall(pieces);
}

void ServerConnection::write_head(const Response& response, bool keep_alive, bool is_chunked,
                                  std::uint64_t length, bool has_length) {
    out_.clear();
    out_ += "HTTP/1.1 ";
    append_number(out_, static_cast<std::uint64_t>(response.status()));
    out_ += ' ';
    out_ += reason_phrase(response.status());
    out_ += "\r\n";
    bool has_date = false;
    for (const auto& [name, value] : response.headers()) {
        if (is_framing(name) || iequals(name, "Connection")) continue;
        has_date = has_date || iequals(name, "Date");
        out_.append(name).append(": ").append(value).append("\r\n");
    }
    if (!has_date) out_.append("Date: ").append(date_.now()).append("\r\n");
    if (is_chunked) {
        out_ += "Transfer-Encoding: chunked\r\n";
    } else if (has_length) {
        out_ += "Content-Length: ";
        append_number(out_, length);
        out_ += "\r\n";
    }
    if (!keep_alive) {
        out_ += "Connection: close\r\n";
    } else if (has_request_ && parser_.head().minor_version == 0) {
        out_ += "Connection: keep-alive\r\n";
    }
    out_ += "\r\n";
}

bool ServerConnection::send(Response& response, bool keep_alive) {
    body_bytes_sent_ = 0;
    const bool is_head = has_request_ && request_.method() == "HEAD";
    const bool is_old = has_request_ && parser_.head().minor_version == 0;
    const bool is_stream = response.produce_ != nullptr;
    // 204 and 304 have no body, and 204 no length either (RFC 9110 §6.4.1, §8.6).
    const bool is_bodiless = response.status() == 204 || response.status() == 304;
    const bool has_length = !is_bodiless && (!is_stream || response.length_.has_value());
    const bool is_chunked = is_stream && !is_bodiless && !response.length_ && !is_old;
    if (is_stream && !is_bodiless && !response.length_ && is_old)
        keep_alive = false;  // its end is the body's end
    const auto connection = response.headers().get("Connection");
    if (connection && iequals(*connection, "close")) keep_alive = false;

    write_head(response, keep_alive, is_chunked, response.length_.value_or(response.body_.size()),
               has_length);
    if (is_head || is_bodiless) {
        send_memory({});
    } else if (is_stream) {
        return send_stream(response, is_chunked) && keep_alive;
    } else if (response.file_) {
        return send_file(response) && keep_alive;
    } else {
        send_memory(response.body_);
    }
    return keep_alive;
}

void ServerConnection::send_memory(std::string_view body) {
    std::string_view head = out_;
    do {
        const std::array<std::string_view, 2> pieces = {head, body.substr(0, write_piece_size)};
        write(pieces);
        body_bytes_sent_ += pieces[1].size();
        head = {};
        body.remove_prefix(pieces[1].size());
    } while (!body.empty());
}

// The file's pages are as a rule in memory, so it is read here and not on another OS thread.
bool ServerConnection::send_file(Response& response) {
    std::uint64_t left = *response.length_;
    if (!file_buffer_) file_buffer_.reset(new char[file_piece_size]);
    std::string_view head = out_;
    while (left > 0) {
        const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(left, file_piece_size));
        const ssize_t got = pread(response.file_.get(), file_buffer_.get(), wanted,
                                  static_cast<off_t>(response.offset_ + (*response.length_ - left)));
        if (got <= 0) {
            report(request_,
                   got == 0 ? "the file became shorter while it was sent" : "the file cannot be read");
            return false;
        }
        const std::array<std::string_view, 2> pieces = {
            head, std::string_view(file_buffer_.get(), static_cast<std::size_t>(got))};
        write(pieces);
        head = {};
        left -= static_cast<std::uint64_t>(got);
        body_bytes_sent_ += static_cast<std::uint64_t>(got);
    }
    if (!head.empty()) send_memory({});
    return true;
}

bool ServerConnection::send_stream(Response& response, bool is_chunked) {
    Writer writer(*this, is_chunked, response.length_);
    std::string what;
    try {
        response.produce_(writer);
        writer.finish();
        return true;
    } catch (const Cancelled&) {
        throw;
    } catch (const std::exception& error) {
        if (writer.has_lost_client()) return false;
        what = error.what();
    } catch (...) {
        what = "an exception of unknown type";
    }
    report(request_, what.c_str());
    return false;
}

void ServerConnection::log(int status, Deadline started) {
    if (!shared_.options.access_log) return;
    const std::string_view method = has_request_ ? request_.method() : std::string_view();
    const std::string_view target = has_request_ ? request_.target() : std::string_view();
    const int version = has_request_ ? request_.minor_version() : 1;
    const auto took = std::chrono::steady_clock::now() - started;
    try {
        shared_.options.access_log({peer_, method, target, status, body_bytes_sent_, took, version});
    } catch (const std::exception& error) {
        std::fprintf(stderr, "thrum: the access log failed: %s\n", error.what());
    }
}

}  // namespace thrum::http::internal
