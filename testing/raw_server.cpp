// thrum/testing/raw_server.cpp: yard, testing
// Blocking sockets, a thread for each: the simplest peer there is.
#include <thrum/base/errors.hpp>
#include <thrum/base/text.hpp>
#include <thrum/testing/network.hpp>
#include <thrum/testing/raw_server.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace thrum::testing {

namespace {

std::size_t promised_body(std::string_view head) {
    for (const std::string_view line : split(head, '\n')) {
        const std::size_t colon = line.find(':');
        if (colon != line.npos && iequals(line.substr(0, colon), "content-length")) {
            return parse_unsigned(trim(line.substr(colon + 1))).value_or(0);
        }
    }
    return 0;
}

}  // namespace

std::string RawConnection::read_request() {
    for (;;) {
        const std::size_t end = buffer_.find("\r\n\r\n");
        if (end != buffer_.npos) {
            const std::size_t whole = end + 4 + promised_body(std::string_view(buffer_).substr(0, end + 2));
            if (buffer_.size() >= whole) {
                std::string request = buffer_.substr(0, whole);
                buffer_.erase(0, whole);
                return request;
            }
        }
        char piece[4096];
        const ssize_t got = recv(fd(), piece, sizeof piece, 0);
        if (got <= 0) return {};
        buffer_.append(piece, static_cast<std::size_t>(got));
    }
}

bool RawConnection::send(std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t sent = ::send(fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
}

void RawConnection::wait_for_close() {
    char piece[4096];
    while (recv(fd(), piece, sizeof piece, 0) > 0) {
    }
}

void RawConnection::reset_at_end() { reset_at_close(fd()); }

RawServer::RawServer(Handler handler)
    : handler_(std::move(handler)), listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    if (bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), length) < 0 ||
        listen(listener_.get(), SOMAXCONN) < 0 ||
        getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &length) < 0) {
        throw_os_error(errno, "cannot listen");
    }
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { accept_all(); });
}

RawServer::RawServer(std::string answer, bool close_after_answer)
    : RawServer([answer = std::move(answer), close_after_answer](RawConnection& connection, int) {
          while (!connection.read_request().empty() && connection.send(answer)) {
              if (close_after_answer) return;
          }
      }) {}

RawServer::~RawServer() {
    shutdown(listener_.get(), SHUT_RDWR);
    acceptor_.join();
    {
        const std::lock_guard guard(mutex_);
        for (const RawConnection& connection : open_) shutdown(connection.fd(), SHUT_RDWR);
    }
    for (std::thread& thread : threads_) thread.join();
}

void RawServer::accept_all() {
    for (;;) {
        const int fd = accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
        if (fd < 0) return;
        const std::lock_guard guard(mutex_);
        const auto connection = open_.emplace(open_.end(), fd);
        threads_.emplace_back(&RawServer::serve, this, connection, connections_++);
    }
}

void RawServer::serve(std::list<RawConnection>::iterator connection, int number) {
    handler_(*connection, number);
    const std::lock_guard guard(mutex_);
    open_.erase(connection);
}

}  // namespace thrum::testing
