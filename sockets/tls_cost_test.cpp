// thrum/sockets/tls_cost_test.cpp: floor 2, sockets
// What a TLS connection holds while it is idle, and what each record costs of the heap. And kTLS, where there
// is any.
#include <thrum/sockets/internal/socket_fixture.hpp>
#include <thrum/sockets/internal/tls_fixture.hpp>

#include <gtest/gtest.h>
#include <malloc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/crypto.h>

#include <atomic>
#include <cstdlib>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace thrum {
namespace {

using internal::authority;
using internal::serving;
using internal::tls_pair;

// What OpenSSL asks the heap for, from the start of the process on.
std::atomic<std::size_t> allocations = 0;

void* count_malloc(std::size_t size, const char*, int) {
    ++allocations;
    return std::malloc(size);
}
void* count_realloc(void* memory, std::size_t size, const char*, int) {
    ++allocations;
    return std::realloc(memory, size);
}
void count_free(void* memory, const char*, int) { std::free(memory); }

const bool counts = CRYPTO_set_mem_functions(count_malloc, count_realloc, count_free) == 1;

// A client that remembers nothing: the other tests' sessions are not to be found changed.
const TLSContext& forgetful() {
    static const TLSContext made(TLSOptions{.cafile = authority().certificate(), .session_cache_size = 0});
    return made;
}

// Sends `text` there and back, `times` times.
void echo(TLSSocket& here, TLSSocket& there, const std::string& text, int times) {
    std::vector<char> buffer(text.size());
    const auto pass = [&](TLSSocket& from, TLSSocket& to) {
        from.sendall(text);
        for (std::size_t got = 0; got < text.size();) got += to.recv_into(std::span(buffer).subspan(got));
    };
    for (int i = 0; i < times; ++i) {
        pass(here, there);
        pass(there, here);
    }
}

// In steady state a record that is received asks for its buffer, one that is sent for its own and for
// OpenSSL's notes of 40 bytes, and nothing else does. The buffers come back for the next connection, warm.
TEST(TLSCost, AllocationsPerRecord) {
    ASSERT_TRUE(counts) << "OpenSSL was used before";
    constexpr std::pair<TLSVersion, std::size_t> most[] = {{TLSVersion::tls1_2, 4}, {TLSVersion::tls1_3, 6}};
    for (const auto& [version, per_record] : most) {
        TLSServerOptions options = serving();
        options.maximum_version = version;
        auto [here, there] = tls_pair(TLSContext(options), forgetful());
        const std::string text(512, 'x');
        echo(here, there, text, 10);
        constexpr int times = 100;
        const std::size_t before = allocations;
        echo(here, there, text, times);
        EXPECT_LE(allocations - before, 2 * times * per_record) << here.version();
    }
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
// An idle connection keeps neither of its two record buffers (SSL_MODE_RELEASE_BUFFERS): 16 KB each.
TEST(TLSCost, BytesOfAnIdleConnection) {
    constexpr std::size_t pairs = 100;
    constexpr std::size_t record_buffer = 16 * 1024;
    std::vector<std::pair<TLSSocket, TLSSocket>> idle;
    idle.reserve(pairs);
    const std::string text(10'000, 'x');
    const TLSContext server(serving());
    const auto make = [&] {
        idle.push_back(tls_pair(server, forgetful()));
        echo(idle.back().first, idle.back().second, text, 1);
    };
    make();
    const std::size_t before = ::mallinfo2().uordblks;
    while (idle.size() < pairs) make();
    const std::size_t each = (::mallinfo2().uordblks - before) / (2 * (pairs - 1));
    RecordProperty("bytes", static_cast<int>(each));
    std::printf("an idle TLS connection holds %zu bytes\n", each);
    EXPECT_LT(each, 2 * record_buffer);
}
#endif

bool kernel_has_tls() {
    auto [here, there] = internal::tcp_pair();
    return ::setsockopt(here.fileno(), IPPROTO_TCP, TCP_ULP, "tls", 3) == 0;
}

// Asked for kTLS a connection works, with the kernel's help or without it; with it where there is any.
TEST(TLSCost, KernelTLS) {
    for (const TLSVersion version : {TLSVersion::tls1_2, TLSVersion::tls1_3}) {
        TLSServerOptions options = serving();
        options.maximum_version = version;
        options.ktls = true;
        const TLSContext server(options);
        const TLSContext client(TLSOptions{.cafile = authority().certificate(), .ktls = true});
        auto [accepted, connecting] = internal::tcp_pair();
        std::optional<TLSSocket> there;
        Thread accepting([&, &end = accepted] { there.emplace(TLSSocket::accept(std::move(end), server)); });
        TLSSocket here(std::move(connecting), "localhost", client);
        accepting.join();
        Thread answering([&] {
            while (true) {
                const std::string got = there->recv(1 << 20);
                if (got.empty()) break;
                there->sendall(got);
            }
            there->shutdown_write();
        });
        const std::string text(300'000, 'x');
        Thread sending([&] {
            here.sendall(text);
            here.shutdown_write();
        });
        EXPECT_EQ(here.recv_all(), text) << "up to close_notify";
        sending.join();
        answering.join();
        if (kernel_has_tls()) {
            EXPECT_TRUE(here.ktls_send());
            EXPECT_TRUE(there->ktls_send());
            EXPECT_TRUE(here.ktls_recv() || version == TLSVersion::tls1_3);
        } else {
            EXPECT_FALSE(here.ktls_send() || here.ktls_recv());
        }
    }
    if (!kernel_has_tls()) GTEST_SKIP() << "this kernel has no TLS: only that it is done without was tested";
}

}  // namespace
}  // namespace thrum
