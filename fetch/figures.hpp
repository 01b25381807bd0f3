// thrum/fetch/figures.hpp: floor 5, fetch
// Sizes, rates and times as people read them, the same in every locale.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace thrum::fetch {

// "0 B", "999 B", "1.5 KiB", "512 KiB", "3.2 GiB": powers of 1024, at most 8 columns wide.
std::string format_bytes(std::uint64_t bytes);

// format_bytes() and "/s". Anything that is no number from 0 on is "0 B/s".
std::string format_rate(double bytes_per_second);

// A time that passed: "0.004 s", "0.25 s", "12.3 s", "4:05", "1:02:03".
std::string format_elapsed(std::chrono::nanoseconds elapsed);

// A time to come, in whole seconds, rounded up: "0:07", "12:34", "1:02:03", and "days" from 100 hours on.
std::string format_remaining(std::chrono::nanoseconds remaining);

}  // namespace thrum::fetch
