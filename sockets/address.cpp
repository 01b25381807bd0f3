// thrum/sockets/address.cpp: floor 2, sockets
// Reading and writing the notations of addresses.
#include <thrum/base/text.hpp>
#include <thrum/sockets/address.hpp>

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <cstring>

namespace thrum {
namespace {

// netdb.h's NI_MAXHOST: no resolver takes more.
constexpr std::size_t max_host_length = 1024;
constexpr std::string_view unix_prefix = "unix:";

// Characters of a refused text that are shown.
constexpr std::size_t shown_length = 128;

// A text nobody has checked, fit for a terminal and a log line.
std::string shown(std::string_view text) {
    std::string safe;
    for (const char c : text.substr(0, shown_length)) {
        const auto byte = static_cast<unsigned char>(c);
        byte < ' ' || byte == 127 ? safe += percent_encode(std::string_view(&c, 1)) : safe += c;
    }
    return text.size() > shown_length ? safe + "…" : safe;
}

[[noreturn]] void refuse(std::string_view text, std::string_view why) {
    throw AddressError(EINVAL, "'" + shown(text) + "' is not an address: " + std::string(why));
}

void check_port(std::string_view host, int port) {
    if (port >= 0 && port <= max_port) return;
    throw AddressError(EINVAL, "port " + std::to_string(port) + " of " + (host.empty() ? "*" : shown(host)) +
                                   " is out of range: a port is 0 to 65535");
}

void check_host(std::string_view host) {
    if (host.size() > max_host_length) {
        refuse(host, "a host has at most 1024 characters");
    }
    const auto bad = std::find_if(host.begin(), host.end(), [](char c) {
        return static_cast<unsigned char>(c) <= ' ' || c == 127 ||
               std::string_view("[]/@?#:").find(c) != std::string_view::npos;
    });
    if (bad == host.end()) return;
    if (*bad == ':') refuse(host, "it has colons but is no IPv6 address");
    refuse(host, "a host name does not contain such characters");
}

template <class Concrete>
Concrete view_as(const sockaddr_storage& storage) noexcept {
    Concrete concrete;
    std::memcpy(&concrete, &storage, sizeof concrete);
    return concrete;
}

// The interface's name, its number where there is none, or where the name would be read as another's number.
std::string scope_name(unsigned scope) {
    char name[IF_NAMESIZE];
    if (::if_indextoname(scope, name) == nullptr || parse_unsigned(name)) return std::to_string(scope);
    return name;
}

Address make_unix(std::string_view name, bool abstract) {
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    // An abstract name begins with a zero byte and has no end but the size; a path ends with one.
    constexpr std::size_t longest = sizeof address.sun_path - 1;
    const std::string text = std::string(unix_prefix) + (abstract ? "@" : "") + std::string(name);
    if (name.size() > longest) {
        throw AddressError(ENAMETOOLONG, "'" + shown(text) + "' is too long for a Unix socket: " +
                                             std::to_string(name.size()) + " bytes, and at most " +
                                             std::to_string(longest) + " fit; use a shorter path");
    }
    if (name.empty()) refuse(text, "a Unix socket needs a path");
    if (!abstract && name.find('\0') != std::string_view::npos) refuse(text, "a path contains no zero byte");
    std::memcpy(address.sun_path + (abstract ? 1 : 0), name.data(), name.size());
    sockaddr_storage storage = {};
    std::memcpy(&storage, &address, sizeof address);
    return Address::from_sockaddr(storage,
                                  static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size() + 1));
}

}  // namespace

Address::Address(std::string_view host, int port) {
    check_port(host, port);
    std::string_view bare = host;
    const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
    if (bracketed) bare = host.substr(1, host.size() - 2);
    if (!set_numeric(bare)) {
        if (bracketed) refuse(host, "only an IPv6 address stands in brackets");
        check_host(host);
        is_name_ = true;
        name_ = host;
    } else if (bracketed && family() != AF_INET6) {
        refuse(host, "only an IPv6 address stands in brackets");
    }
    set_port(port);
}

bool Address::set_numeric(std::string_view host) {
    if (host.size() > max_host_length) return false;
    const auto percent = host.find('%');
    const std::string text(host.substr(0, percent));
    in6_addr six;
    if (in_addr four; percent == std::string_view::npos && ::inet_pton(AF_INET, text.c_str(), &four) == 1) {
        sockaddr_in address = {};
        address.sin_family = AF_INET;
        address.sin_addr = four;
        std::memcpy(&storage_, &address, sizeof address);
        size_ = sizeof address;
        return true;
    }
    if (::inet_pton(AF_INET6, text.c_str(), &six) != 1) return false;
    sockaddr_in6 address = {};
    address.sin6_family = AF_INET6;
    address.sin6_addr = six;
    if (percent != std::string_view::npos) {
        // RFC 4007 §11: a zone is an interface's name or number.
        const std::string zone(host.substr(percent + 1));
        const auto number = parse_unsigned(zone);
        address.sin6_scope_id = number && *number <= 0xffffffffU ? static_cast<unsigned>(*number)
                                                                 : ::if_nametoindex(zone.c_str());
        if (address.sin6_scope_id == 0)
            refuse(host, "this machine has no network interface '" + shown(zone) + "'");
    }
    std::memcpy(&storage_, &address, sizeof address);
    size_ = sizeof address;
    return true;
}

void Address::set_port(int port) noexcept {
    const auto number = static_cast<unsigned short>(port);
    if (is_name_) {
        name_port_ = number;
        return;
    }
    // sin_port and sin6_port lie at the same place; both are in network order.
    static_assert(offsetof(sockaddr_in, sin_port) == offsetof(sockaddr_in6, sin6_port));
    const in_port_t wire = htons(number);
    std::memcpy(reinterpret_cast<char*>(&storage_) + offsetof(sockaddr_in, sin_port), &wire, sizeof wire);
}

Address Address::unix_path(const std::filesystem::path& path) {
    // As it stands, it would read as an abstract name.
    return make_unix(path.native().starts_with('@') ? "./" + path.native() : path.native(), false);
}

Address Address::unix_abstract(std::string_view name) { return make_unix(name, true); }

Address Address::from_sockaddr(const sockaddr_storage& storage, socklen_t size) {
    // unix(7): the peer that has no name gives the family alone, and a datagram's sender may give nothing at
    // all.
    const bool known =
        storage.ss_family == AF_INET || storage.ss_family == AF_INET6 || storage.ss_family == AF_UNIX;
    if (!known && size != 0) {
        throw AddressError(EAFNOSUPPORT, "address family " + std::to_string(storage.ss_family) +
                                             " is not one of IPv4, IPv6 and Unix");
    }
    const std::size_t least = size == 0                       ? 0
                              : storage.ss_family == AF_INET  ? sizeof(sockaddr_in)
                              : storage.ss_family == AF_INET6 ? sizeof(sockaddr_in6)
                                                              : sizeof(sa_family_t);
    if (size < least) throw AddressError(EINVAL, std::to_string(size) + " bytes are too few for an address");
    Address address;
    address.size_ = std::min<socklen_t>(size, sizeof storage);
    std::memcpy(&address.storage_, &storage, address.size_);
    if (size == 0) address.storage_.ss_family = AF_UNIX;
    if (address.family() == AF_UNIX) address.set_one_form();
    return address;
}

// One form for each path: nothing behind its end, and no "@" before it.
void Address::set_one_form() {
    constexpr std::size_t before = offsetof(sockaddr_un, sun_path);
    if (size_ <= before || reinterpret_cast<const char*>(&storage_)[before] == '\0') return;
    const std::string name = path();
    if (name.size() + 1 > sizeof(sockaddr_un::sun_path)) return;  // to the last byte, without an end
    const bool marked = name.starts_with('@') && name.size() + 3 <= sizeof(sockaddr_un::sun_path);
    const std::string form = marked ? "./" + name : name;
    sockaddr_un clean = {};
    clean.sun_family = AF_UNIX;
    std::memcpy(clean.sun_path, form.data(), form.size());
    storage_ = {};
    std::memcpy(&storage_, &clean, sizeof clean);
    size_ = static_cast<socklen_t>(before + form.size() + 1);
}

Address Address::parse(std::string_view text) {
    if (text.substr(0, unix_prefix.size()) == unix_prefix) {
        const std::string_view path = text.substr(unix_prefix.size());
        return path.substr(0, 1) == "@" ? unix_abstract(path.substr(1))
                                        : unix_path(std::filesystem::path(path));
    }
    const auto colon = text.rfind(':');
    const bool bracketed = text.substr(0, 1) == "[";
    const auto bracket = text.rfind(']');
    if (colon == std::string_view::npos ||
        (bracketed && (bracket == std::string_view::npos || colon < bracket))) {
        refuse(text, "the port is missing; write HOST:PORT, [IPv6]:PORT or unix:PATH");
    }
    const std::string_view host = text.substr(0, colon);
    const std::string_view digits = text.substr(colon + 1);
    if (!bracketed && host.find(':') != std::string_view::npos) {
        refuse(text, "an IPv6 address stands in brackets before its port, as in [::1]:80");
    }
    const auto port = parse_unsigned(digits);
    if (!port) refuse(text, "'" + shown(digits) + "' is not a port number");
    constexpr unsigned long long showable = 1'000'000'000;
    return Address(host, static_cast<int>(std::min(*port, showable)));
}

std::string Address::host() const {
    if (is_name_) return name_;
    char text[INET6_ADDRSTRLEN] = "";
    if (family() == AF_INET) {
        const auto address = view_as<sockaddr_in>(storage_);
        ::inet_ntop(AF_INET, &address.sin_addr, text, sizeof text);
    } else if (family() == AF_INET6) {
        const auto address = view_as<sockaddr_in6>(storage_);
        ::inet_ntop(AF_INET6, &address.sin6_addr, text, sizeof text);
        if (address.sin6_scope_id != 0) return std::string(text) + "%" + scope_name(address.sin6_scope_id);
    }
    return text;
}

int Address::port() const noexcept {
    if (is_name_) return name_port_;
    if (family() == AF_INET) return ntohs(view_as<sockaddr_in>(storage_).sin_port);
    return family() == AF_INET6 ? ntohs(view_as<sockaddr_in6>(storage_).sin6_port) : 0;
}

Address Address::with_port(int port) const {
    if (!is_name_ && family() != AF_INET && family() != AF_INET6) {
        throw AddressError(EINVAL, "'" + to_string() + "' has no port to change");
    }
    check_port(host(), port);
    Address other = *this;
    other.set_port(port);
    return other;
}

std::string Address::path() const {
    constexpr std::size_t before = offsetof(sockaddr_un, sun_path);
    if (family() != AF_UNIX || size_ <= before) return "";
    const auto address = view_as<sockaddr_un>(storage_);
    const std::size_t length = std::min<std::size_t>(size_ - before, sizeof address.sun_path);
    if (address.sun_path[0] != '\0')
        return std::string(address.sun_path, ::strnlen(address.sun_path, length));
    return "@" + std::string(address.sun_path + 1, length - 1);
}

bool Address::is_ipv4_mapped() const noexcept {
    if (family() != AF_INET6) return false;
    const auto six = view_as<sockaddr_in6>(storage_);
    return IN6_IS_ADDR_V4MAPPED(&six.sin6_addr) != 0;
}

Address Address::unmapped() const {
    if (!is_ipv4_mapped()) return *this;
    const auto six = view_as<sockaddr_in6>(storage_);
    sockaddr_in four = {};
    four.sin_family = AF_INET;
    four.sin_port = six.sin6_port;
    std::memcpy(&four.sin_addr, six.sin6_addr.s6_addr + 12, sizeof four.sin_addr);
    Address address;
    std::memcpy(&address.storage_, &four, sizeof four);
    address.size_ = sizeof four;
    return address;
}

Address Address::mapped() const {
    if (family() != AF_INET) return *this;
    const auto four = view_as<sockaddr_in>(storage_);
    sockaddr_in6 six = {};
    six.sin6_family = AF_INET6;
    six.sin6_port = four.sin_port;
    six.sin6_addr.s6_addr[10] = six.sin6_addr.s6_addr[11] = 0xff;
    std::memcpy(six.sin6_addr.s6_addr + 12, &four.sin_addr, sizeof four.sin_addr);
    Address address;
    std::memcpy(&address.storage_, &six, sizeof six);
    address.size_ = sizeof six;
    return address;
}

// The IPv4 address that it is or stands for, in the machine's order.
std::optional<std::uint32_t> Address::four() const noexcept {
    if (family() == AF_INET) return ntohl(view_as<sockaddr_in>(storage_).sin_addr.s_addr);
    if (!is_ipv4_mapped()) return std::nullopt;
    std::uint32_t bits = 0;
    std::memcpy(&bits, view_as<sockaddr_in6>(storage_).sin6_addr.s6_addr + 12, sizeof bits);
    return ntohl(bits);
}

bool Address::is_loopback() const noexcept {
    if (const auto bits = four()) return *bits >> 24 == 127;
    if (family() != AF_INET6) return family() == AF_UNIX;
    const auto six = view_as<sockaddr_in6>(storage_);
    return IN6_IS_ADDR_LOOPBACK(&six.sin6_addr) != 0;
}

bool Address::is_any() const noexcept {
    if (const auto bits = four()) return *bits == INADDR_ANY;
    const auto six = view_as<sockaddr_in6>(storage_);
    return family() == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&six.sin6_addr) != 0;
}

bool Address::is_multicast() const noexcept {
    if (const auto bits = four()) return *bits >> 28 == 14;
    const auto six = view_as<sockaddr_in6>(storage_);
    return family() == AF_INET6 && IN6_IS_ADDR_MULTICAST(&six.sin6_addr) != 0;
}

unsigned Address::scope_id() const noexcept {
    return family() == AF_INET6 ? view_as<sockaddr_in6>(storage_).sin6_scope_id : 0;
}

std::size_t Address::hash() const { return std::hash<std::string>()(to_lower(to_string())); }

std::string Address::to_string() const {
    // A host of this name would be read as a Unix path; names have no case.
    if (name_ == "unix") return "UNIX:" + std::to_string(port());
    if (family() == AF_UNIX) return std::string(unix_prefix) + path();
    if (!is_name_ && family() == AF_UNSPEC) return "nowhere";
    const std::string number = ":" + std::to_string(port());
    return family() == AF_INET6 ? "[" + host() + "]" + number : host() + number;
}

const sockaddr* Address::data() const {
    if (family() == AF_UNSPEC) {
        throw AddressError(
            EINVAL,
            "'" + to_string() + "' is not an address a socket can use: look it up with resolve() first");
    }
    return reinterpret_cast<const sockaddr*>(&storage_);
}

bool operator==(const Address& a, const Address& b) noexcept {
    if (a.is_name_ != b.is_name_ || a.family() != b.family() || a.port() != b.port()) return false;
    if (a.is_name_) return iequals(a.name_, b.name_);
    if (a.family() == AF_INET6) {
        // The flow label is no part of where a socket is.
        const auto x = view_as<sockaddr_in6>(a.storage_);
        const auto y = view_as<sockaddr_in6>(b.storage_);
        return x.sin6_scope_id == y.sin6_scope_id &&
               std::memcmp(&x.sin6_addr, &y.sin6_addr, sizeof x.sin6_addr) == 0;
    }
    if (a.family() == AF_INET) {
        return view_as<sockaddr_in>(a.storage_).sin_addr.s_addr ==
               view_as<sockaddr_in>(b.storage_).sin_addr.s_addr;
    }
    return a.size_ == b.size_ && std::memcmp(&a.storage_, &b.storage_, a.size_) == 0;
}

}  // namespace thrum
