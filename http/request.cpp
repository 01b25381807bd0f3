// thrum/http/request.cpp: floor 3, http
#include <thrum/base/text.hpp>
#include <thrum/http/json.hpp>
#include <thrum/http/request.hpp>

#include <algorithm>

namespace thrum::http {

std::optional<std::string_view> PathParams::get(std::string_view name) const noexcept {
    for (const auto& [key, value] : params_) {
        if (key == name) return value;
    }
    return std::nullopt;
}

const std::string& PathParams::at(std::string_view name) const {
    std::string known;
    for (const auto& [key, value] : params_) {
        if (key == name) return value;
        known += " {" + key + "}";
    }
    throw ParamError("the route has no parameter {" + std::string(name) + "}" +
                     (known.empty() ? "" : "; it has" + known));
}

void Request::reset(const RequestHead& head, internal::BodySource& body, const Address& peer) {
    head_ = &head;
    body_ = &body;
    peer_ = &peer;
    headers_.reset();
    params_.reset();
    path_params_.clear();
    std::string_view rest = head.target;
    if (!rest.starts_with('/')) {
        // Absolute form: the path follows the authority (RFC 9112 §3.2.2). The other forms have none.
        const auto scheme = rest.find("://");
        rest = scheme == rest.npos ? std::string_view() : rest.substr(scheme + 3);
        rest.remove_prefix(std::min(rest.find_first_of("/?"), rest.size()));
    }
    const auto question = std::min(rest.find('?'), rest.size());
    raw_path_ = rest.substr(0, question);
    query_ = rest.substr(std::min(question + 1, rest.size()));
    if (raw_path_.empty() && head.target != "*" && head.method != "CONNECT") raw_path_ = "/";
}

std::string Request::path() const { return percent_decode(raw_path_); }

const Params& Request::params() const {
    if (!params_) params_ = form_decode(query_);
    return *params_;
}

std::optional<std::string_view> Request::param(std::string_view name) const {
    for (const auto& [key, value] : params()) {
        if (key == name) return value;
    }
    return std::nullopt;
}

const Headers& Request::headers() const {
    if (!headers_) headers_ = head_->headers();
    return *headers_;
}

std::string_view Request::read_some() { return body_->next_piece(); }

nlohmann::json Request::json() {
    const std::string body = read_all();
    try {
        return parse_json(body);
    } catch (const JSONError& error) {
        throw BadRequest("the body is no JSON: " + std::string(error.what()));
    }
}

std::string Request::read_all(std::size_t limit) {
    std::string body;
    for (;;) {
        const std::string_view piece = body_->next_piece();
        if (piece.empty()) return body;
        if (piece.size() > limit - body.size()) {
            throw ContentTooLarge("the request's body is larger than " + std::to_string(limit) + " bytes");
        }
        body += piece;
    }
}

}  // namespace thrum::http
