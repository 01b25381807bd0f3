// thrum/http/internal/date.hpp: floor 3, http
// Dates as HTTP writes them, and the present one, formatted once a second.
#pragma once

#include <array>
#include <ctime>
#include <string>
#include <string_view>

namespace thrum::http::internal {

// "Sun, 06 Nov 1994 08:49:37 GMT", the IMF-fixdate of RFC 9110 §5.6.7.
std::string http_date(std::time_t time);

class DateCache {
public:
    // Now, by the kernel's coarse clock; valid until the next call.
    std::string_view now();

private:
    std::time_t second_ = -1;
    std::string text_;
};

}  // namespace thrum::http::internal
