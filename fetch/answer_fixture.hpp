// thrum/fetch/answer_fixture.hpp: floor 5, fetch
// For the tests: what servers answer, and downloads that wait for nothing.
#pragma once

#include <thrum/fetch/download.hpp>
#include <thrum/testing/process.hpp>
#include <thrum/testing/raw_server.hpp>

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace thrum::fetch {

inline std::string answer(std::string_view body, std::string_view more_headers = "") {
    return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
           std::string(more_headers) + "\r\n" + std::string(body);
}

// The path of a request line.
inline std::string path_of(const std::string& request) {
    const auto begin = request.find(' ') + 1;
    return request.substr(begin, request.find(' ', begin) - begin);
}

// Answers each request with what `reply` says for its path, on one connection after the other.
inline testing::RawServer::Handler replying(std::function<std::string(const std::string& path)> reply) {
    return [reply = std::move(reply)](testing::RawConnection& connection, int) {
        for (std::string request; !(request = connection.read_request()).empty();) {
            if (!connection.send(reply(path_of(request)))) return;
        }
    };
}

// No pauses to speak of, and no second attempts but where a test is about them.
inline Options quick(const testing::TemporaryDirectory& folder) {
    return {.folder = folder.path() / "got", .retries = 0, .pause = std::chrono::milliseconds(1)};
}

}  // namespace thrum::fetch
