// thrum/http/request.hpp: floor 3, http
// Request: what a client asks of a Server, with its body as a stream.
#pragma once

#include <thrum/base/errors.hpp>
#include <thrum/http/form.hpp>
#include <thrum/http/headers.hpp>
#include <thrum/http/parser.hpp>
#include <thrum/sockets/address.hpp>

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace thrum::http {

namespace internal {
// Where a body comes from.
class BodySource {
public:
    virtual ~BodySource() = default;
    // The next piece, valid until the next call; empty at the end. Throws ProtocolError, ContentTooLarge,
    // TimeoutError, ConnectionError.
    virtual std::string_view next_piece() = 0;
};
class ServerConnection;
}  // namespace internal

// A body larger than the reader allows; a Server answers 413.
class ContentTooLarge : public Error {
public:
    using Error::Error;
};

// A request that its handler cannot make sense of; a Server answers 400 with what() as the reason.
class BadRequest : public Error {
public:
    using Error::Error;
};

// A parameter that the route does not have. what() names it.
class ParamError : public Error {
public:
    using Error::Error;
};

// The parts of the path that a route's "{name}" stood for, percent-decoded. A decoded value may hold any
// byte,
// "/" and NUL included: do not put it into file names unchecked.
class PathParams {
public:
    // Throws ParamError when the route has no such name.
    const std::string& at(std::string_view name) const;
    std::optional<std::string_view> get(std::string_view name) const noexcept;
    bool contains(std::string_view name) const noexcept { return get(name).has_value(); }
    void add(std::string_view name, std::string value) { params_.emplace_back(name, std::move(value)); }
    void clear() noexcept { params_.clear(); }

    auto begin() const noexcept { return params_.begin(); }
    auto end() const noexcept { return params_.end(); }
    std::size_t size() const noexcept { return params_.size(); }

private:
    std::vector<std::pair<std::string, std::string>> params_;
};

// Lives as long as its handler runs, and so do the views it gives. Belongs to the handler's thread.
class Request {
public:
    Request(const Request&) = delete;
    Request& operator=(const Request&) = delete;

    std::string_view method() const noexcept { return head_->method; }
    // As it stands in the request line (RFC 9112 §3.2), with the query.
    std::string_view target() const noexcept { return head_->target; }
    // The path of the target as it stands there, percent-encoded; "" for a target that has none ("*",
    // CONNECT).
    std::string_view raw_path() const noexcept { return raw_path_; }
    // The same decoded.
    std::string path() const;
    // What follows the "?", still encoded.
    std::string_view query() const noexcept { return query_; }
    // The query taken apart by form_decode().
    const Params& params() const;
    // The first parameter of that name.
    std::optional<std::string_view> param(std::string_view name) const;
    const PathParams& path_params() const noexcept { return path_params_; }
    // "example.com:8080": of an absolute target, else of the Host field; "" from an HTTP/1.0 client without
    // one.
    std::string_view authority() const noexcept { return head_->authority; }

    // The first value of that field, without building Headers.
    std::optional<std::string_view> header(std::string_view name) const noexcept { return head_->get(name); }
    const Headers& headers() const;

    // The whole body. Throws ContentTooLarge beyond `limit` bytes or the server's own limit, ProtocolError
    // when its framing is broken, TimeoutError when it does not come, ConnectionError when the client is
    // gone. Uncaught, each becomes the fitting answer. After a first call, returns what was not read yet:
    // nothing.
    std::string read_all(std::size_t limit = static_cast<std::size_t>(-1));
    // The next piece of the body, valid until the next call; empty at the end. Throws as read_all().
    std::string_view read_some();
    // read_all() parsed. Throws BadRequest when it is no JSON or nested deeper than max_json_depth
    // (<thrum/http/json.hpp>), and as read_all().
    nlohmann::json json();

    const Address& peer() const noexcept { return *peer_; }
    int minor_version() const noexcept { return head_->minor_version; }

private:
    friend class internal::ServerConnection;
    Request() = default;
    void reset(const RequestHead& head, internal::BodySource& body, const Address& peer);

    const RequestHead* head_ = nullptr;
    internal::BodySource* body_ = nullptr;
    const Address* peer_ = nullptr;
    std::string_view raw_path_;
    std::string_view query_;
    PathParams path_params_;
    mutable std::optional<Headers> headers_;
    mutable std::optional<Params> params_;
};

}  // namespace thrum::http
