// thrum/requests/api.hpp: floor 4, requests
// get, post and the others, without a Session of one's own.
#pragma once

#include <thrum/requests/session.hpp>

#include <string_view>

namespace thrum::requests {

// Over the default session, which lives as long as the process: connections are kept and shared by all
// threads, cookies are not kept from one call to the next, as in Python. Thread-safe; throw as
// Session::request().
Response request(std::string_view method, std::string_view url, const Options& options = {});

inline Response get(std::string_view url, const Options& options = {}) {
    return request("GET", url, options);
}
// Does not follow redirects unless told to, as in Python.
inline Response head(std::string_view url, const Options& options = {}) {
    return request("HEAD", url, options);
}
inline Response options(std::string_view url, const Options& options = {}) {
    return request("OPTIONS", url, options);
}
inline Response post(std::string_view url, const Options& options = {}) {
    return request("POST", url, options);
}
inline Response put(std::string_view url, const Options& options = {}) {
    return request("PUT", url, options);
}
inline Response patch(std::string_view url, const Options& options = {}) {
    return request("PATCH", url, options);
}
inline Response del(std::string_view url, const Options& options = {}) {
    return request("DELETE", url, options);
}

}  // namespace thrum::requests
