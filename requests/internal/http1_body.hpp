// thrum/requests/internal/http1_body.hpp: floor 4, requests
// Http1Body: the body of an answer on an HTTP/1.1 connection.
#pragma once

#include <thrum/http/body_decoder.hpp>
#include <thrum/requests/errors.hpp>
#include <thrum/requests/internal/body_source.hpp>
#include <thrum/requests/internal/pool.hpp>

#include <memory>

namespace thrum::requests::internal {

class Http1Body final : public BodySource {
public:
    Http1Body(std::unique_ptr<Connection> connection, http::Framing framing, bool keep_alive,
              std::shared_ptr<Pool> pool)
        : connection_(std::move(connection)),
          decoder_(framing),
          keep_alive_(keep_alive),
          pool_(std::move(pool)) {}
    Http1Body(const Http1Body&) = delete;
    Http1Body& operator=(const Http1Body&) = delete;
    ~Http1Body() override;

    std::string_view read(const Context& context) override;

private:
    bool reusable() const;
    IncompleteRead incomplete(const Context& context, std::string_view cause);
    void fill(const Context& context);

    std::unique_ptr<Connection> connection_;  // nothing once given back
    http::BodyDecoder decoder_;
    bool keep_alive_;
    std::size_t given_ = 0;  // bytes of the buffer to be consumed at the next read
    std::shared_ptr<Pool> pool_;
};

}  // namespace thrum::requests::internal
