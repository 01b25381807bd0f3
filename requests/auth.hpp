// thrum/requests/auth.hpp: floor 4, requests
// Auth: how a request proves who sends it.
#pragma once

#include <thrum/http/headers.hpp>
#include <thrum/http/url.hpp>

#include <concepts>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace thrum::requests {

// A request that is ready to be sent, as an Auth sees and completes it.
struct PreparedRequest {
    std::string method;
    http::Url url;
    http::Headers headers = {};
    std::string body = {};
};

// Holds any copyable scheme that is called with the prepared request and completes it, once for each request
// it sends, redirects within the origin included. Copies share the scheme, whose call must be thread-safe.
class Auth {
public:
    // Sends no credentials.
    Auth() = default;
    template <class Scheme>
    requires(!std::same_as<std::remove_cvref_t<Scheme>, Auth>) &&
        std::invocable<const std::remove_cvref_t<Scheme>&, PreparedRequest&> Auth(Scheme&& scheme)
        : scheme_(std::make_shared<Holder<std::remove_cvref_t<Scheme>>>(std::forward<Scheme>(scheme))) {}

    explicit operator bool() const noexcept { return scheme_ != nullptr; }
    void operator()(PreparedRequest& request) const {
        if (scheme_) scheme_->apply(request);
    }

private:
    struct Interface {
        virtual ~Interface() = default;
        virtual void apply(PreparedRequest& request) const = 0;
    };
    template <class Scheme>
    struct Holder final : Interface {
        explicit Holder(Scheme scheme) : scheme(std::move(scheme)) {}
        void apply(PreparedRequest& request) const override { scheme(request); }
        Scheme scheme;
    };

    std::shared_ptr<const Interface> scheme_;
};

// User and password in base 64 (RFC 7617), in UTF-8. Anyone who sees the request can read them: use https.
class BasicAuth {
public:
    // Throws RequestException where the user holds a colon, which the scheme cannot carry.
    BasicAuth(std::string_view user, std::string_view password);
    void operator()(PreparedRequest& request) const;

private:
    std::string header_;
};

// A token that opens by itself (RFC 6750).
class BearerAuth {
public:
    explicit BearerAuth(std::string_view token);
    void operator()(PreparedRequest& request) const;

private:
    std::string header_;
};

}  // namespace thrum::requests
