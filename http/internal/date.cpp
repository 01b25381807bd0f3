// thrum/http/internal/date.cpp: floor 3, http
#include <thrum/http/internal/date.hpp>

#include <cstdio>

namespace thrum::http::internal {

std::string http_date(std::time_t time) {
    constexpr std::array<const char*, 7> days = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    constexpr std::array<const char*, 12> months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    std::tm utc = {};
    if (gmtime_r(&time, &utc) == nullptr) return http_date(0);  // a year that no int can hold
    std::array<char, 64> text;
    const int size = std::snprintf(text.data(), text.size(), "%s, %02d %s %04d %02d:%02d:%02d GMT",
                                   days[static_cast<std::size_t>(utc.tm_wday)], utc.tm_mday,
                                   months[static_cast<std::size_t>(utc.tm_mon)], utc.tm_year + 1900,
                                   utc.tm_hour, utc.tm_min, utc.tm_sec);
    return {text.data(), static_cast<std::size_t>(size)};
}

std::string_view DateCache::now() {
    timespec time = {};
    clock_gettime(CLOCK_REALTIME_COARSE, &time);
    if (time.tv_sec != second_) {
        second_ = time.tv_sec;
        text_ = http_date(second_);
    }
    return text_;
}

}  // namespace thrum::http::internal
