// thrum/sockets/address_test.cpp: floor 2, sockets
#include <thrum/sockets/address.hpp>

#include <gtest/gtest.h>
#include <sys/un.h>

#include <cstring>
#include <unordered_set>

namespace thrum {
namespace {

struct Notation {
    const char* text;
    const char* host;
    int port;
    int family;
};

// What parse() reads, to_string() writes back, and the parts are as written.
TEST(Address, NotationsComeBackAsWritten) {
    const Notation table[] = {
        {"127.0.0.1:80", "127.0.0.1", 80, AF_INET},
        {"0.0.0.0:0", "0.0.0.0", 0, AF_INET},
        {"[::1]:65535", "::1", 65535, AF_INET6},
        {"[::]:443", "::", 443, AF_INET6},
        {"[fe80::1%lo]:7", "fe80::1%lo", 7, AF_INET6},
        {"[fe80::1%4294967295]:7", "fe80::1%4294967295", 7, AF_INET6},
        {"[::1%lo]:7", "::1%lo", 7, AF_INET6},
        {"[::ffff:1.2.3.4]:1", "::ffff:1.2.3.4", 1, AF_INET6},
        {"UNIX:80", "UNIX", 80, AF_UNSPEC},
        {"unix:./@not abstract", "", 0, AF_UNIX},
        {"unix:[::1]:80", "", 0, AF_UNIX},
        {"localhost:8080", "localhost", 8080, AF_UNSPEC},
        {"xn--bcher-kva.example:1", "xn--bcher-kva.example", 1, AF_UNSPEC},
        {":80", "", 80, AF_UNSPEC},
        {"unix:/run/a.sock", "", 0, AF_UNIX},
        {"unix:relative.sock", "", 0, AF_UNIX},
        {"unix:@abstract", "", 0, AF_UNIX},
    };
    for (const Notation& row : table) {
        const Address address = Address::parse(row.text);
        EXPECT_EQ(address.to_string(), row.text);
        EXPECT_EQ(address.host(), row.host) << row.text;
        EXPECT_EQ(address.port(), row.port) << row.text;
        EXPECT_EQ(address.family(), row.family) << row.text;
        EXPECT_EQ(address, Address::parse(address.to_string()));
    }
}

struct Refusal {
    const char* text;
    const char* because;
};

// What is read in another form than it is written comes back the same all the same.
TEST(Address, OtherFormsAreTheSamePlace) {
    EXPECT_EQ(Address::parse("[0:0:0:0:0:0:0:1]:08"), Address::parse("[::1]:8"));
    EXPECT_EQ(Address("fe80::1%1", 7), Address("fe80::1%lo", 7)) << "lo is interface 1";
    EXPECT_EQ(Address("fe80::1%1", 7).scope_id(), 1u);
    const Address named_unix("unix", 80);
    EXPECT_EQ(Address::parse(named_unix.to_string()), named_unix);
    EXPECT_TRUE(named_unix.is_name());
    const Address marked = Address::unix_path("@file");
    EXPECT_EQ(marked.path(), "./@file");
    EXPECT_EQ(Address::parse(marked.to_string()), marked);
    const Address odd = Address::unix_abstract(std::string("a\0\n:[]", 6));
    EXPECT_EQ(Address::parse(odd.to_string()), odd);
    // The kernel may count the zero bytes behind a path, and it does not know "./".
    sockaddr_un raw = {};
    raw.sun_family = AF_UNIX;
    std::strcpy(raw.sun_path, "@file");
    sockaddr_storage storage = {};
    std::memcpy(&storage, &raw, sizeof raw);
    EXPECT_EQ(Address::from_sockaddr(storage, sizeof raw), marked);
}

struct Kind {
    const char* host;
    bool loopback;
    bool any;
    bool multicast;
};

// What kind of address it is, whether IPv4 is written as itself or IPv4-mapped.
TEST(Address, Kinds) {
    const Kind table[] = {
        {"127.0.0.1", true, false, false},
        {"127.255.0.9", true, false, false},
        {"128.0.0.1", false, false, false},
        {"0.0.0.0", false, true, false},
        {"224.0.0.1", false, false, true},
        {"239.255.255.255", false, false, true},
        {"240.0.0.1", false, false, false},
        {"::1", true, false, false},
        {"::", false, true, false},
        {"ff02::1%lo", false, false, true},
        {"fe80::1%lo", false, false, false},
        {"::ffff:127.0.0.1", true, false, false},
        {"::ffff:0.0.0.0", false, true, false},
        {"::ffff:230.0.0.1", false, false, true},
        {"localhost", false, false, false},
        {"", false, false, false},
    };
    for (const Kind& row : table) {
        const Address address(row.host, 80);
        EXPECT_EQ(address.is_loopback(), row.loopback) << row.host;
        EXPECT_EQ(address.is_any(), row.any) << row.host;
        EXPECT_EQ(address.is_multicast(), row.multicast) << row.host;
        EXPECT_EQ(address.mapped().unmapped(), address.unmapped()) << row.host;
    }
    EXPECT_TRUE(Address::unix_path("/x").is_loopback());
    EXPECT_FALSE(Address().is_loopback());
    EXPECT_EQ(Address("192.0.2.1", 7).mapped().to_string(), "[::ffff:192.0.2.1]:7");
    EXPECT_EQ(Address("::ffff:192.0.2.1", 7).unmapped().to_string(), "192.0.2.1:7");
    EXPECT_TRUE(Address("::ffff:192.0.2.1", 7).is_ipv4_mapped());
    EXPECT_FALSE(Address("::1", 7).is_ipv4_mapped());
}

// What people are shown of a refused text is short and does nothing to a terminal.
TEST(Address, RefusalsAreFitToShow) {
    for (const std::string& text :
         {std::string("\x1b[2J:1"), std::string(5000, 'a') + ":1", std::string("a\nb:80"),
          std::string("localhost:8\x18"), std::string("[fe80::1%\x1b[2J]:1")}) {
        try {
            Address::parse(text);
            ADD_FAILURE() << "parsed";
        } catch (const AddressError& error) {
            const std::string what = error.what();
            EXPECT_LT(what.size(), 300u);
            EXPECT_EQ(what.find_first_of("\x1b\n"), what.npos) << what;
        }
    }
}

// What makes no address is refused with the text and the reason.
TEST(Address, NonsenseIsRefusedWithItsReason) {
    const Refusal table[] = {
        {"", "port is missing"},
        {"localhost", "port is missing"},
        {"[::1]", "port is missing"},
        {"[::1:80", "port is missing"},
        {"::1:80", "stands in brackets"},
        {"localhost:", "'' is not a port"},
        {"localhost:http", "'http' is not a port"},
        {"localhost:-1", "'-1' is not a port"},
        {"localhost: 80", "' 80' is not a port"},
        {"localhost:65536", "port 65536 of localhost is out of range"},
        {"localhost:99999999999999999999", "not a port"},
        {"localhost:4294967376", "out of range"},
        {"[127.0.0.1]:80", "brackets"},
        {"[localhost]:80", "brackets"},
        {"[]:80", "brackets"},
        {"two words:80", "characters"},
        {"user@host:80", "characters"},
        {"http://host:80", "brackets"},
        {"[fe80::1%no-such-if]:1", "no network interface 'no-such-if'"},
        {"unix:", "needs a path"},
        {"unix:@", "needs a path"},
    };
    for (const Refusal& row : table) {
        try {
            Address::parse(row.text);
            ADD_FAILURE() << "parsed: " << row.text;
        } catch (const AddressError& error) {
            EXPECT_NE(std::string(error.what()).find(row.because), std::string::npos)
                << row.text << ": " << error.what();
        }
    }
}

// The brace form takes hosts of every kind and refuses what a port cannot be.
TEST(Address, BracesMakeAddresses) {
    const Address four = {"127.0.0.1", 0};
    EXPECT_EQ(four.family(), AF_INET);
    EXPECT_EQ(Address("::1", 5).to_string(), "[::1]:5");
    EXPECT_EQ(Address("[::1]", 5), Address("::1", 5));
    EXPECT_TRUE(Address("localhost", 1).is_name());
    EXPECT_EQ(Address("LocalHost", 1), Address("localhost", 1));
    EXPECT_NE(four, four.with_port(1));
    for (const int port : {-1, 65536, 1 << 30}) EXPECT_THROW(Address("127.0.0.1", port), AddressError);
    EXPECT_THROW(Address(std::string("a\0b", 3), 1), AddressError);
    EXPECT_THROW(Address("1:2:3", 1), AddressError);
    EXPECT_THROW(Address(std::string(5000, 'a'), 1), AddressError);
}

// A Unix path fits to the last byte, and one byte more is refused by name.
TEST(Address, UnixPathsHaveAnEnd) {
    const std::string longest(sizeof(sockaddr_un::sun_path) - 1, 'p');
    EXPECT_EQ(Address::unix_path(longest).path(), longest);
    EXPECT_EQ(Address::unix_abstract(longest).path(), "@" + longest);
    for (const bool abstract : {false, true}) {
        try {
            abstract ? Address::unix_abstract(longest + "q") : Address::unix_path(longest + "q");
            ADD_FAILURE() << "too long a name was taken";
        } catch (const AddressError& error) {
            EXPECT_EQ(error.code(), ENAMETOOLONG);
            EXPECT_NE(std::string(error.what()).find("at most 107 fit"), std::string::npos) << error.what();
        }
    }
    EXPECT_EQ(Address::unix_abstract(std::string("a\0b", 3)).path(), std::string("@a\0b", 4));
}

// Nothing but an address goes to the kernel.
TEST(Address, NamesAreNotForTheKernel) {
    EXPECT_THROW(Address("localhost", 1).data(), AddressError);
    EXPECT_THROW(Address().data(), AddressError);
    EXPECT_EQ(Address().to_string(), "nowhere");
    sockaddr_storage storage = {};
    storage.ss_family = AF_APPLETALK;
    EXPECT_THROW(Address::from_sockaddr(storage, 16), AddressError);
    for (const int family : {AF_INET, AF_INET6}) {
        storage.ss_family = static_cast<sa_family_t>(family);
        EXPECT_THROW(Address::from_sockaddr(storage, 8), AddressError);
    }
}

// A peer without a name is still an address.
TEST(Address, UnnamedPeersAreUnix) {
    sockaddr_storage storage = {};
    storage.ss_family = AF_UNIX;
    EXPECT_EQ(Address::from_sockaddr(storage, sizeof(sa_family_t)).to_string(), "unix:");
    EXPECT_EQ(Address::from_sockaddr({}, 0).family(), AF_UNIX);
}

// Equal addresses hash alike, so that they serve as keys.
TEST(Address, ServesAsAKey) {
    const std::unordered_set<Address> set = {
        {"127.0.0.1", 1}, {"127.0.0.1", 1}, {"127.0.0.1", 2}, {"::1", 1}};
    EXPECT_EQ(set.size(), 3u);
    EXPECT_EQ(std::hash<Address>()({"LocalHost", 1}), std::hash<Address>()({"localhost", 1}));
}

}  // namespace
}  // namespace thrum
