// thrum/requests/cookie_date.cpp: floor 4, requests
// The dates that servers write into Expires.
#include <thrum/base/text.hpp>
#include <thrum/requests/cookies.hpp>

#include <array>

namespace thrum::requests {

namespace {

// RFC 6265 §5.1.1, `delimiter`.
bool is_delimiter(char c) {
    const auto u = static_cast<unsigned char>(c);
    return u == 0x09 || (u >= 0x20 && u <= 0x2f) || (u >= 0x3b && u <= 0x40) || (u >= 0x5b && u <= 0x60) ||
           (u >= 0x7b && u <= 0x7e);
}

// Takes `least` to `most` digits off the front, which no further digit may follow.
std::optional<int> take_number(std::string_view& text, std::size_t least, std::size_t most) {
    std::size_t count = 0;
    int value = 0;
    while (count < text.size() && is_digit(text[count])) {
        if (++count > most) return {};
        value = value * 10 + (text[count - 1] - '0');
    }
    if (count < least) return {};
    text.remove_prefix(count);
    return value;
}

struct Fields {
    std::optional<std::array<int, 3>> time;
    std::optional<int> day;
    std::optional<int> month;
    std::optional<int> year;
};

std::optional<std::array<int, 3>> as_time(std::string_view token) {
    std::array<int, 3> parts{};
    for (std::size_t i = 0; i < parts.size(); ++i) {
        if (i > 0) {
            if (token.empty() || token.front() != ':') return {};
            token.remove_prefix(1);
        }
        const auto part = take_number(token, 1, 2);
        if (!part) return {};
        parts[i] = *part;
    }
    return parts;
}

std::optional<int> as_month(std::string_view token) {
    static constexpr std::array<std::string_view, 12> months = {"jan", "feb", "mar", "apr", "may", "jun",
                                                                "jul", "aug", "sep", "oct", "nov", "dec"};
    for (std::size_t i = 0; i < months.size(); ++i) {
        if (iequals(token.substr(0, 3), months[i])) return static_cast<int>(i + 1);
    }
    return {};
}

// Step 2: a token is the first of time, day, month and year that it can be and that has not been found yet.
void take_token(Fields& fields, std::string_view token) {
    if (!fields.time && (fields.time = as_time(token))) return;
    std::string_view rest = token;
    if (!fields.day && (fields.day = take_number(rest, 1, 2))) return;
    if (!fields.month && (fields.month = as_month(token))) return;
    rest = token;
    if (!fields.year) fields.year = take_number(rest, 2, 4);
}

}  // namespace

std::optional<std::chrono::sys_seconds> parse_cookie_date(std::string_view text) {
    Fields fields;
    for (std::size_t at = 0; at < text.size();) {
        std::size_t end = at;
        while (end < text.size() && !is_delimiter(text[end])) ++end;
        if (end > at) take_token(fields, text.substr(at, end - at));
        at = end + 1;
    }
    if (!fields.time || !fields.day || !fields.month || !fields.year) return {};
    int year = *fields.year;
    if (year >= 70 && year <= 99) year += 1900;  // steps 3 and 4
    if (year >= 0 && year <= 69) year += 2000;
    const auto [hour, minute, second] = *fields.time;
    if (year < 1601 || hour > 23 || minute > 59 || second > 59) return {};  // step 5
    using namespace std::chrono;
    const year_month_day date{std::chrono::year(year), month(static_cast<unsigned>(*fields.month)),
                              day(static_cast<unsigned>(*fields.day))};
    if (!date.ok()) return {};
    return sys_days(date) + hours(hour) + minutes(minute) + seconds(second);
}

}  // namespace thrum::requests
