// thrum/sockets/internal/tls_server_name_fuzz.cpp: floor 2, sockets
// Whatever a client's extension holds, the name taken from it is one that a table of names and a terminal can
// bear.
#include <thrum/sockets/internal/tls_server_name.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto name = thrum::internal::parse_server_name({data, size});
    if (!name) return 0;
    const bool harmless =
        !name->empty() && name->size() <= 255 && size - name->size() <= 6 &&
        name->find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-._") == std::string_view::npos;
    if (!harmless) std::abort();
    return 0;
}
