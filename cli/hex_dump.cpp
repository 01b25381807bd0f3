// thrum/cli/hex_dump.cpp: front door, cli
#include <thrum/cli/hex_dump.hpp>

#include <fmt/format.h>

#include <iterator>

namespace thrum::cli {

namespace {

constexpr std::size_t bytes_per_line = 16;
constexpr std::size_t half_line = bytes_per_line / 2;

}  // namespace

std::string hex_lines(char mark, std::uint64_t offset, std::string_view bytes) {
    std::string lines;
    for (std::size_t at = 0; at < bytes.size(); at += bytes_per_line) {
        const std::string_view line = bytes.substr(at, bytes_per_line);
        std::string hex;
        std::string text;
        for (std::size_t i = 0; i < line.size(); ++i) {
            const auto byte = static_cast<unsigned char>(line[i]);
            fmt::format_to(std::back_inserter(hex), "{}{:02x} ", i == half_line ? " " : "", byte);
            text += byte >= ' ' && byte <= '~' ? line[i] : '.';
        }
        if (at > 0) lines += '\n';
        fmt::format_to(std::back_inserter(lines), "{} {:08x}  {:<49} |{}|", mark, offset + at, hex, text);
    }
    return lines;
}

void HexDump::tell(char mark, std::uint64_t& offset, std::string_view bytes) {
    std::string lines = hex_lines(mark, offset, bytes);
    offset += bytes.size();
    if (!name_.empty()) lines.insert(0, name_ + ":\n");
    log_.add(lines);
}

}  // namespace thrum::cli
