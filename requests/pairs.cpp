// thrum/requests/pairs.cpp: floor 4, requests
// Numbers as text.
#include <thrum/requests/pairs.hpp>

#include <charconv>
#include <iterator>

namespace thrum::requests {

// The shortest text that reads back as the same number.
std::string Pairs::number_text(double value) {
    char text[64];
    return {text, std::to_chars(std::begin(text), std::end(text), value).ptr};
}

}  // namespace thrum::requests
