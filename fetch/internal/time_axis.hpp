// thrum/fetch/internal/time_axis.hpp: floor 5, fetch
// What both waterfalls share: the phases of a row as seconds from the beginning, and round marks for an axis.
#pragma once

#include <thrum/fetch/waterfall.hpp>

#include <array>
#include <string>
#include <vector>

namespace thrum::fetch::internal {

inline constexpr std::size_t phase_count = 4;
inline constexpr std::array<std::string_view, phase_count> phase_names = {"queued", "connecting", "waiting",
                                                                          "receiving"};

// Seconds since the origin at which each phase begins, and the end of the last.
struct Phases {
    std::array<double, phase_count + 1> at = {};
};

// The phases of all rows from the earliest `queued` on; a row whose points run backwards is put in order.
struct TimeAxis {
    std::vector<Phases> rows;
    double span = 0;  // seconds, more than 0
};
TimeAxis measure(const std::vector<WaterfallRow>& rows);

// 1, 2 or 5 times a power of ten, so that at most `most` marks lie within `span`.
double mark_distance(double span, std::size_t most);
// "0", "0.05", "1.5": `seconds` with as many decimals as marks `distance` apart need.
std::string mark_label(double seconds, double distance);

}  // namespace thrum::fetch::internal
