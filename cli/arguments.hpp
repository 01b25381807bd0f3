// thrum/cli/arguments.hpp: front door, cli
// Reading what people type: durations, addresses with a port, lists of URLs.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace thrum::cli {

// "200ms", "1.5s", "2m", or seconds without a unit; nothing for what is not so, is negative or longer than a
// day.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

// "127.0.0.1", "127.0.0.1:8000", ":8000", "8000", "[::1]:8000", "::1", "localhost:80"; port 0 asks for a free
// one.
struct HostAndPort {
    std::string host;
    int port = 0;
};
std::optional<HostAndPort> parse_host_and_port(std::string_view text, const HostAndPort& defaults);

// One URL per line; white space around it, empty lines and lines that begin with "#" do not count.
std::vector<std::string> parse_url_list(std::string_view text);

// All of standard input. Throws OSError.
std::string read_standard_input();

}  // namespace thrum::cli
