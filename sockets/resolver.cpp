// thrum/sockets/resolver.cpp: floor 2, sockets
// What needs no asking, and getaddrinfo behind a cache (lookups.cpp).
#include <thrum/base/text.hpp>
#include <thrum/sockets/internal/lookups.hpp>
#include <thrum/sockets/resolver.hpp>

#include <netdb.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>

namespace thrum {
namespace {

[[noreturn]] void fail(const std::string& host, int status, int os_error) {
    const std::string what = "cannot resolve " + host;
    if (status == EAI_SYSTEM) throw AddressError(os_error, os_error_message(os_error, what));
    std::string message = what + ": " + ::gai_strerror(status);
    if (status == EAI_NONAME) message += "; check the spelling and this machine's network connection";
    if (status == EAI_AGAIN)
        message += "; no name server answered: check the network connection, then try again";
    throw AddressError(status, message);
}

// Blocks; on an OS thread.
internal::LookupAnswer ask_system(const std::string& host, int family) {
    addrinfo hints = {};
    hints.ai_family = family;
    hints.ai_socktype = SOCK_STREAM;  // of each address one entry, not one of each type
    addrinfo* list = nullptr;
    internal::LookupAnswer answer;
    answer.status = ::getaddrinfo(host.c_str(), nullptr, &hints, &list);
    if (answer.status != 0) {
        answer.os_error = errno;
        return answer;
    }
    const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(list, ::freeaddrinfo);
    auto& found = answer.addresses;
    for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
        if (entry->ai_family != AF_INET && entry->ai_family != AF_INET6) continue;
        sockaddr_storage storage = {};
        std::memcpy(&storage, entry->ai_addr, entry->ai_addrlen);
        Address address = Address::from_sockaddr(storage, entry->ai_addrlen);
        if (std::find(found.begin(), found.end(), address) == found.end())
            found.push_back(std::move(address));
    }
    if (found.empty()) answer.status = EAI_NONAME;
    return answer;
}

internal::Lookups& lookups() {
    // Never destroyed: look-ups that were left may end after main().
    static auto* const instance = new internal::Lookups(ask_system);
    return *instance;
}

// The answers that need no asking; empty where one must ask.
std::vector<Address> answer_inline(std::string_view host, int port, int family) {
    const bool any = host.empty();
    if (!any && !iequals(host, "localhost") && !iequals(host, "localhost.")) return {};
    std::vector<Address> found;
    if (family != AF_INET6) found.emplace_back(any ? "0.0.0.0" : "127.0.0.1", port);
    if (family != AF_INET) found.emplace_back(any ? "::" : "::1", port);
    return found;
}

}  // namespace

std::vector<Address> resolve(const Address& address, int family, int type) {
    if (address.is_name()) return resolve(address.host(), address.port(), family, type);
    static_cast<void>(address.data());  // throws for nowhere, which is of no family
    if (family == AF_UNSPEC || family == address.family()) return {address};
    throw AddressError(EAFNOSUPPORT, "cannot use " + address.to_string() +
                                         ": it is not of the family asked for, " +
                                         (family == AF_INET    ? "IPv4"
                                          : family == AF_INET6 ? "IPv6"
                                                               : "Unix"));
}

std::vector<Address> resolve(std::string_view host, int port, int family, int type) {
    const Address address(host, port);
    if (!address.is_name()) return resolve(address, family, type);
    if (auto found = answer_inline(host, port, family); !found.empty()) return found;

    const std::string name = to_lower(host);
    internal::LookupAnswer answer;
    try {
        answer = lookups().find(name, family);
    } catch (const TimeoutError&) {
        throw TimeoutError("timed out looking up " + std::string(host));
    }
    if (answer.status != 0) fail(std::string(host), answer.status, answer.os_error);
    for (Address& found : answer.addresses) found = found.with_port(port);
    return std::move(answer.addresses);
}

void set_resolver_options(const ResolverOptions& options) { lookups().set_options(options); }
void clear_resolver() { lookups().clear(); }
ResolverStatistics resolver_statistics() { return lookups().statistics(); }

}  // namespace thrum
