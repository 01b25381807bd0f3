// thrum/fetch/internal/time_axis.cpp: floor 5, fetch
#include <thrum/fetch/internal/time_axis.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace thrum::fetch::internal {

TimeAxis measure(const std::vector<WaterfallRow>& rows) {
    TimeAxis axis;
    if (rows.empty()) return axis;
    const auto earlier = [](const WaterfallRow& a, const WaterfallRow& b) {
        return a.timing.queued < b.timing.queued;
    };
    const auto origin = std::min_element(rows.begin(), rows.end(), earlier)->timing.queued;
    for (const WaterfallRow& row : rows) {
        const Timing& timing = row.timing;
        Phases phases;
        double last = 0;
        const std::array points = {timing.queued, timing.started, timing.connected, timing.first_byte,
                                   timing.end};
        for (std::size_t at = 0; at < points.size(); ++at) {
            last = std::max(last, std::chrono::duration<double>(points[at] - origin).count());
            phases.at[at] = last;
        }
        axis.span = std::max(axis.span, last);
        axis.rows.push_back(phases);
    }
    constexpr double least_span = 1e-6;
    axis.span = std::max(axis.span, least_span);
    return axis;
}

double mark_distance(double span, std::size_t most) {
    const double raw = span / static_cast<double>(std::max<std::size_t>(1, most));
    const double power = std::pow(10, std::floor(std::log10(raw)));
    for (const double factor : {1.0, 2.0, 5.0}) {
        // A hair of tolerance, or rounding would step over the mark that fits exactly.
        if (factor * power >= raw * (1 - 1e-9)) return factor * power;
    }
    return 10 * power;
}

std::string mark_label(double seconds, double distance) {
    const int decimals = std::max(0, static_cast<int>(-std::floor(std::log10(distance) + 1e-9)));
    return fmt::format("{:.{}f}", seconds, seconds == 0 ? 0 : decimals);
}

}  // namespace thrum::fetch::internal
