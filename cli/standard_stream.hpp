// thrum/cli/standard_stream.hpp: front door, cli
// Standard input and output as a Stream, so that they are relayed like any connection.
#pragma once

#include <thrum/sockets/stream.hpp>
#include <thrum/threads/descriptor.hpp>

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace thrum::cli {

// Receives from standard input and sends to standard output; neither holds up a worker. They are shared with
// the shell and its other programs, so they are not made non-blocking themselves: pipes and terminals are
// opened a second time, through /proc/self/fd, which makes a description of our own; sockets are asked with
// MSG_DONTWAIT; files are read and written on a thread that may block. One reader and one writer at once.
class StandardStream final : public Stream {
public:
    // Opens what the descriptors 0 and 1 stand for. Throws OSError.
    StandardStream();
    ~StandardStream() override { close(); }

    std::size_t recv_into(std::span<char> buffer) override;
    // Throw OutputError when standard output takes no more.
    std::size_t send(std::string_view data) override;
    void sendall(std::string_view data) override;
    void sendall(std::span<const std::string_view> pieces) override;
    // Whoever reads standard output sees its end.
    void shutdown_write() override;
    void close() noexcept override;

    void settimeout(std::optional<std::chrono::nanoseconds> timeout) override { timeout_ = timeout; }
    std::optional<std::chrono::nanoseconds> gettimeout() const override { return timeout_; }
    int fileno() const noexcept override { return input_.descriptor.fd(); }
    bool readable_now() override { return false; }
    std::string peer_name() const override { return "standard input and output"; }

private:
    enum class Kind { own, socket, blocking };
    struct End {
        Descriptor descriptor;
        Kind kind = Kind::blocking;
    };
    static End open(int fd, int flags);
    Deadline deadline() const noexcept { return timeout_ ? deadline_after(*timeout_) : never; }

    End input_;
    End output_;
    std::optional<std::chrono::nanoseconds> timeout_;
};

}  // namespace thrum::cli
