// thrum/fetch/frame.hpp: floor 5, fetch
// From a snapshot of progress to lines of text, and from lines to what a terminal must be sent. Pure
// functions.
#pragma once

#include <thrum/fetch/progress.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace thrum::fetch {

// What the place of showing can do.
struct FrameStyle {
    std::size_t columns = 80;
    std::size_t rows = 24;
    bool color = false;
    bool unicode = true;
};

// More bars than anyone can read at once.
inline constexpr std::size_t max_bar_rows = 24;

// How many downloads a frame of this style shows; the whole, the rest and the cursor have a row each.
std::size_t bar_rows(const FrameStyle& style) noexcept;

// One line per row of the snapshot, one for those hidden, one for the whole; none wider than columns - 1, no
// more than rows - 1.
std::vector<std::string> render_frame(const ProgressSnapshot& snapshot, const FrameStyle& style);

// "███████░░░", `columns` wide, the first `fraction` of it full.
std::string render_bar(double fraction, std::size_t columns, const FrameStyle& style);

// Columns of a line that may contain colours.
std::size_t line_width(std::string_view line) noexcept;

// Draws frames over each other: keeps what stands on the terminal and tells which bytes change it. The cursor
// is hidden from the first frame until clear(). Not thread-safe.
class FramePainter {
public:
    // Nothing where the frame stands already.
    std::string paint(const std::vector<std::string>& lines, std::size_t columns);
    // Takes the frame away, so that other text can be written from where it began, and shows the cursor.
    std::string clear(std::size_t columns);

private:
    std::string back_to_top(std::size_t columns) const;

    std::vector<std::string> lines_;
    std::size_t columns_ = 0;
    bool standing_ = false;
};

}  // namespace thrum::fetch
