// thrum/cli/hex_dump.hpp: front door, cli
// What goes over a connection, as hexadecimal and text, for people to look at.
#pragma once

#include <thrum/cli/output.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace thrum::cli {

// Lines of 16 bytes: the mark, the offset of the first, the bytes, and what of them is printable ASCII.
//   > 00000000  48 65 6c 6c 6f 0a                                 |Hello.|
// Without the last line's end.
std::string hex_lines(char mark, std::uint64_t offset, std::string_view bytes);

// Both directions of one connection on standard error: ">" what is sent, "<" what is received. One thread may
// tell of what is sent while another tells of what is received.
class HexDump {
public:
    // Says `name` before each piece where it is not empty, for there are several at once.
    HexDump(LineLog& log, std::string name) : log_(log), name_(std::move(name)) {}
    void sent(std::string_view bytes) { tell('>', sent_, bytes); }
    void received(std::string_view bytes) { tell('<', received_, bytes); }

private:
    void tell(char mark, std::uint64_t& offset, std::string_view bytes);

    LineLog& log_;
    std::string name_;
    std::uint64_t sent_ = 0;
    std::uint64_t received_ = 0;
};

}  // namespace thrum::cli
