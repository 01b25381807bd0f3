// thrum/requests/api.cpp: floor 4, requests
// The default session.
#include <thrum/requests/api.hpp>

namespace thrum::requests {

Response request(std::string_view method, std::string_view url, const Options& options) {
    // Never destroyed: threads may still use it while the process ends.
    static Session& session = *new Session;
    CookieJar jar;
    return session.send(method, url, options, jar);
}

}  // namespace thrum::requests
