// thrum/requests/internal/decoder.cpp: floor 4, requests
// zlib, fed a piece at a time.
#include <thrum/base/text.hpp>
#include <thrum/requests/internal/decoder.hpp>

#include <zlib.h>

#include <algorithm>
#include <limits>
#include <new>

namespace thrum::requests::internal {

namespace {

constexpr int window_bits = 15;
constexpr int gzip_flag = 16;  // zlib.h, inflateInit2: "add 16 to decode only the gzip format"
constexpr unsigned char gzip_magic = 0x1f;

uInt as_uint(std::size_t size) {
    return static_cast<uInt>(std::min<std::size_t>(size, std::numeric_limits<uInt>::max()));
}

// "deflate" means zlib's format (RFC 9110 §8.4.1.2), but servers that send bare deflate data are as old as
// the name. RFC 1950 §2.2: method 8, and the first two bytes divisible by 31.
bool is_zlib_header(unsigned char first, unsigned char second) {
    return (first & 0x0f) == 8 && (first * 256 + second) % 31 == 0;
}

}  // namespace

struct Decoder::State {
    z_stream stream = {};
    Coding coding;
    bool started = false;
    bool finished = false;
    bool padding = false;  // something else than a further member has come after the end
    bool has_first = false;
    unsigned char first = 0;  // a first byte of "deflate" that came alone
    std::uint64_t taken = 0;
    std::uint64_t given = 0;
    std::uint64_t barren = 0;  // bytes taken since the last one was given

    explicit State(Coding coding) : coding(coding) {}
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() {
        if (started) inflateEnd(&stream);
    }

    void start(int bits) {
        if (inflateInit2(&stream, bits) != Z_OK) throw std::bad_alloc();
        started = true;
    }

    int inflate_some(std::string_view& input, std::span<char> output, std::size_t& produced) {
        stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input.data()));
        stream.avail_in = as_uint(input.size());
        stream.next_out = reinterpret_cast<Bytef*>(output.data() + produced);
        stream.avail_out = as_uint(output.size() - produced);
        const uInt room = stream.avail_out;
        const uInt offered = stream.avail_in;
        const int result = inflate(&stream, Z_NO_FLUSH);
        input.remove_prefix(offered - stream.avail_in);
        taken += offered - stream.avail_in;
        given += room - stream.avail_out;
        produced += room - stream.avail_out;
        barren = room == stream.avail_out ? barren + (offered - stream.avail_in) : 0;
        return result;
    }

    // True once zlib knows which format it reads.
    bool begin(std::string_view& input) {
        if (started) return true;
        if (coding == Coding::gzip) {
            start(window_bits + gzip_flag);
            return true;
        }
        if (!has_first) {
            first = static_cast<unsigned char>(input.front());
            has_first = true;
            input.remove_prefix(1);
        }
        if (input.empty()) return false;
        start(is_zlib_header(first, static_cast<unsigned char>(input.front())) ? window_bits : -window_bits);
        std::size_t none = 0;
        std::string_view byte(reinterpret_cast<const char*>(&first), 1);
        char nowhere;
        inflate_some(byte, {&nowhere, 0}, none);
        return true;
    }
};

Decoder::Decoder(Coding coding) : state_(std::make_unique<State>(coding)) {}
Decoder::Decoder(Decoder&&) noexcept = default;
Decoder& Decoder::operator=(Decoder&&) noexcept = default;
Decoder::~Decoder() = default;

Decoder::Status Decoder::decode(std::string_view& input, std::span<char> output, std::size_t& produced) {
    produced = 0;
    State& state = *state_;
    while (!input.empty() && produced < output.size()) {
        if (state.finished) {
            // A gzip file may have several members (RFC 1952 §2.2); anything else after the end is padding.
            if (state.padding || state.coding != Coding::gzip ||
                static_cast<unsigned char>(input.front()) != gzip_magic) {
                state.padding = true;  // all that follows, wherever the pieces are cut
                state.barren += input.size();
                input = {};
                return state.barren > max_barren ? Status::barren : Status::finished;
            }
            inflateReset(&state.stream);
            state.finished = false;
        }
        if (!state.begin(input)) break;
        const int result = state.inflate_some(input, output, produced);
        if (state.given > ratio_free_bytes && state.given / max_decoded_ratio > state.taken)
            return Status::bomb;
        if (state.barren > max_barren) return Status::barren;
        if (result == Z_STREAM_END) {
            state.finished = true;
        } else if (result != Z_OK && result != Z_BUF_ERROR) {
            return Status::malformed;
        }
    }
    // zlib may hold back output that did not fit; it comes with the next call, even without new input.
    if (input.empty() && produced < output.size() && state.started && !state.finished) {
        const int result = state.inflate_some(input, output, produced);
        if (result == Z_STREAM_END) {
            state.finished = true;
        } else if (result != Z_OK && result != Z_BUF_ERROR) {
            return Status::malformed;
        }
    }
    return state.finished && input.empty() ? Status::finished : Status::ok;
}

bool Decoder::may_end() const noexcept {
    return state_->finished || (state_->taken == 0 && !state_->has_first);
}

std::optional<Decoder::Coding> coding_of(std::string_view content_encoding) noexcept {
    const std::string_view name = trim(content_encoding);
    if (iequals(name, "gzip") || iequals(name, "x-gzip")) return Decoder::Coding::gzip;
    if (iequals(name, "deflate")) return Decoder::Coding::deflate;
    return {};
}

}  // namespace thrum::requests::internal
