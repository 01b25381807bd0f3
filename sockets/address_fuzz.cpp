// thrum/sockets/address_fuzz.cpp: floor 2, sockets
// Any bytes as a text, a host and what a kernel filled in: no crash, and what is printed reads back as
// itself.
#include <thrum/sockets/address.hpp>

#include <sys/un.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

namespace {

using thrum::Address;
using thrum::AddressError;

void demand(bool condition, const char* what, const std::string& text) {
    if (condition) return;
    std::fprintf(stderr, "%s: %s\n", what, text.c_str());
    std::abort();
}

void check(const Address& address) {
    const std::string text = address.to_string();
    const Address again = Address::parse(text);
    demand(again == address, "reads back as another", text);
    demand(again.to_string() == text, "is not stable", text);
    demand(again.hash() == address.hash(), "hashes otherwise", text);
    demand(address.port() >= 0 && address.port() <= thrum::max_port, "has an impossible port", text);
    demand(address.mapped().unmapped() == address.unmapped(), "does not map there and back", text);
}

template <class Make>
void check_made(Make&& make) {
    try {
        check(make());
    } catch (const AddressError& error) {
        const std::string what = error.what();
        for (const char c : what) demand(static_cast<unsigned char>(c) >= ' ', "a control character", what);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    check_made([&] { return Address::parse(text); });
    check_made([&] { return Address(text, static_cast<int>(size * 257)); });
    check_made([&] { return Address::unix_abstract(text); });
    sockaddr_storage storage = {};
    const std::size_t used = std::min(size, sizeof storage);
    std::memcpy(&storage, data, used);
    constexpr int families[] = {AF_INET, AF_INET6, AF_UNIX, AF_UNSPEC};
    if (size > 2) storage.ss_family = static_cast<sa_family_t>(families[data[0] % 4]);
    try {
        const Address address = Address::from_sockaddr(storage, static_cast<socklen_t>(used));
        // A path to the last byte, an empty name and none at all are no places that can be said.
        const std::size_t length = address.path().size();
        const bool sayable =
            address.family() != AF_UNIX || (length > 1 && length < sizeof(sockaddr_un::sun_path) - 2);
        if (sayable) check(address);
    } catch (const AddressError&) {
    }
    return 0;
}
