// thrum/requests/internal/body_source.hpp: floor 4, requests
// BodySource: where the bytes of an answer's body come from, whatever carries them.
#pragma once

#include <thrum/requests/internal/context.hpp>

#include <cstdint>
#include <string_view>

namespace thrum::requests::internal {

// Not thread-safe. Destroyed before its end, it gives up what carried it; read to the end, it gives that back
// for the next request. Nothing here says that a connection carries one answer at a time.
class BodySource {
public:
    virtual ~BodySource() = default;
    // The next bytes, still coded, valid until the next call; empty at the end. Throws what sockets throw,
    // IncompleteRead and ChunkedEncodingError; `context` is for their messages.
    virtual std::string_view read(const Context& context) = 0;
};

}  // namespace thrum::requests::internal
