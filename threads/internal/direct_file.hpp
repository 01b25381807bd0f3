// thrum/threads/internal/direct_file.hpp: floor 1, threads
// Which file of which worker's tables (direct_files.hpp) a direct descriptor is.
#pragma once

#include <cstdint>

namespace thrum::internal {

// A worker's number, a table, a place: the 30 bits that a Descriptor has for it.
struct DirectFile {
    static constexpr unsigned place_bits = 16;
    static constexpr unsigned table_bits = 6;
    static constexpr unsigned worker_bits = 8;

    std::uint32_t number = 0;

    std::uint32_t place() const noexcept { return number & ((1U << place_bits) - 1); }
    std::uint32_t table() const noexcept { return (number >> place_bits) & ((1U << table_bits) - 1); }
    std::uint32_t worker() const noexcept { return number >> (place_bits + table_bits); }
};

}  // namespace thrum::internal
