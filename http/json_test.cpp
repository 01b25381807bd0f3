// thrum/http/json_test.cpp: floor 3, http
#include <thrum/http/json.hpp>

#include <gtest/gtest.h>

#include <string>

namespace thrum::http {
namespace {

std::string nested(std::string_view open, std::string_view close, int depth) {
    std::string text;
    for (int i = 0; i < depth; ++i) text += open;
    text += "1";
    for (int i = 0; i < depth; ++i) text += close;
    return text;
}

// What is nested up to the limit comes through unchanged, and one level more is refused, with the limit.
TEST(JSONTest, BoundsTheDepth) {
    for (const auto& [open, close] : {std::pair{"[", "]"}, std::pair{"{\"a\":", "}"}}) {
        const std::string deepest = nested(open, close, max_json_depth);
        EXPECT_EQ(parse_json(deepest).dump(), deepest);
        for (const int depth : {max_json_depth + 1, 800, 100'000}) {
            try {
                parse_json(nested(open, close, depth));
                ADD_FAILURE() << open << ' ' << depth;
            } catch (const JSONError& error) {
                EXPECT_NE(std::string(error.what()).find("deeper than 100"), std::string::npos)
                    << error.what();
            }
        }
    }
    std::string wide = "[";
    for (int i = 0; i < 1000; ++i) wide += "[[]],{\"a\":[]},";
    EXPECT_EQ(parse_json(wide + "0]").size(), 2001u) << "many beside each other are no depth";
}

// What is no JSON is refused, whatever else is wrong with it.
TEST(JSONTest, RefusesWhatIsNoJSON) {
    for (const char* text : {"", " ", "{", "]", "nul", "[1,]", "{\"a\"}", "\"\xff\"", "1 2", "[1e999]"}) {
        EXPECT_THROW(parse_json(text), JSONError) << text;
    }
    EXPECT_THROW(parse_json(std::string(100'000, '[')), JSONError);
}

}  // namespace
}  // namespace thrum::http
