// thrum/fetch/waterfall_svg.cpp: floor 5, fetch
#include <thrum/fetch/figures.hpp>
#include <thrum/fetch/internal/time_axis.hpp>
#include <thrum/fetch/utf8.hpp>
#include <thrum/fetch/waterfall.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace thrum::fetch {

namespace {

using internal::phase_count;

// All in user units, of which a browser makes pixels.
constexpr double width = 960;
constexpr double margin = 20;
constexpr double names_width = 200;
constexpr double figures_width = 150;
constexpr double chart_left = margin + names_width;
constexpr double chart_width = width - 2 * margin - names_width - figures_width;
constexpr double header_height = 96;
constexpr std::size_t name_characters = 28;
// Rows grow thin where there are many; below this height they carry no text.
constexpr double least_text_height = 11;

constexpr std::string_view style_sheet = R"(
    svg { font-family: system-ui, sans-serif; font-size: 12px; }
    .page { fill: #ffffff; } text { fill: #24292f; } .quiet { fill: #57606a; } .heading { font-size: 16px; font-weight: 600; }
    .mark { stroke: #d0d7de; stroke-width: 1; } .stripe { fill: #f6f8fa; }
    .queued { fill: #d8dee4; } .connecting { fill: #f0a030; } .waiting { fill: #7fb3e6; } .receiving { fill: #1f6f43; }
    .failed { fill: #cf222e; }
    @media (prefers-color-scheme: dark) {
      .page { fill: #0d1117; } text { fill: #e6edf3; } .quiet { fill: #9198a1; } .mark { stroke: #30363d; }
      .stripe { fill: #151b23; } .queued { fill: #3d444d; } .receiving { fill: #3fb950; } .waiting { fill: #4f8cc9; }
    }
)";

// XML 1.0 sections 2.2 and 2.4: no control characters, and no markup of others.
std::string escaped(std::string_view text) {
    std::string safe;
    for (const char c : printable(text)) {
        switch (c) {
            case '&': safe += "&amp;"; break;
            case '<': safe += "&lt;"; break;
            case '>': safe += "&gt;"; break;
            case '"': safe += "&quot;"; break;
            default: safe += c;
        }
    }
    return safe;
}

double row_height(std::size_t rows) { return rows <= 60 ? 20 : rows <= 300 ? 12 : 4; }

std::string describe(const std::vector<WaterfallRow>& rows, double span) {
    std::size_t failed = 0;
    std::uint64_t bytes = 0;
    for (const WaterfallRow& row : rows) {
        failed += row.failed ? 1 : 0;
        bytes += row.failed ? 0 : row.bytes;
    }
    std::string text = fmt::format("{} {} of {}", rows.size(), rows.size() == 1 ? "download" : "downloads",
                                   format_bytes(bytes));
    if (failed > 0) text += fmt::format(", {} failed", failed);
    return text + ", in " + format_elapsed(std::chrono::nanoseconds(static_cast<long long>(span * 1e9)));
}

void add_legend(std::string& svg) {
    double x = chart_left;
    for (const std::string_view phase : internal::phase_names) {
        fmt::format_to(std::back_inserter(svg),
                       "  <rect class=\"{0}\" x=\"{1:.1f}\" y=\"52\" width=\"12\" height=\"12\" rx=\"2\"/>"
                       "<text x=\"{2:.1f}\" y=\"62\">{0}</text>\n",
                       phase, x, x + 18);
        x += 110;
    }
}

void add_axis(std::string& svg, double span, double bottom) {
    const double distance = internal::mark_distance(span, 8);
    for (double mark = 0; mark <= span * (1 + 1e-9); mark += distance) {
        const double x = chart_left + mark / span * chart_width;
        fmt::format_to(
            std::back_inserter(svg),
            "  <line class=\"mark\" x1=\"{0:.1f}\" y1=\"{1:.1f}\" x2=\"{0:.1f}\" y2=\"{2:.1f}\"/>"
            "<text class=\"quiet\" x=\"{0:.1f}\" y=\"{3:.1f}\" text-anchor=\"middle\">{4} s</text>\n",
            x, header_height - 4, bottom, header_height - 10, internal::mark_label(mark, distance));
    }
}

void add_row(std::string& svg, const WaterfallRow& row, const internal::Phases& phases, double span,
             double top, double height) {
    const auto at = [&](double seconds) { return chart_left + seconds / span * chart_width; };
    const double bar_height = height * 0.6;
    const double bar_top = top + height * 0.2;
    std::string tip = row.name;
    svg += "  <g>";
    for (std::size_t phase = 0; phase < phase_count; ++phase) {
        const double left = phases.at[phase];
        const double right = phases.at[phase + 1];
        if (right <= left) continue;
        tip += fmt::format(
            "\n{} {}", internal::phase_names[phase],
            format_elapsed(std::chrono::nanoseconds(static_cast<long long>((right - left) * 1e9))));
        // The queue is a thin thread, so that the eye goes to the work.
        const double thin = phase == 0 ? bar_height / 3 : bar_height;
        fmt::format_to(std::back_inserter(svg),
                       "<rect class=\"{}\" x=\"{:.2f}\" y=\"{:.2f}\" width=\"{:.2f}\" height=\"{:.2f}\"/>",
                       internal::phase_names[phase], at(left), bar_top + (bar_height - thin) / 2,
                       std::max(0.75, at(right) - at(left)), thin);
    }
    if (row.failed) {
        tip += "\nfailed";
        fmt::format_to(std::back_inserter(svg),
                       "<rect class=\"failed\" x=\"{:.2f}\" y=\"{:.2f}\" width=\"4\" height=\"{:.2f}\"/>",
                       at(phases.at[phase_count]) - 2, bar_top, bar_height);
    }
    if (height >= least_text_height) {
        const double baseline = top + height / 2 + 4;
        const double size = std::min(12.0, height - 1);
        const double took = phases.at[phase_count] - phases.at[1];
        const std::string figure =
            row.failed ? "failed"
                       : format_bytes(row.bytes) + ", " +
                             format_elapsed(std::chrono::nanoseconds(static_cast<long long>(took * 1e9)));
        fmt::format_to(std::back_inserter(svg),
                       "<text x=\"{:.1f}\" y=\"{:.1f}\" font-size=\"{:.0f}\">{}</text>"
                       "<text class=\"quiet\" x=\"{:.1f}\" y=\"{:.1f}\" font-size=\"{:.0f}\" "
                       "text-anchor=\"end\">{}</text>",
                       margin, baseline, size, escaped(fit_text(row.name, name_characters)), width - margin,
                       baseline, size, escaped(figure));
    }
    svg += "<title>";
    for (std::string_view rest = tip; !rest.empty();) {
        const auto end = std::min(rest.find('\n'), rest.size());
        svg += escaped(rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
        if (!rest.empty()) svg += "&#10;";
    }
    svg += "</title></g>\n";
}

}  // namespace

std::string waterfall_svg(const std::vector<WaterfallRow>& rows, std::string_view title) {
    internal::TimeAxis axis = internal::measure(rows);
    if (rows.empty()) axis.span = 1;
    const std::size_t shown = std::min(rows.size(), max_svg_rows);
    const double height = row_height(shown);
    const double bottom = header_height + height * static_cast<double>(shown);
    const std::string summary = describe(rows, rows.empty() ? 0 : axis.span);

    std::string svg;
    fmt::format_to(
        std::back_inserter(svg),
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:.0f}\" height=\"{1:.0f}\" "
        "viewBox=\"0 0 {0:.0f} {1:.0f}\" role=\"img\" aria-labelledby=\"title description\">\n"
        "  <title id=\"title\">{2}</title>\n  <desc id=\"description\">{3}. One row per download, time from "
        "left to right: queued, connecting, waiting for the answer, receiving.</desc>\n"
        "  <style>{4}  </style>\n  <rect class=\"page\" width=\"100%\" height=\"100%\"/>\n",
        width, bottom + 2 * margin, escaped(title), escaped(summary), style_sheet);
    fmt::format_to(std::back_inserter(svg),
                   "  <text class=\"heading\" x=\"{0}\" y=\"30\">{1}</text>"
                   "<text class=\"quiet\" x=\"{2}\" y=\"30\" text-anchor=\"end\">{3}</text>\n",
                   margin, escaped(title), width - margin, escaped(summary));
    add_legend(svg);
    for (std::size_t at = 0; at < shown; at += 2) {
        fmt::format_to(
            std::back_inserter(svg),
            "  <rect class=\"stripe\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\"/>\n",
            margin / 2, header_height + height * static_cast<double>(at), width - margin, height);
    }
    add_axis(svg, axis.span, bottom);
    for (std::size_t at = 0; at < shown; ++at) {
        add_row(svg, rows[at], axis.rows[at], axis.span, header_height + height * static_cast<double>(at),
                height);
    }
    if (shown < rows.size()) {
        fmt::format_to(std::back_inserter(svg),
                       "  <text class=\"quiet\" x=\"{}\" y=\"{:.1f}\">and {} more</text>\n", margin,
                       bottom + margin, rows.size() - shown);
    }
    svg += "</svg>\n";
    return svg;
}

}  // namespace thrum::fetch
