// thrum/requests/json_body.hpp: floor 4, requests
// JsonBody: a JSON value to be sent, or none, which is not the same as null.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <type_traits>
#include <utility>

namespace thrum::requests {

// {.json = {{"title", "foo"}, {"done", true}}} sends an object; {.json = nullptr} sends null; {} sends
// nothing. A value type.
class JsonBody {
public:
    JsonBody() = default;
    JsonBody(nlohmann::json::initializer_list_t list) : value_(nlohmann::json(list)) {}
    // Anything nlohmann::json can be made of.
    template <class Value>
    requires(!std::is_same_v<std::remove_cvref_t<Value>, JsonBody> &&
             std::is_constructible_v<nlohmann::json, Value>) JsonBody(Value&& value)
        : value_(std::in_place, std::forward<Value>(value)) {}

    bool has_value() const noexcept { return value_.has_value(); }
    // Requires has_value().
    const nlohmann::json& value() const { return *value_; }

private:
    std::optional<nlohmann::json> value_;
};

}  // namespace thrum::requests
