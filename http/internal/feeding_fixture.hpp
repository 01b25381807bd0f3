// thrum/http/internal/feeding_fixture.hpp: floor 3, http
// For the tests and fuzzers of the parsers: a message fed whole, byte by byte or in any splits, told as a
// transcript.
#pragma once

#include <thrum/http/parser.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace thrum::http::internal {

// Everything a parser says of a message; equal transcripts mean the same reading of it.
struct Transcript {
    std::string head;  // first line's parts, fields, framing
    std::string body;
    std::string trailers;
    ParseError error = ParseError::none;
    bool complete = false;
    std::size_t consumed = 0;

    friend bool operator==(const Transcript&, const Transcript&) = default;
};

inline std::string tell(const RequestHead& head) {
    return std::string(head.method) + ' ' + std::string(head.target) + ' ' + std::string(head.authority) +
           (head.expects_continue ? " expects" : "") + (head.has_unknown_expectation ? " unknown" : "");
}
inline std::string tell(const ResponseHead& head) {
    return std::to_string(head.status) + ' ' + std::string(head.reason);
}
inline std::string tell_framing(const MessageHead& head) {
    constexpr std::string_view kinds[] = {"none", "length", "chunked", "until_close"};
    return std::string(kinds[static_cast<int>(head.framing.kind)]) + ' ' +
           std::to_string(head.framing.length) + " 1." + std::to_string(head.minor_version) +
           (head.keep_alive ? " keep" : " close");
}

// Feeds `bytes` in pieces that end at `ends` (ascending, the last one bytes.size()), each time from fresh
// memory of just the right size, so that a view of an old buffer or a read too far shows under
// AddressSanitizer.
template <class Parser>
Transcript feed(Parser& parser, std::string_view bytes, const std::vector<std::size_t>& ends,
                bool closes = false) {
    Transcript transcript;
    BodyDecoder decoder;
    bool head_done = false;
    for (const std::size_t end : ends) {
        const auto fresh = [&] {
            const std::size_t size = end - transcript.consumed;
            auto memory = std::make_unique<char[]>(size);
            bytes.copy(memory.get(), size, transcript.consumed);
            return memory;
        };
        if (!head_done) {
            const auto memory = fresh();
            const auto [consumed, state] = parser.parse({memory.get(), end});
            transcript.consumed = consumed;
            transcript.error = parser.error();
            if (state == ParseState::failed) return transcript;
            if (state == ParseState::need_more) continue;
            head_done = true;
            transcript.head = tell(parser.head()) + '\n' + tell_framing(parser.head()) + '\n';
            parser.head().headers().write_to(transcript.head);
            decoder.reset(parser.head().framing);
        }
        const auto memory = fresh();
        const std::size_t start = transcript.consumed;
        for (;;) {
            const std::string_view rest(memory.get() + (transcript.consumed - start),
                                        end - transcript.consumed);
            const auto piece = decoder.decode(rest);
            transcript.consumed += piece.consumed;
            transcript.body += piece.data;
            if (piece.state != ParseState::need_more || piece.consumed == 0) break;
        }
        transcript.error = decoder.error();
        if (decoder.state() != ParseState::need_more) break;
    }
    if (head_done && closes && decoder.finish() == ParseState::failed) transcript.error = decoder.error();
    transcript.complete = head_done && decoder.state() == ParseState::complete;
    decoder.trailers().write_to(transcript.trailers);
    // How much of a broken body was taken before the error shows is no part of its reading.
    if (transcript.error != ParseError::none) transcript.consumed = 0;
    return transcript;
}

}  // namespace thrum::http::internal
