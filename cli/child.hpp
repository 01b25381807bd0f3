// thrum/cli/child.hpp: front door, cli
// A program whose standard input and output are one end of a socket, as inetd(8) starts them.
#pragma once

#include <thrum/sockets/socket.hpp>
#include <thrum/threads/descriptor.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace thrum::cli {

// The words of a command without a shell: parted by white space; quotes of both kinds and backslashes keep
// it, as sh(1) has them, and nothing else is special. Throws Error for a quote that is not closed and for no
// words.
std::vector<std::string> split_command(std::string_view command);

// A running program. Its standard error is ours. One that still runs when its owner goes gets SIGTERM. The
// process must ignore SIGCHLD, so that those that ended are gone by themselves (sigaction(2)).
class Child {
public:
    // Throws FileNotFoundError where there is no such program, OSError.
    explicit Child(const std::vector<std::string>& words);
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    ~Child();

    // What is sent here the program reads; shutdown_write() is the end of its input.
    Socket& socket() noexcept { return socket_; }

private:
    Socket socket_;
    Descriptor pidfd_;
};

}  // namespace thrum::cli
