// thrum/http/response.cpp: floor 3, http
#include <thrum/http/response.hpp>

#include <utility>

namespace thrum::http {

Response::Response(int status) : status_(status) { set_status(status); }

void Response::set_status(int status) {
    if (status < 200 || status > 599) {
        throw Error("a response cannot have the status " + std::to_string(status) +
                    "; use one from 200 to 599");
    }
    status_ = status;
}

Response Response::bytes(std::string body, std::string_view content_type, int status) {
    Response response(status);
    response.body_ = std::move(body);
    response.headers_.add("Content-Type", content_type);
    return response;
}

Response Response::text(std::string body, int status) {
    return bytes(std::move(body), "text/plain; charset=utf-8", status);
}

Response Response::html(std::string body, int status) {
    return bytes(std::move(body), "text/html; charset=utf-8", status);
}

Response Response::json(const nlohmann::json& value, int status) {
    // Text that is no UTF-8 came from somebody; it must not turn an answer into an exception.
    return bytes(value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace), "application/json",
                 status);
}

Response Response::stream(Producer produce, std::string_view content_type,
                          std::optional<std::uint64_t> length) {
    Response response;
    response.produce_ = std::move(produce);
    response.length_ = length;
    response.headers_.add("Content-Type", content_type);
    return response;
}

Response Response::file(UniqueFd file, std::uint64_t offset, std::uint64_t length,
                        std::string_view content_type) {
    Response response;
    response.file_ = std::move(file);
    response.offset_ = offset;
    response.length_ = length;
    response.headers_.add("Content-Type", content_type);
    return response;
}

Response Response::redirect(std::string_view location, int status) {
    Response response(status);
    response.headers_.add("Location", location);
    return response;
}

}  // namespace thrum::http
