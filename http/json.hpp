// thrum/http/json.hpp: floor 3, http
// JSON out of bodies that strangers send.
#pragma once

#include <thrum/base/errors.hpp>

#include <nlohmann/json.hpp>
#include <string_view>

namespace thrum::http {

// How many arrays and objects may stand inside of each other. Whoever walks through a value, as dump() does,
// needs stack for each level; real documents have few.
inline constexpr int max_json_depth = 100;

// Text that is no JSON (RFC 8259), or is nested deeper than max_json_depth. what() says where and why.
class JSONError : public Error {
public:
    using Error::Error;
};

// `text` parsed. Throws JSONError.
nlohmann::json parse_json(std::string_view text);

}  // namespace thrum::http
