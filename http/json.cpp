// thrum/http/json.cpp: floor 3, http
#include <thrum/http/json.hpp>

#include <string>

namespace thrum::http {

nlohmann::json parse_json(std::string_view text) {
    using Event = nlohmann::json::parse_event_t;
    // `depth` counts what is open around the array or object that begins.
    const auto check_depth = [](int depth, Event event, const nlohmann::json&) {
        if (depth >= max_json_depth && (event == Event::array_start || event == Event::object_start)) {
            throw JSONError("it is nested deeper than " + std::to_string(max_json_depth) + " levels");
        }
        return true;
    };
    try {
        return nlohmann::json::parse(text, check_depth);
    } catch (const nlohmann::json::exception& error) {
        throw JSONError(error.what());
    }
}

}  // namespace thrum::http
