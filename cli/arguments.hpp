// thrum/cli/arguments.hpp: front door, cli
// Reading what people type: durations, addresses with a port, lists of URLs.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
}

namespace thrum::cli {

// "200ms", "1.5s", "2m", or seconds without a unit; nothing for what is not so, is negative or longer than a
// day.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

// The same of an option that may be left away, and that is no time at all where it is 0. Throws
// CLI::ValidationError naming the option.
std::optional<std::chrono::nanoseconds> parse_time(const std::string& option, const std::string& text);

// "127.0.0.1", "127.0.0.1:8000", ":8000", "8000", "[::1]:8000", "::1", "localhost:80"; port 0 asks for a free
// one.
struct HostAndPort {
    std::string host;
    int port = 0;
};
std::optional<HostAndPort> parse_host_and_port(std::string_view text, const HostAndPort& defaults);

// One URL per line; white space around it, empty lines and lines that begin with "#" do not count. A "#"
// later in a line belongs to the URL (its fragment, RFC 3986 section 3.5). A byte order mark before it all is
// no part of it.
std::vector<std::string> parse_url_list(std::string_view text);

// "the path is empty; …" for an empty text, as of a variable that is not set; nothing for others. For
// CLI::Option::check(), which wants it so.
std::function<std::string(const std::string&)> not_empty(const char* what, const char* advice);

// Takes out of `texts` those that were there before, and returns them, each once, in the order of coming.
std::vector<std::string> take_duplicates(std::vector<std::string>& texts);

// --cacert and --insecure, of which `may` says what anyone can then do.
void add_trust_options(CLI::App& command, std::string& ca, bool& insecure, const std::string& may);

// All of standard input. Throws OSError.
std::string read_standard_input();

}  // namespace thrum::cli
