// thrum/requests/decoder_fuzz.cpp: floor 4, requests
// Whatever a server sends as gzip or deflate, decoding ends, within bounds, and the same however it is cut.
#include <thrum/requests/internal/decoder.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

namespace {

using thrum::requests::internal::Decoder;

std::string decode(Decoder::Coding coding, std::string_view coded, std::size_t piece,
                   Decoder::Status& status) {
    Decoder decoder(coding);
    std::string text;
    char buffer[512];
    status = Decoder::Status::ok;
    while (!coded.empty()) {
        std::string_view input = coded.substr(0, piece);
        coded.remove_prefix(input.size());
        std::size_t produced = 0;
        do {
            status = decoder.decode(input, buffer, produced);
            text.append(buffer, produced);
            if (status == Decoder::Status::malformed || status == Decoder::Status::bomb) return text;
        } while (!input.empty() || produced == sizeof buffer);
    }
    return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    for (const auto coding : {Decoder::Coding::gzip, Decoder::Coding::deflate}) {
        Decoder::Status whole_status{};
        Decoder::Status cut_status{};
        const std::string whole = decode(coding, text, size + 1, whole_status);
        const std::string cut = decode(coding, text, 3, cut_status);
        const bool failed = whole_status == Decoder::Status::malformed;
        if (failed != (cut_status == Decoder::Status::malformed)) std::abort();
        if (!failed && whole != cut) std::abort();
    }
    return 0;
}
