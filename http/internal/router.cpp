// thrum/http/internal/router.cpp: floor 3, http
#include <thrum/base/text.hpp>
#include <thrum/http/internal/router.hpp>

#include <algorithm>
#include <array>

namespace thrum::http::internal {
namespace {

// RFC 9110 §9.3 and RFC 5789.
constexpr std::array<std::string_view, 9> standard_methods = {"GET",     "HEAD",    "POST",  "PUT",  "DELETE",
                                                              "CONNECT", "OPTIONS", "TRACE", "PATCH"};

// Whether the percent-encoded piece of a path means `text`.
bool means(std::string_view piece, std::string_view text) {
    return piece == text || (piece.find('%') != piece.npos && percent_decode(piece) == text);
}

}  // namespace

Router::Segment Router::parse_segment(std::string_view piece, std::string_view pattern, bool is_last) {
    if (!piece.starts_with('{') && piece.find_first_of("{}") == piece.npos) {
        return {std::string(piece), Segment::Kind::literal};
    }
    const bool is_closed = piece.size() > 2 && piece.starts_with('{') && piece.ends_with('}');
    std::string_view name = is_closed ? piece.substr(1, piece.size() - 2) : std::string_view();
    const bool is_rest = name.ends_with("...");
    if (is_rest) name.remove_suffix(3);
    if (name.empty() || name.find_first_of("{}") != name.npos || (is_rest && !is_last)) {
        throw Error("cannot route '" + std::string(pattern) + "': '" + std::string(piece) +
                    "' is neither text nor one {name}; only the last may be {name...}");
    }
    return {std::string(name), is_rest ? Segment::Kind::rest : Segment::Kind::name};
}

void Router::add(std::string_view method, std::string_view pattern, Server::Handler handler) {
    if (!is_token(method)) throw Error("cannot route '" + std::string(method) + "': it is no HTTP method");
    if (!pattern.starts_with('/')) {
        throw Error("cannot route '" + std::string(pattern) + "': a path begins with '/'");
    }
    if (!handler) throw Error("cannot route '" + std::string(pattern) + "': the handler is empty");
    Route route{std::string(method), {}, std::move(handler)};
    const auto pieces = split(pattern.substr(1), '/');
    bool is_literal = true;
    for (std::size_t i = 0; i < pieces.size(); ++i) {
        route.segments.push_back(parse_segment(pieces[i], pattern, i + 1 == pieces.size()));
        is_literal = is_literal && route.segments.back().kind == Segment::Kind::literal;
    }
    if (is_literal) {
        literal_[std::string(pattern)].push_back(std::move(route));
    } else {
        named_.push_back(std::move(route));
    }
}

bool Router::matches(const Route& route, std::string_view path, PathParams* params) {
    for (const Segment& segment : route.segments) {
        if (!path.starts_with('/')) return false;
        path.remove_prefix(1);
        if (segment.kind == Segment::Kind::rest) {
            if (params != nullptr) params->add(segment.text, percent_decode(path));
            return true;
        }
        const std::string_view piece = path.substr(0, path.find('/'));
        path.remove_prefix(piece.size());
        if (segment.kind == Segment::Kind::literal ? !means(piece, segment.text) : piece.empty())
            return false;
        if (segment.kind == Segment::Kind::name && params != nullptr) {
            params->add(segment.text, percent_decode(piece));
        }
    }
    return path.empty();
}

template <class Visit>
void Router::for_each_match(std::string_view path, Visit visit) const {
    if (path.find('%') == path.npos) {
        const auto found = literal_.find(path);
        if (found != literal_.end()) {
            for (const Route& route : found->second) {
                if (visit(route)) return;
            }
        }
    } else {
        for (const auto& [pattern, routes] : literal_) {
            if (!matches(routes.front(), path, nullptr)) continue;
            for (const Route& route : routes) {
                if (visit(route)) return;
            }
        }
    }
    for (const Route& route : named_) {
        if (matches(route, path, nullptr) && visit(route)) return;
    }
}

const Server::Handler* Router::find(std::string_view method, std::string_view path,
                                    PathParams& params) const {
    const Route* found = nullptr;
    for_each_match(path, [&](const Route& route) {
        if (route.method != method) return false;
        found = &route;
        return true;
    });
    if (found == nullptr) return method == "HEAD" ? find("GET", path, params) : nullptr;
    matches(*found, path, &params);
    return &found->handler;
}

std::string Router::allowed(std::string_view path) const {
    std::vector<std::string_view> methods;
    const auto add = [&methods](std::string_view method) {
        if (std::find(methods.begin(), methods.end(), method) == methods.end()) methods.push_back(method);
    };
    for_each_match(path, [&add](const Route& route) {
        add(route.method);
        if (route.method == "GET") add("HEAD");
        return false;
    });
    std::string list;
    for (const std::string_view method : methods) list.append(list.empty() ? "" : ", ").append(method);
    return list;
}

bool Router::knows_method(std::string_view method) const noexcept {
    const auto has_method = [method](const Route& route) { return route.method == method; };
    return std::find(standard_methods.begin(), standard_methods.end(), method) != standard_methods.end() ||
           std::any_of(named_.begin(), named_.end(), has_method) ||
           std::any_of(literal_.begin(), literal_.end(), [&has_method](const auto& entry) {
               return std::any_of(entry.second.begin(), entry.second.end(), has_method);
           });
}

}  // namespace thrum::http::internal
