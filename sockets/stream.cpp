// thrum/sockets/stream.cpp: floor 2, sockets
// What every kind of Stream receives in the same way.
#include <thrum/sockets/stream.hpp>

#include <algorithm>

namespace thrum {
namespace {

// recv_all() starts here and doubles, up to the larger.
constexpr std::size_t first_chunk = 4096;
constexpr std::size_t largest_chunk = std::size_t{1} << 20;

}  // namespace

std::string Stream::recv(std::size_t size) {
    std::string data(size, '\0');
    data.resize(recv_into(data));
    return data;
}

std::string Stream::recv_all() {
    std::string data;
    std::size_t chunk = first_chunk;
    for (;;) {
        const std::size_t before = data.size();
        data.resize(before + chunk);
        const std::size_t size = recv_into(std::span(data).subspan(before));
        data.resize(before + size);
        if (size == 0) return data;
        if (size == chunk) chunk = std::min(chunk * 2, largest_chunk);
    }
}

}  // namespace thrum
