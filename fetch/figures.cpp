// thrum/fetch/figures.cpp: floor 5, fetch
#include <thrum/fetch/figures.hpp>

#include <fmt/format.h>

namespace thrum::fetch {

std::string format_bytes(std::uint64_t bytes) {
    if (bytes < 1024) return fmt::format("{} B", bytes);
    constexpr const char* units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double size = static_cast<double>(bytes) / 1024;
    std::size_t unit = 0;
    // 1023.5 would be shown as 1024.
    while (size >= 1023.5 && unit + 1 < std::size(units)) {
        size /= 1024;
        ++unit;
    }
    return fmt::format("{:.{}f} {}", size, size < 99.95 ? 1 : 0, units[unit]);
}

std::string format_rate(double bytes_per_second) {
    constexpr double most = 1e18;
    const double rate = bytes_per_second > 0 ? (bytes_per_second < most ? bytes_per_second : most) : 0;
    return format_bytes(static_cast<std::uint64_t>(rate)) + "/s";
}

std::string format_elapsed(std::chrono::nanoseconds elapsed) {
    const double seconds = std::chrono::duration<double>(elapsed).count();
    if (seconds < 0.0995) return fmt::format("{:.3f} s", seconds < 0 ? 0.0 : seconds);
    if (seconds < 9.995) return fmt::format("{:.2f} s", seconds);
    if (seconds < 59.95) return fmt::format("{:.1f} s", seconds);
    return format_remaining(elapsed);
}

std::string format_remaining(std::chrono::nanoseconds remaining) {
    const auto whole = std::chrono::ceil<std::chrono::seconds>(remaining).count();
    const auto seconds = whole < 0 ? 0 : whole;
    if (seconds >= 100 * 3600) return "days";
    if (seconds >= 3600) {
        return fmt::format("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    }
    return fmt::format("{}:{:02}", seconds / 60, seconds % 60);
}

}  // namespace thrum::fetch
