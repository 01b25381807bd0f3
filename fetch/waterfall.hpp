// thrum/fetch/waterfall.hpp: floor 5, fetch
// A picture of where the time of many downloads went: in characters for a terminal, in SVG for a page.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace thrum::fetch {

// When a download went from one phase to the next, on the steady clock and in this order. A point the
// download did not reach equals the one before it; phases that took no time are not drawn.
struct Timing {
    std::chrono::steady_clock::time_point queued = {};  // asked for
    std::chrono::steady_clock::time_point started =
        {};  // its turn: connecting, or taking a connection that idles
    std::chrono::steady_clock::time_point connected = {};   // the request goes out
    std::chrono::steady_clock::time_point first_byte = {};  // the answer begins
    std::chrono::steady_clock::time_point end = {};         // all is on disk, or it failed
};

struct WaterfallRow {
    std::string name;  // any bytes
    Timing timing = {};
    std::uint64_t bytes = 0;
    bool failed = false;
};

struct WaterfallStyle {
    std::size_t columns = 80;
    bool unicode = true;
    bool color = false;
    std::size_t max_rows = 40;  // of downloads; the rest is counted in a line
};

// An SVG with more rows than this would be no picture any more.
inline constexpr std::size_t max_svg_rows = 1000;

// Lines that each end with "\n": a legend, an axis of time from the first `queued` on, and a row per download
// in the order given. No rows, no lines.
std::string draw_waterfall(const std::vector<WaterfallRow>& rows, const WaterfallStyle& style);

// One SVG 1.1 document that needs nothing but itself, with a title and a description for those who cannot see
// it, and legible on light and dark pages.
std::string waterfall_svg(const std::vector<WaterfallRow>& rows, std::string_view title);

}  // namespace thrum::fetch
