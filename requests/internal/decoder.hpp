// thrum/requests/internal/decoder.hpp: floor 4, requests
// Decoder: undoes Content-Encoding piece by piece, and stops at what unpacks beyond all measure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace thrum::requests::internal {

// What is sent as Accept-Encoding.
inline constexpr std::string_view accepted_codings = "gzip, deflate";
// deflate cannot do better than 1032 to 1, but only on input that was made for it.
inline constexpr std::uint64_t max_decoded_ratio = 200;
// Below this many decoded bytes the ratio is not looked at: small and monotonous is no attack.
inline constexpr std::uint64_t ratio_free_bytes = 16 * 1024 * 1024;

// Bytes of input in a row that unpack to nothing: padding after the end, empty blocks, empty members.
inline constexpr std::uint64_t max_barren = 64 * 1024;

// A protocol machine without I/O: never throws. Move-only, not thread-safe.
class Decoder {
public:
    enum class Coding : unsigned char { gzip, deflate };  // RFC 9110 §8.4.1
    enum class Status : unsigned char {
        ok,         // call again with more input, or more room
        finished,   // the coded data has ended; what follows is ignored
        malformed,  // the input is not of the coding
        bomb,       // beyond max_decoded_ratio
        barren,     // beyond max_barren
    };

    explicit Decoder(Coding coding);
    Decoder(Decoder&&) noexcept;
    Decoder& operator=(Decoder&&) noexcept;
    ~Decoder();

    // Takes from the front of `input` and fills `output` from its front. `produced` receives the number of
    // bytes written. With Status::ok either the input is used up or the output full.
    Status decode(std::string_view& input, std::span<char> output, std::size_t& produced);
    // True when the body may end here: at the end of the coded data, or before its first byte.
    bool may_end() const noexcept;

private:
    struct State;
    std::unique_ptr<State> state_;
};

// What a Content-Encoding field of one coding asks for: nothing for identity and for codings that were not
// asked for (whose bytes are handed on as they are).
std::optional<Decoder::Coding> coding_of(std::string_view content_encoding) noexcept;

}  // namespace thrum::requests::internal
