// thrum/testing/deflate.cpp: yard, testing
#include <thrum/base/errors.hpp>
#include <thrum/testing/deflate.hpp>

#include <zlib.h>

namespace thrum::testing {

std::string deflate_all(std::string_view text, int bits) {
    z_stream stream = {};
    if (deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
        throw Error("zlib cannot start a stream");
    }
    std::string out(deflateBound(&stream, text.size()) + 64, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    const int result = deflate(&stream, Z_FINISH);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    if (result != Z_STREAM_END) throw Error("zlib cannot end its stream");
    return out;
}

}  // namespace thrum::testing
