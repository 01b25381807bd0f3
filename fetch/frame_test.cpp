// thrum/fetch/frame_test.cpp: floor 5, fetch
// Promise: one snapshot and one style give one frame, which never exceeds the window; and the bytes a painter
// sends leave exactly that frame standing.
#include <thrum/fetch/frame.hpp>
#include <thrum/fetch/utf8.hpp>

#include <gtest/gtest.h>

namespace thrum::fetch {
namespace {

using namespace std::chrono_literals;
using Lines = std::vector<std::string>;

ProgressSnapshot sample() {
    ProgressSnapshot snapshot;
    snapshot.rows = {
        {"holiday-in-norway-0001.jpg", State::running, 768 << 10, 1 << 20, 512 << 10, 500ms},
        {"漢字漢字漢字漢字漢字漢字.png", State::running, 5000, 10000, 1000, 5s},
        {"unknown-length.bin", State::running, 3 << 20, std::nullopt, 2.5e6, std::nullopt},
        {"far-away.jpg", State::connecting, 0, std::nullopt, 0, std::nullopt},
    };
    snapshot.hidden = 4;
    snapshot.count = 24;
    snapshot.done = 12;
    snapshot.failed = 1;
    snapshot.bytes = 12345678;
    snapshot.fraction = 0.6;
    snapshot.rate = 4e6;
    snapshot.remaining = 7s;
    snapshot.elapsed = 10s;
    return snapshot;
}

std::string joined(const Lines& lines) {
    std::string text;
    for (const std::string& line : lines) text += "\n" + line;
    return text;
}

// What a frame looks like, by the window and by what it can show.
TEST(Frame, SnapshotsByStyle) {
    struct Case {
        FrameStyle style;
        const char* frame;
    };
    const Case cases[] = {
        {{.columns = 100, .rows = 24, .color = false, .unicode = true},
         R"(
holiday-in-norway-0001.jpg       ██████████████████████▌░░░░░░░  75%   768 KiB   512 KiB/s     0:01
漢字漢字漢字漢字漢字漢字.png     ███████████████░░░░░░░░░░░░░░░  50%   4.9 KiB    1000 B/s     0:05
unknown-length.bin               ░░░░████░░░░░░░░░░░░░░░░░░░░░░        3.0 MiB   2.4 MiB/s
far-away.jpg                     waiting
and 4 more
12 of 24, 1 failed               ██████████████████░░░░░░░░░░░░  60%  11.8 MiB   3.8 MiB/s     0:07)"},
        {{.columns = 80, .rows = 24, .color = false, .unicode = false},
         R"(
holiday-in-norway-0001.jpg ############----  75%   768 KiB   512 KiB/s     0:01
漢字漢字漢字~漢字漢字.png  ########--------  50%   4.9 KiB    1000 B/s     0:05
unknown-length.bin         ----####--------        3.0 MiB   2.4 MiB/s
far-away.jpg               waiting
and 4 more
12 of 24, 1 failed         #########-------  60%  11.8 MiB   3.8 MiB/s     0:07)"},
        {{.columns = 60, .rows = 24, .color = false, .unicode = true},
         R"(
holiday-i…-0001.jpg █████████░░░  75%   768 KiB   512 KiB/s
漢字漢字…漢字.png   ██████░░░░░░  50%   4.9 KiB    1000 B/s
unknown-length.bin  ░░░░████░░░░        3.0 MiB   2.4 MiB/s
far-away.jpg        waiting
and 4 more
12 of 24, 1 failed  ███████▏░░░░  60%  11.8 MiB   3.8 MiB/s)"},
        {{.columns = 24, .rows = 24, .color = false, .unicode = true},
         R"(
hol…jpg ███████▌░░  75%
漢…png  █████░░░░░  50%
unk…bin ░░░░████░░
far…jpg waiting
and 4 more
13/24   ██████░░░░  60%)"},
        {{.columns = 80, .rows = 5, .color = false, .unicode = true},
         R"(
holiday-in-norway-0001.jpg ████████████░░░░  75%   768 KiB   512 KiB/s     0:01
漢字漢字漢字…漢字漢字.png  ████████░░░░░░░░  50%   4.9 KiB    1000 B/s     0:05
and 6 more
12 of 24, 1 failed         █████████▌░░░░░░  60%  11.8 MiB   3.8 MiB/s     0:07)"},
        {{.columns = 60, .rows = 4, .color = true, .unicode = true},
         "\nholiday-i…-0001.jpg \x1b[32m█████████\x1b[0m\x1b[2m░░░\x1b[0m  75%   768 KiB   512 KiB/s"
         "\n\x1b[36mand 7 more\x1b[0m"
         "\n\x1b[31m12 of 24, 1 failed \x1b[0m \x1b[32m███████▏\x1b[0m\x1b[2m░░░░\x1b[0m  60%  11.8 MiB   "
         "3.8 MiB/s"},
    };
    for (const auto& [style, frame] : cases) {
        EXPECT_EQ(joined(render_frame(sample(), style)), frame) << style.columns << " x " << style.rows;
    }
}

TEST(Frame, NeverExceedsTheWindow) {
    ProgressSnapshot many = sample();
    while (many.rows.size() < 200) many.rows.push_back(many.rows[many.rows.size() % 4]);
    for (std::size_t columns = 1; columns < 200; ++columns) {
        for (const std::size_t rows : {1U, 2U, 3U, 4U, 10U, 24U, 500U}) {
            const FrameStyle style{columns, rows, columns % 2 == 0, columns % 3 == 0};
            const Lines lines = render_frame(many, style);
            ASSERT_LE(lines.size(), std::max<std::size_t>(1, rows - 1));
            for (const std::string& line : lines) {
                ASSERT_LE(line_width(line), std::max<std::size_t>(1, columns - 1)) << columns << ": " << line;
            }
        }
    }
}

TEST(Frame, BarsFillByEighths) {
    const FrameStyle unicode;
    const FrameStyle ascii{.unicode = false};
    EXPECT_EQ(render_bar(0, 4, unicode), "░░░░");
    EXPECT_EQ(render_bar(0.5, 4, unicode), "██░░");
    EXPECT_EQ(render_bar(0.40625, 4, unicode), "█▋░░");
    EXPECT_EQ(render_bar(1, 4, unicode), "████");
    EXPECT_EQ(render_bar(7, 4, unicode), "████");
    EXPECT_EQ(render_bar(-1, 4, unicode), "░░░░");
    EXPECT_EQ(render_bar(0.0 / 0.0, 4, unicode), "░░░░");
    EXPECT_EQ(render_bar(0.4, 4, ascii), "#---");
    EXPECT_EQ(render_bar(0.4, 0, ascii), "");
}

TEST(Painter, DrawsOverWhatStands) {
    FramePainter painter;
    EXPECT_EQ(painter.clear(80), "");
    EXPECT_EQ(painter.paint({"one", "two"}, 80), "\x1b[?25l\rone\x1b[K\ntwo\x1b[K\n");
    EXPECT_EQ(painter.paint({"one", "two"}, 80), "");
    EXPECT_EQ(painter.paint({"three"}, 80), "\r\x1b[2Athree\x1b[K\n\x1b[J");
    EXPECT_EQ(painter.paint({"three", "four"}, 80), "\r\x1b[1Athree\x1b[K\nfour\x1b[K\n");
    EXPECT_EQ(painter.clear(80), "\r\x1b[2A\x1b[J\x1b[?25h");
    EXPECT_EQ(painter.clear(80), "");
    EXPECT_EQ(painter.paint({"anew"}, 80), "\x1b[?25l\ranew\x1b[K\n");
}

TEST(Painter, ANarrowedWindowWrapsWhatStood) {
    FramePainter painter;
    painter.paint({std::string(50, 'x'), "\x1b[32m" + std::string(10, 'y') + "\x1b[0m"}, 80);
    EXPECT_EQ(painter.paint({"z"}, 20), "\r\x1b[4A\x1b[Jz\x1b[K\n\x1b[J");
}

}  // namespace
}  // namespace thrum::fetch
