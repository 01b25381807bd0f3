// thrum/fetch/waterfall.cpp: floor 5, fetch
#include <thrum/fetch/figures.hpp>
#include <thrum/fetch/internal/time_axis.hpp>
#include <thrum/fetch/utf8.hpp>
#include <thrum/fetch/waterfall.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace thrum::fetch {

namespace {

using internal::phase_count;
using internal::Phases;

constexpr std::size_t least_chart_columns = 10;
constexpr std::size_t figure_columns = 9;
constexpr std::size_t mark_columns = 12;

struct Shade {
    std::string_view unicode;
    std::string_view ascii;
    std::string_view color;  // SGR, ECMA-48 section 8.3.117
};
constexpr Shade shades[phase_count] = {
    {"·", ".", "\x1b[2m"}, {"░", "-", "\x1b[33m"}, {"▒", "=", "\x1b[36m"}, {"█", "#", "\x1b[32m"}};
constexpr Shade failure = {"✗", "x", "\x1b[31m"};
constexpr int nothing = -1;
constexpr int failed_here = phase_count;

// Which phase each column of the chart shows: the one that holds in its middle.
std::vector<int> columns_of(const Phases& phases, bool failed, double span, std::size_t columns) {
    std::vector<int> shown(columns, nothing);
    const double per_column = span / static_cast<double>(columns);
    for (std::size_t column = 0; column < columns; ++column) {
        const double middle = (static_cast<double>(column) + 0.5) * per_column;
        for (std::size_t phase = 0; phase < phase_count; ++phase) {
            if (middle >= phases.at[phase] && middle < phases.at[phase + 1])
                shown[column] = static_cast<int>(phase);
        }
    }
    // However short, the end is seen.
    const auto last =
        static_cast<std::size_t>(std::max(0.0, std::ceil(phases.at[phase_count] / per_column) - 1));
    shown[std::min(last, columns - 1)] = failed ? failed_here : static_cast<int>(phase_count) - 1;
    return shown;
}

std::string draw_columns(const std::vector<int>& shown, const WaterfallStyle& style) {
    std::string text;
    int before = nothing;
    for (const int phase : shown) {
        const Shade& shade =
            phase == failed_here ? failure : shades[static_cast<std::size_t>(std::max(phase, 0))];
        if (style.color && phase != before) {
            if (before != nothing) text += "\x1b[0m";
            if (phase != nothing) text += shade.color;
        }
        text += phase == nothing ? " " : style.unicode ? shade.unicode : shade.ascii;
        before = phase;
    }
    if (style.color && before != nothing) text += "\x1b[0m";
    return text;
}

std::string draw_axis(double span, std::size_t indent, std::size_t columns) {
    const double distance = internal::mark_distance(span, std::max<std::size_t>(1, columns / mark_columns));
    std::string line(indent, ' ');
    for (double mark = 0; mark <= span * (1 + 1e-9); mark += distance) {
        const auto column =
            indent + static_cast<std::size_t>(std::lround(mark / span * static_cast<double>(columns)));
        const std::string label = "|" + internal::mark_label(mark, distance) + " s";
        if (column < line.size() && mark > 0) continue;
        if (column + label.size() > indent + columns + figure_columns) break;
        line.append(column - line.size(), ' ').append(label);
    }
    return line;
}

std::string draw_legend(const WaterfallStyle& style) {
    std::string line;
    for (std::size_t phase = 0; phase < phase_count; ++phase) {
        const std::vector<int> sample(2, static_cast<int>(phase));
        line += (phase == 0 ? "" : "  ") + draw_columns(sample, style) + " " +
                std::string(internal::phase_names[phase]);
    }
    return line;
}

}  // namespace

std::string draw_waterfall(const std::vector<WaterfallRow>& rows, const WaterfallStyle& style) {
    if (rows.empty()) return {};
    const internal::TimeAxis axis = internal::measure(rows);
    const std::size_t shown = std::min(rows.size(), style.max_rows);
    std::size_t name_columns = 1;
    for (std::size_t at = 0; at < shown; ++at) {
        name_columns = std::max(name_columns, text_width(printable(rows[at].name)));
    }
    name_columns = std::min(name_columns, std::max<std::size_t>(4, style.columns / 4));
    const std::size_t taken = name_columns + 2 + figure_columns;
    const std::size_t columns =
        std::max(least_chart_columns, style.columns > taken ? style.columns - taken : 0);

    std::string picture = draw_legend(style) + "\n" + draw_axis(axis.span, name_columns + 1, columns) + "\n";
    for (std::size_t at = 0; at < shown; ++at) {
        const WaterfallRow& row = rows[at];
        const std::string name = fit_text(row.name, name_columns, style.unicode);
        picture += name + std::string(name_columns - text_width(name) + 1, ' ');
        picture += draw_columns(columns_of(axis.rows[at], row.failed, axis.span, columns), style);
        const std::string figure = row.failed ? "failed" : format_bytes(row.bytes);
        picture += fmt::format("{:>{}}\n", figure, figure_columns);
    }
    if (shown < rows.size()) picture += fmt::format("and {} more\n", rows.size() - shown);
    return picture;
}

}  // namespace thrum::fetch
