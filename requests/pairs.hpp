// thrum/requests/pairs.hpp: floor 4, requests
// Pairs: names and values in order, as parameters of a URL, fields of a form, or cookies.
#pragma once

#include <thrum/http/form.hpp>

#include <concepts>
#include <initializer_list>
#include <ranges>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace thrum::requests {

// {{"q", "threads & sockets"}, {"page", 2}}: values are text or numbers. A name may occur several times. A
// value type; not to be changed by two threads at once.
class Pairs {
public:
    // One name with its value, on its way into Pairs.
    struct Pair {
        std::pair<std::string, std::string> pair;

        Pair(std::string_view name, std::string_view value) : pair(name, value) {}
        template <class Number>
        requires(std::is_arithmetic_v<Number> && !std::same_as<Number, bool> && !std::same_as<Number, char>)
            Pair(std::string_view name, Number value)
            : pair(name, number_text(value)) {}
    };

    Pairs() = default;
    Pairs(std::initializer_list<Pair> pairs) {
        for (const Pair& item : pairs) list_.push_back(item.pair);
    }
    // From a map, or any range of pairs of text.
    template <std::ranges::input_range Range>
    requires(!std::same_as<std::remove_cvref_t<Range>, Pairs>) &&
        requires(std::ranges::range_reference_t<Range> item) {
        { item.first } -> std::convertible_to<std::string_view>;
        { item.second } -> std::convertible_to<std::string_view>;
    }
    Pairs(Range&& range) {
        for (const auto& [name, value] : range) add(name, value);
    }

    void add(std::string_view name, std::string_view value) { list_.emplace_back(name, value); }
    const http::Params& list() const noexcept { return list_; }
    bool empty() const noexcept { return list_.empty(); }
    std::size_t size() const noexcept { return list_.size(); }
    auto begin() const noexcept { return list_.begin(); }
    auto end() const noexcept { return list_.end(); }
    friend bool operator==(const Pairs&, const Pairs&) = default;

private:
    static std::string number_text(double value);
    template <std::integral Number>
    static std::string number_text(Number value) {
        return std::to_string(value);
    }

    http::Params list_;
};

}  // namespace thrum::requests
