// thrum/fetch/utf8_test.cpp: floor 5, fetch
// Promise: a text of any bytes is shown in exactly the columns it is given, and sends the terminal no
// commands.
#include <thrum/fetch/utf8.hpp>

#include <gtest/gtest.h>

#include <string>

namespace thrum::fetch {
namespace {

TEST(Utf8, WidthCountsColumns) {
    struct Case {
        std::string text;
        std::size_t columns;
    };
    const Case cases[] = {{"", 0},         {"abc", 3},      {"café", 4},     {"cafe\u0301", 4},
                          {"漢字", 4},     {"한글", 4},     {"カタカナ", 8}, {"🎉🎉", 4},
                          {"\xff\xfe", 2}, {"a\u200bb", 2}, {"…", 1},        {"━╸", 2}};
    for (const auto& [text, columns] : cases) EXPECT_EQ(text_width(text), columns) << text;
}

TEST(Utf8, FitsByCuttingTheMiddle) {
    struct Case {
        std::string text;
        std::size_t columns;
        std::string fitted;
    };
    const Case cases[] = {
        {"short.jpg", 10, "short.jpg"},
        {"exactly-10", 10, "exactly-10"},
        {"漢字漢字漢字.png", 10, "漢字….png"},
        {"漢字漢字", 4, "…字"},
        {"漢字", 1, "…"},
        {"abc", 0, ""},
        {"e\u0301e\u0301e\u0301e\u0301", 3, "e\u0301…e\u0301"},
        {"red\x1b[31m", 8, "red?[31m"},
        {"caf\xe9", 4, "caf?"},
        {"evil\u202Egpj", 20, "evil?gpj"},
    };
    for (const auto& [text, columns, fitted] : cases) {
        EXPECT_LE(text_width(fit_text(text, columns)), columns) << text;
        EXPECT_EQ(fit_text(text, columns), fitted) << text;
    }
    EXPECT_EQ(fit_text("holiday-in-norway.jpg", 13), "holida…ay.jpg");
    EXPECT_EQ(fit_text("holiday-in-norway.jpg", 13, false), "holida~ay.jpg");
    EXPECT_EQ(fit_text("herringbone-17.jpg", 12), "herri…17.jpg");
}

// The promise at every width.
TEST(Utf8, NeverExceedsItsColumns) {
    for (const std::string text :
         {"plain-name.jpg", "漢字漢字漢字.png", "e\u0301e\u0301e\u0301e\u0301", "🎉🎉🎉🎉", "\xff\xff\xff"}) {
        for (std::size_t columns = 0; columns < 20; ++columns) {
            EXPECT_LE(text_width(fit_text(text, columns)), columns) << text << ' ' << columns;
        }
    }
}

}  // namespace
}  // namespace thrum::fetch
