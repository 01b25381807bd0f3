// thrum/testing/deflate.hpp: yard, testing
// Bodies as servers code them: gzip and deflate, by zlib itself.
#pragma once

#include <string>
#include <string_view>

namespace thrum::testing {

// What zlib's window bits mean (deflateInit2() in zlib.h).
inline constexpr int raw_bits = -15;
inline constexpr int zlib_bits = 15;
inline constexpr int gzip_bits = 15 + 16;

// `text` as one whole stream of that kind.
std::string deflate_all(std::string_view text, int bits = gzip_bits);

}  // namespace thrum::testing
