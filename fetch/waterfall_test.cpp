// thrum/fetch/waterfall_test.cpp: floor 5, fetch
// Promise: the pictures show each phase where the clock says it was, however many rows, and carry no markup
// or control character of a stranger's name.
#include <thrum/fetch/internal/time_axis.hpp>
#include <thrum/fetch/utf8.hpp>
#include <thrum/fetch/waterfall.hpp>

#include <gtest/gtest.h>

#include <algorithm>

namespace thrum::fetch {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::steady_clock::time_point start{};

WaterfallRow row(const std::string& name, std::array<std::chrono::milliseconds, 4> at, std::uint64_t bytes,
                 bool failed = false) {
    return {name, {start, start + at[0], start + at[1], start + at[2], start + at[3]}, bytes, failed};
}

std::vector<WaterfallRow> sample() {
    return {row("first.jpg", {0ms, 50ms, 300ms, 400ms}, 70000),
            row("漢字.jpg", {0ms, 100ms, 350ms, 350ms}, 0),
            row("reset.jpg", {0ms, 50ms, 50ms, 200ms}, 10, true),
            row("a-long-name-that-must-be-cut.jpeg", {400ms, 400ms, 650ms, 1000ms}, 5 << 20)};
}

std::size_t count(std::string_view text, std::string_view piece) {
    std::size_t times = 0;
    for (auto at = text.find(piece); at != std::string_view::npos; at = text.find(piece, at + 1)) ++times;
    return times;
}

TEST(Waterfall, DrawsInCharacters) {
    EXPECT_EQ("\n" + draw_waterfall(sample(), {.columns = 72}), R"(
·· queued  ░░ connecting  ▒▒ waiting  ██ receiving
                   |0 s                  |0.5 s               |1.0 s
first.jpg          ░░▒▒▒▒▒▒▒▒▒▒▒█████                          68.4 KiB
漢字.jpg           ░░░░▒▒▒▒▒▒▒▒▒▒▒█                                 0 B
reset.jpg          ░░██████✗                                     failed
a-long-n…-cut.jpeg ·················▒▒▒▒▒▒▒▒▒▒▒███████████████  5.0 MiB
)");
    EXPECT_EQ("\n" + draw_waterfall(sample(), {.columns = 50, .unicode = false, .max_rows = 2}), R"(
.. queued  -- connecting  == waiting  ## receiving
          |0 s           |0.5 s         |1.0 s
first.jpg -========###                   68.4 KiB
漢字.jpg  ---=======#                         0 B
and 2 more
)");
    EXPECT_EQ(
        draw_waterfall({row("a", {0ms, 0ms, 10ms, 20ms}, 5)}, {.columns = 22, .color = true, .max_rows = 0}),
        "\x1b[2m··\x1b[0m queued  \x1b[33m░░\x1b[0m connecting  \x1b[36m▒▒\x1b[0m waiting  "
        "\x1b[32m██\x1b[0m receiving\n  |0 s      |0.02 s\nand 1 more\n");
    EXPECT_EQ(draw_waterfall({}, {}), "");
}

TEST(Waterfall, RowsKeepToTheirColumns) {
    for (std::size_t columns = 30; columns < 200; ++columns) {
        const std::string picture = draw_waterfall(sample(), {.columns = columns});
        std::size_t rows = 0;
        for (std::string_view rest = picture; !rest.empty(); ++rows) {
            const auto end = rest.find('\n');
            // The legend is text and stays whole.
            if (rows > 0) {
                EXPECT_LE(text_width(rest.substr(0, end)), columns) << rest.substr(0, end);
            }
            rest.remove_prefix(end + 1);
        }
        EXPECT_EQ(rows, 6U);
    }
}

TEST(Waterfall, MarksAreRound) {
    struct Case {
        double span;
        std::size_t most;
        double distance;
        const char* second_label;
    };
    const Case cases[] = {
        {1, 5, 0.2, "0.2"},         {1, 4, 0.5, "0.5"}, {0.003, 8, 0.0005, "0.0005"}, {60, 6, 10, "10"},
        {86400, 8, 20000, "20000"}, {7.3, 8, 1, "1"},   {1e-6, 5, 2e-7, "0.0000002"}};
    for (const auto& [span, most, distance, label] : cases) {
        EXPECT_NEAR(internal::mark_distance(span, most), distance, distance * 1e-9) << span;
        EXPECT_EQ(internal::mark_label(distance, distance), label);
    }
    EXPECT_EQ(internal::mark_label(0, 0.05), "0");
}

TEST(Waterfall, PointsThatRunBackwardsArePutInOrder) {
    const internal::TimeAxis axis = internal::measure({row("a", {30ms, 10ms, 20ms, 5ms}, 1)});
    EXPECT_EQ(axis.rows[0].at, (std::array{0.0, 0.03, 0.03, 0.03, 0.03}));
    EXPECT_EQ(internal::measure({row("b", {0ms, 0ms, 0ms, 0ms}, 1)}).span, 1e-6);
}

TEST(WaterfallSvg, StandsAloneAndTellsWhatItShows) {
    const std::string svg = waterfall_svg(sample(), "four files");
    EXPECT_TRUE(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\"")) << svg.substr(0, 80);
    EXPECT_TRUE(svg.ends_with("</svg>\n"));
    EXPECT_NE(svg.find("<title id=\"title\">four files</title>"), std::string::npos);
    EXPECT_NE(svg.find("<desc id=\"description\">4 downloads of 5.1 MiB, 1 failed, in 1.00 s."),
              std::string::npos);
    for (const char* outside : {"href", "url(", "<script", "@import", "<image"}) {
        EXPECT_EQ(svg.find(outside), std::string::npos) << outside;
    }
    EXPECT_EQ(count(svg, "<g>"), 4U);
    // The last row: 0.4 s queued, 0.25 s waiting, 0.35 s receiving, of a chart 570 units wide that begins at
    // 220.
    EXPECT_NE(svg.find("class=\"receiving\" x=\"590.50\""), std::string::npos) << svg;
    EXPECT_NE(svg.find("width=\"199.50\""), std::string::npos);
    EXPECT_EQ(count(svg, "class=\"failed\""), 1U);
}

TEST(WaterfallSvg, NamesOfStrangersAreText) {
    const std::string svg = waterfall_svg(
        {row("</text><script>alert(\"1\")</script>&\x1b\x01\xff", {0ms, 0ms, 1ms, 2ms}, 1)}, "<&>");
    EXPECT_EQ(svg.find("<script"), std::string::npos);
    EXPECT_NE(svg.find("&lt;script&gt;"), std::string::npos);
    EXPECT_NE(svg.find("<title id=\"title\">&lt;&amp;&gt;</title>"), std::string::npos);
    EXPECT_TRUE(std::none_of(svg.begin(), svg.end(), [](char c) {
        return (static_cast<unsigned char>(c) < 0x20 && c != '\n') || static_cast<unsigned char>(c) == 0xff;
    }));
    EXPECT_EQ(count(svg, "<"), count(svg, ">"));
}

TEST(WaterfallSvg, ManyRowsAreBoundedAndNoneIsAPictureToo) {
    const std::string many = waterfall_svg(std::vector<WaterfallRow>(5000, sample()[0]), "many");
    EXPECT_EQ(count(many, "<g>"), max_svg_rows);
    EXPECT_NE(many.find("and 4000 more"), std::string::npos);
    const std::string none = waterfall_svg({}, "none");
    EXPECT_NE(none.find("0 downloads of 0 B"), std::string::npos);
    EXPECT_TRUE(none.ends_with("</svg>\n"));
}

}  // namespace
}  // namespace thrum::fetch
