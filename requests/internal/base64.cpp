// thrum/requests/internal/base64.cpp: floor 4, requests
// Three bytes become four letters; what is missing at the end becomes "=".
#include <thrum/requests/internal/base64.hpp>

#include <cstdint>

namespace thrum::requests::internal {

std::string base64_encode(std::string_view bytes) {
    static constexpr char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    out.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t at = 0; at < bytes.size(); at += 3) {
        const std::size_t count = std::min<std::size_t>(3, bytes.size() - at);
        std::uint32_t bits = 0;
        for (std::size_t i = 0; i < 3; ++i) {
            bits = bits << 8 | (i < count ? static_cast<unsigned char>(bytes[at + i]) : 0U);
        }
        for (std::size_t i = 0; i < 4; ++i) {
            out += i <= count ? alphabet[bits >> (18 - 6 * i) & 63] : '=';
        }
    }
    return out;
}

}  // namespace thrum::requests::internal
