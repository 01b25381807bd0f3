// thrum/http/internal/router.hpp: floor 3, http
// From method and path to handler.
#pragma once

#include <thrum/http/server.hpp>

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace thrum::http::internal {

class Router {
public:
    // Throws Error for a method that is no token, and for a pattern that is no path.
    void add(std::string_view method, std::string_view pattern, Server::Handler handler);

    // The handler, with `params` filled; null where there is none for that method and path. `path` is
    // percent-encoded.
    const Server::Handler* find(std::string_view method, std::string_view path, PathParams& params) const;
    // "GET, HEAD, POST": what find() would find something for at `path`; empty where nothing is there.
    std::string allowed(std::string_view path) const;
    // Whether the method is one of HTTP's own or of a route; if not, the answer is 501.
    bool knows_method(std::string_view method) const noexcept;

private:
    struct Segment {
        std::string text;  // of a literal, or the parameter's name
        enum class Kind : unsigned char { literal, name, rest } kind;
    };
    struct Route {
        std::string method;
        std::vector<Segment> segments;
        Server::Handler handler;
    };
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const noexcept {
            return std::hash<std::string_view>()(text);
        }
    };

    static Segment parse_segment(std::string_view piece, std::string_view pattern, bool is_last);
    static bool matches(const Route& route, std::string_view path, PathParams* params);
    // Calls `visit` with the routes that match `path`, those without names first, until it returns true.
    template <class Visit>
    void for_each_match(std::string_view path, Visit visit) const;

    std::unordered_map<std::string, std::vector<Route>, Hash, std::equal_to<>> literal_;
    std::vector<Route> named_;
};

}  // namespace thrum::http::internal
