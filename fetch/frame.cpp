// thrum/fetch/frame.cpp: floor 5, fetch
#include <thrum/fetch/figures.hpp>
#include <thrum/fetch/frame.hpp>
#include <thrum/fetch/utf8.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace thrum::fetch {

namespace {

// ECMA-48 control functions: SGR (m), CUU (A), EL (K), ED (J); ?25 is DEC's text cursor mode.
constexpr std::string_view bold = "\x1b[1m";
constexpr std::string_view faint = "\x1b[2m";
constexpr std::string_view green = "\x1b[32m";
constexpr std::string_view red = "\x1b[31m";
constexpr std::string_view cyan = "\x1b[36m";
constexpr std::string_view plain = "\x1b[0m";
constexpr std::string_view hide_cursor = "\x1b[?25l";
constexpr std::string_view show_cursor = "\x1b[?25h";
constexpr std::string_view erase_to_end_of_line = "\x1b[K";
constexpr std::string_view erase_below = "\x1b[J";

constexpr std::size_t least_bar_columns = 8;

std::string colored(const std::string& text, std::string_view color, const FrameStyle& style) {
    return style.color && !text.empty() ? std::string(color) + text + std::string(plain) : text;
}

std::string repeat(std::string_view piece, std::size_t times) {
    std::string text;
    while (times-- > 0) text += piece;
    return text;
}

std::string pad_right(const std::string& text, std::size_t columns) {
    const std::size_t width = text_width(text);
    return width < columns ? text + std::string(columns - width, ' ') : text;
}

// How the columns of a line are shared out; a share of 0 is left away, the least needed first.
struct Layout {
    std::size_t name = 0;
    std::size_t bar = 0;
    std::size_t percent = 5;
    std::size_t size = 10;
    std::size_t rate = 12;
    std::size_t remaining = 9;
};

Layout lay_out(std::size_t columns) {
    Layout layout;
    const std::size_t width = columns > 1 ? columns - 1 : 1;
    layout.name = std::clamp<std::size_t>(width / 3, 1, 32);
    const auto taken = [&] {
        return layout.name + 1 + layout.percent + layout.size + layout.rate + layout.remaining;
    };
    for (std::size_t* share : {&layout.remaining, &layout.rate, &layout.size, &layout.percent}) {
        if (taken() + least_bar_columns <= width) break;
        *share = 0;
    }
    if (taken() + least_bar_columns <= width) {
        layout.bar = width - taken();
    } else {
        layout.name = width;
    }
    return layout;
}

// A short piece that walks to and fro, for a body whose length the server did not say.
std::string walking_bar(std::chrono::nanoseconds elapsed, std::size_t columns, const FrameStyle& style) {
    const std::size_t piece = std::min<std::size_t>(4, columns);
    const std::size_t way = columns - piece;
    const auto step =
        static_cast<std::size_t>(std::max<long long>(0, elapsed / std::chrono::milliseconds(100)));
    const std::size_t turn = way == 0 ? 0 : step % (2 * way);
    const std::size_t at = turn <= way ? turn : 2 * way - turn;
    const std::string_view empty = style.unicode ? "░" : "-";
    return colored(repeat(empty, at), faint, style) +
           colored(repeat(style.unicode ? "█" : "#", piece), green, style) +
           colored(repeat(empty, way - at), faint, style);
}

struct Figures {
    std::string percent;
    std::string size;
    std::string rate;
    std::string remaining;
};

std::string assemble(const std::string& name, const std::string& bar, const Figures& figures,
                     const Layout& layout) {
    std::string line = layout.bar == 0 ? name : name + " " + bar;
    const auto add = [&](std::size_t columns, const std::string& text) {
        if (columns != 0 && layout.bar != 0) line += fmt::format("{:>{}}", text, columns);
    };
    add(layout.percent, figures.percent);
    add(layout.size, figures.size);
    add(layout.rate, figures.rate);
    add(layout.remaining, figures.remaining);
    line.erase(line.find_last_not_of(' ') + 1);
    return line;
}

std::string percent(double fraction) { return fmt::format("{}%", static_cast<int>(fraction * 100)); }

std::string render_row(const ProgressRow& row, std::chrono::nanoseconds elapsed, const Layout& layout,
                       const FrameStyle& style) {
    const std::string name = pad_right(fit_text(row.name, layout.name, style.unicode), layout.name);
    if (row.state == State::connecting) {
        const std::string waits = pad_right(fit_text("waiting", layout.bar, style.unicode), layout.bar);
        return assemble(name, colored(waits, faint, style), {}, layout);
    }
    Figures figures{{}, format_bytes(row.bytes), format_rate(row.rate), {}};
    std::string bar;
    if (row.total && *row.total > 0) {
        const double fraction =
            std::min(1.0, static_cast<double>(row.bytes) / static_cast<double>(*row.total));
        figures.percent = percent(fraction);
        bar = render_bar(fraction, layout.bar, style);
    } else {
        bar = walking_bar(elapsed, layout.bar, style);
    }
    if (row.remaining) figures.remaining = format_remaining(*row.remaining);
    return assemble(name, bar, figures, layout);
}

std::string render_whole(const ProgressSnapshot& whole, const Layout& layout, const FrameStyle& style) {
    std::string label = fmt::format("{} of {}", whole.done, whole.count);
    if (whole.failed > 0) label += fmt::format(", {} failed", whole.failed);
    if (text_width(label) > layout.name) label = fmt::format("{}/{}", whole.done + whole.failed, whole.count);
    const std::string name = pad_right(fit_text(label, layout.name, style.unicode), layout.name);
    Figures figures{percent(whole.fraction), format_bytes(whole.bytes), format_rate(whole.rate), {}};
    if (whole.remaining) figures.remaining = format_remaining(*whole.remaining);
    return assemble(colored(name, whole.failed > 0 ? red : bold, style),
                    render_bar(whole.fraction, layout.bar, style), figures, layout);
}

}  // namespace

std::size_t bar_rows(const FrameStyle& style) noexcept {
    return std::min(max_bar_rows, style.rows > 3 ? style.rows - 3 : 0);
}

std::string render_bar(double fraction, std::size_t columns, const FrameStyle& style) {
    // Eighths of a column: the left blocks of Unicode's Block Elements.
    constexpr std::string_view eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    const double clamped = std::isfinite(fraction) ? std::clamp(fraction, 0.0, 1.0) : 0.0;
    const auto steps = static_cast<std::size_t>(clamped * static_cast<double>(columns * 8));
    const std::size_t full = steps / 8;
    std::string filled = repeat(style.unicode ? "█" : "#", full);
    std::size_t used = full;
    if (style.unicode && steps % 8 != 0) {
        filled += eighths[steps % 8];
        ++used;
    }
    return colored(filled, green, style) +
           colored(repeat(style.unicode ? "░" : "-", columns - used), faint, style);
}

std::vector<std::string> render_frame(const ProgressSnapshot& snapshot, const FrameStyle& style) {
    const Layout layout = lay_out(style.columns);
    std::vector<std::string> lines;
    const std::size_t shown = std::min(snapshot.rows.size(), bar_rows(style));
    for (std::size_t at = 0; at < shown; ++at) {
        lines.push_back(render_row(snapshot.rows[at], snapshot.elapsed, layout, style));
    }
    const std::size_t hidden = snapshot.hidden + snapshot.rows.size() - shown;
    if (hidden > 0 && style.rows > 2) {
        const std::size_t width = style.columns > 1 ? style.columns - 1 : 1;
        const std::string more = fit_text(fmt::format("and {} more", hidden), width, style.unicode);
        lines.push_back(colored(more, cyan, style));
    }
    lines.push_back(render_whole(snapshot, layout, style));
    return lines;
}

std::size_t line_width(std::string_view line) noexcept {
    std::size_t columns = 0;
    for (;;) {
        const auto escape = line.find('\x1b');
        columns += text_width(line.substr(0, escape));
        if (escape == std::string_view::npos) return columns;
        const auto end = line.find('m', escape);
        if (end == std::string_view::npos) return columns;
        line.remove_prefix(end + 1);
    }
}

std::string FramePainter::back_to_top(std::size_t columns) const {
    // A window made narrower wraps the lines that stand, so each may take several rows now.
    std::size_t rows = 0;
    for (const std::string& line : lines_) {
        const std::size_t width = line_width(line);
        rows += columns == 0 || width == 0 ? 1 : (width + columns - 1) / columns;
    }
    return rows == 0 ? "\r" : fmt::format("\r\x1b[{}A", rows);
}

std::string FramePainter::paint(const std::vector<std::string>& lines, std::size_t columns) {
    if (standing_ && lines == lines_ && columns == columns_) return {};
    std::string bytes = standing_ ? back_to_top(columns) : std::string(hide_cursor) + "\r";
    // After a change of the width what stands may have been wrapped anywhere: begin on clean rows.
    if (standing_ && columns != columns_) bytes += erase_below;
    for (const std::string& line : lines) bytes.append(line).append(erase_to_end_of_line).append("\n");
    if (lines.size() < lines_.size()) bytes += erase_below;
    lines_ = lines;
    columns_ = columns;
    standing_ = true;
    return bytes;
}

std::string FramePainter::clear(std::size_t columns) {
    if (!standing_) return {};
    std::string bytes = back_to_top(columns);
    bytes.append(erase_below).append(show_cursor);
    lines_.clear();
    standing_ = false;
    return bytes;
}

}  // namespace thrum::fetch
