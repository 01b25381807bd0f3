// thrum/testing/raw_server.hpp: yard, testing
// A TCP server on plain threads that answers with whatever bytes a test wants, however wrong.
#pragma once

#include <thrum/base/file.hpp>

#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace thrum::testing {

// One accepted connection, with blocking calls. Closed with its owner.
class RawConnection {
public:
    explicit RawConnection(int fd) : fd_(fd) {}

    int fd() const noexcept { return fd_.get(); }
    // Up to and with the blank line of a request, and the body that Content-Length promises; "" at the end.
    std::string read_request();
    // False when the other side is gone.
    bool send(std::string_view bytes);
    // Waits until the other side closes; what it sent is dropped.
    void wait_for_close();
    // The other side will see a reset rather than an end when the handler returns.
    void reset_at_end();

private:
    UniqueFd fd_;
    std::string buffer_;
};

// Serves each connection on a thread of its own: `handle(connection, number)`, number from 0 in order of
// arrival. Stops with its owner: the handlers' blocking calls then fail.
class RawServer {
public:
    using Handler = std::function<void(RawConnection& connection, int number)>;
    explicit RawServer(Handler handler);
    // Each connection: read requests, answer each with `answer`, until the other side closes; or close at
    // once after the first answer.
    explicit RawServer(std::string answer, bool close_after_answer = false);
    RawServer(const RawServer&) = delete;
    RawServer& operator=(const RawServer&) = delete;
    ~RawServer();

    std::uint16_t port() const noexcept { return port_; }
    std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
    // Connections accepted so far.
    int connections() const noexcept { return connections_; }

private:
    void accept_all();
    void serve(std::list<RawConnection>::iterator connection, int number);

    Handler handler_;
    UniqueFd listener_;
    std::uint16_t port_ = 0;
    std::atomic<int> connections_ = 0;
    std::mutex mutex_;  // guards open_ and threads_
    std::list<RawConnection> open_;
    std::list<std::thread> threads_;
    std::thread acceptor_;
};

}  // namespace thrum::testing
