// thrum/sockets/address.hpp: floor 2, sockets
// Address: where a socket is or goes. One value type for IPv4, IPv6, Unix sockets and names not yet looked
// up.
#pragma once

#include <thrum/base/errors.hpp>

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace thrum {

// An address that cannot be meant, or a name that cannot be found. code() is EINVAL for a text or a port that
// makes no address, ENAMETOOLONG for a Unix path that does not fit, EAFNOSUPPORT for an address of another
// family than the socket's, and the (negative) EAI_ value of getaddrinfo(3) where a name was not found.
class AddressError : public OSError {
public:
    using OSError::OSError;
};

inline constexpr int max_port = 65535;

// A value: copying allocates only for names. Thread-safe as values are: reading at once is fine.
class Address {
public:
    // Nowhere: family() is AF_UNSPEC, host() is empty, and a socket refuses it.
    Address() noexcept = default;
    // `host` is a numeric IPv4 or IPv6 address (with or without brackets, with or without a scope "%eth0"), a
    // name to be looked up when it is used, or "" for every interface of this machine. Implicit, so that
    // connect({"localhost", 80}) reads as in Python. Throws AddressError for a port outside 0 … 65535, and
    // for a host that no name can be (spaces, control characters, brackets around something else).
    Address(std::string_view host, int port);

    // A Unix socket in the file system (unix(7)). Throws AddressError where the path does not fit in 107
    // bytes.
    static Address unix_path(const std::filesystem::path& path);
    // A Unix socket in Linux's abstract namespace, which no file stands for.
    static Address unix_abstract(std::string_view name);
    // "host:port", "127.0.0.1:80", "[::1]:80", ":80" (every interface), "unix:/path", "unix:@abstract".
    // Throws AddressError saying what is wrong.
    static Address parse(std::string_view text);
    // From what the kernel filled in. Throws AddressError for a family other than AF_INET, AF_INET6 and
    // AF_UNIX, and for fewer bytes than that family has.
    static Address from_sockaddr(const sockaddr_storage& storage, socklen_t size);

    // Whether host() is a name still to be looked up ("localhost"), or "".
    bool is_name() const noexcept { return is_name_; }
    // AF_INET, AF_INET6, AF_UNIX; AF_UNSPEC for a name.
    int family() const noexcept { return is_name_ ? AF_UNSPEC : storage_.ss_family; }
    // The name, or the numeric address without brackets; empty for Unix.
    std::string host() const;
    // 0 for Unix.
    int port() const noexcept;
    // The same place at another port; only for addresses that have one.
    Address with_port(int port) const;
    // The path of a Unix socket, "@name" for an abstract one; empty for one without a name and for the
    // others. A path that itself begins with "@" is kept as "./@…", the same file.
    std::string path() const;

    // Of this machine alone: 127.0.0.0/8, ::1, and Unix sockets. False for names, as below.
    bool is_loopback() const noexcept;
    // Every interface: 0.0.0.0 and ::.
    bool is_any() const noexcept;
    // A group: 224.0.0.0/4 and ff00::/8.
    bool is_multicast() const noexcept;
    // ::ffff:a.b.c.d, as which a dual-stack socket sees IPv4 (RFC 4291 §2.5.5.2). These three take an
    // IPv4-mapped address for the IPv4 address it stands for.
    bool is_ipv4_mapped() const noexcept;
    // The same place as IPv4 where it is IPv4-mapped, and as IPv4-mapped where it is IPv4; else as it is.
    Address unmapped() const;
    Address mapped() const;
    // The number of an IPv6 address's interface, its zone; 0 where it has none (RFC 4007).
    unsigned scope_id() const noexcept;
    // What parse() reads back: "127.0.0.1:80", "[fe80::1%eth0]:80", "localhost:80", "unix:/run/a.sock",
    // "unix:@abstract". What is no place to go to is not read back: an unnamed Unix socket, "unix:", and
    // "nowhere".
    std::string to_string() const;

    // What the system calls take. Throws AddressError for a name: resolve() it first.
    const sockaddr* data() const;
    socklen_t size() const noexcept { return size_; }

    std::size_t hash() const;
    // The same kind, host and port (or path) and scope. A name equals only the same name, in whatever case.
    friend bool operator==(const Address& a, const Address& b) noexcept;

private:
    bool set_numeric(std::string_view host);
    void set_port(int port) noexcept;
    void set_one_form();
    std::optional<std::uint32_t> four() const noexcept;

    std::string name_;
    sockaddr_storage storage_ = {};
    socklen_t size_ = 0;
    bool is_name_ = false;
    unsigned short name_port_ = 0;
};

}  // namespace thrum

template <>
struct std::hash<thrum::Address> {
    std::size_t operator()(const thrum::Address& address) const { return address.hash(); }
};
