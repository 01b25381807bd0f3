// thrum/http/http_parser_fuzz.cpp: floor 3, http
// Any bytes as a request and as a response: no crash, and the same reading however they are split.
#include <thrum/http/internal/feeding_fixture.hpp>
#include <thrum/http/parser.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string_view>
#include <vector>

namespace {

using namespace thrum::http;

// Byte by byte copies the whole for each byte, so it is only for short messages.
constexpr std::size_t byte_by_byte_limit = 1024;

template <class Parser>
void check(std::string_view bytes, std::string_view method, bool closes) {
    const auto run = [&](const std::vector<std::size_t>& ends) {
        Parser parser;
        if constexpr (std::is_same_v<Parser, ResponseParser>) parser.reset(method);
        return internal::feed(parser, bytes, ends, closes);
    };
    const internal::Transcript whole = run({bytes.size()});
    const auto expect_same = [&](const std::vector<std::size_t>& ends) {
        if (run(ends) == whole) return;
        std::fprintf(stderr, "split feeding reads another message\n");
        std::abort();
    };
    std::mt19937 random(static_cast<unsigned>(std::hash<std::string_view>()(bytes)));
    std::vector<std::size_t> ends;
    for (std::size_t end = 0; end < bytes.size();) {
        end = std::min(bytes.size(), end + 1 + random() % (bytes.size() / 4 + 2));
        ends.push_back(end);
    }
    expect_same(ends);
    if (bytes.size() > byte_by_byte_limit) return;
    ends.resize(bytes.size());
    for (std::size_t i = 0; i < ends.size(); ++i) ends[i] = i + 1;
    expect_same(ends);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    if (bytes.empty()) return 0;
    check<RequestParser>(bytes, "", true);
    check<ResponseParser>(bytes, "GET", true);
    check<ResponseParser>(bytes, "HEAD", false);
    return 0;
}
