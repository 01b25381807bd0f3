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
        {"[::ffff:1.2.3.4]:1", "::ffff:1.2.3.4", 1, AF_INET6},
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
}

}  // namespace
}  // namespace thrum
