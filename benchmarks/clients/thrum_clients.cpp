// thrum/benchmarks/clients/thrum_clients.cpp: yard, benchmarks
// A hundred thousand clients at once, each with a guarded stack of its own, in a process that may have 20,000
// descriptors. The load is a second process, forked before the first thread starts, and as large.
//
//   thrum_clients [CLIENTS]
//
// Every client connects, sends a line and checks that it comes back; when all are parked, the memory is read;
// then each sends another line, and leaves. Prints one figure a line; ends with 1 where anything was amiss.
#include <thrum/base/errors.hpp>
#include <thrum/base/text.hpp>
#include <thrum/sockets.hpp>
#include <thrum/threads.hpp>

#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>

namespace {

using namespace std::chrono_literals;

constexpr std::size_t default_clients = 100'000;
// Of the about 28,000 ports of one pair of addresses (net.ipv4.ip_local_port_range): as they fill, the kernel
// searches long for a free one.
constexpr std::size_t clients_per_address = 5'000;
constexpr auto longest = 300s;           // for everything
constexpr unsigned alarm_seconds = 330;  // should even the deadline not come
constexpr std::size_t at_once = 512;     // connecting
constexpr std::size_t line_size = 64;

// The two processes' ways to each other.
struct Other {
    thrum::Socket way;

    void tell(std::uint16_t word = 0) { way.sendall({reinterpret_cast<const char*>(&word), sizeof word}); }
    std::uint16_t wait() {
        std::uint16_t word = 0;
        if (way.recv_into({reinterpret_cast<char*>(&word), sizeof word}) != sizeof word)
            throw thrum::Error("the other process has ended before its time");
        return word;
    }
};

std::size_t kilobytes_in(const char* key) {
    std::ifstream status("/proc/self/status");
    std::string word;
    while (status >> word) {
        if (word != key) continue;
        std::size_t value = 0;
        status >> value;
        return value;
    }
    return 0;
}

// The line that client `number` sends the `round`th time; nobody else's.
std::size_t line_of(std::size_t number, int round, char (&line)[line_size]) {
    return static_cast<std::size_t>(
        std::snprintf(line, sizeof line, "client %zu, round %d\n", number, round));
}

void ask(thrum::Socket& socket, std::size_t number, int round) {
    char line[line_size];
    char answer[line_size];
    const std::size_t size = line_of(number, round, line);
    socket.sendall({line, size});
    std::size_t got = 0;
    while (got < size) {
        const std::size_t more = socket.recv_into({answer + got, size - got});
        if (more == 0) throw thrum::Error("the server closed the connection of a client");
        got += more;
    }
    if (std::string_view(line, size) != std::string_view(answer, size))
        throw thrum::Error("a client got what was not its own");
}

struct Load {
    std::size_t clients;
    thrum::Address server;
    thrum::Semaphore connecting{at_once};
    thrum::Event second_round{};
    std::atomic<std::size_t> parked = 0;
    std::atomic<std::size_t> right = 0;
    thrum::Event all_parked{};

    void be_client(std::size_t number) {
        connecting.acquire();
        thrum::Socket socket(AF_INET, SOCK_STREAM);
        // The port is chosen as it connects, so that it need be free towards this server only.
        socket.setsockopt(IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
        socket.bind({"127.0.0." + std::to_string(2 + number / clients_per_address), 0});
        socket.connect(server);
        socket.make_direct();
        ask(socket, number, 1);
        connecting.release();
        if (++parked == clients) all_parked.set();
        second_round.wait();
        ask(socket, number, 2);
        ++right;
    }
};

int load(std::size_t clients, Other server) {
    Load all{.clients = clients, .server = {"127.0.0.1", server.wait()}};
    thrum::TaskGroup group;
    for (std::size_t number = 0; number < clients; ++number)
        group.start([&all, number] { all.be_client(number); });
    group.start([&] {
        all.all_parked.wait();
        server.tell();
        server.wait();  // it has read its memory
        all.second_round.set();
    });
    group.wait();
    std::printf("right answers in the second round: %zu of %zu\n", all.right.load(), clients);
    return all.right == clients ? 0 : 1;
}

// Its buffer is small, so that a parked client's stack is one page.
void echo(thrum::Stream& client, const thrum::Address&) {
    char line[line_size];
    while (const std::size_t size = client.recv_into(line)) client.sendall({line, size});
}

int serve(std::size_t clients, Other load) {
    // What the first thread and the first direct descriptor bring along is not the clients'.
    thrum::Thread([] { thrum::Socket::pair().first.make_direct(); }).join();
    const std::size_t before = kilobytes_in("VmRSS:");
    thrum::TCPServer server({"127.0.0.1", 0}, echo, {.max_clients = clients + 1, .direct_descriptors = true});
    thrum::Thread serving([&] { server.serve_forever(); });
    const auto began = std::chrono::steady_clock::now();
    load.tell(static_cast<std::uint16_t>(server.address().port()));
    load.wait();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    const std::size_t grown = kilobytes_in("VmRSS:") - before;
    const thrum::RuntimeStatistics now = thrum::runtime_statistics();
    const std::size_t parked = server.clients();
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    std::printf("reactor %s, %zu workers, descriptor limit %zu\n", std::string(thrum::reactor_name()).c_str(),
                thrum::worker_count(), static_cast<std::size_t>(limit.rlim_cur));
    std::printf("clients parked: %zu, of them with direct descriptors %zu\n", parked,
                static_cast<std::size_t>(now.direct_descriptors));
    std::printf("stacks: %zu, of them guarded %zu\n", static_cast<std::size_t>(now.stacks),
                static_cast<std::size_t>(now.guarded_stacks));
    std::printf("connected and answered once in %.1f s\n", took.count());
    std::printf("user memory: %zu bytes per client (VmRSS grew by %zu KB)\n", grown * 1024 / clients, grown);
    std::fflush(stdout);
    load.tell();
    load.way.settimeout(std::nullopt);
    load.way.recv_into({reinterpret_cast<char*>(&limit), 1});  // until it has ended
    return parked == clients ? 0 : 1;
}

template <class Function>
int guarded(const char* who, Function&& function) {
    try {
        const thrum::Timeout limit(longest);
        return function();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "thrum_clients, %s: %s\n", who, error.what());
    }
    return 1;
}

}  // namespace

int main(int argc, char** argv) {
    const auto wanted = argc > 1 ? thrum::parse_unsigned(argv[1]) : default_clients;
    if (!wanted || *wanted == 0) {
        std::fprintf(stderr, "usage: thrum_clients [CLIENTS]\n");
        return 2;
    }
    const std::size_t clients = *wanted;
    ::alarm(alarm_seconds);
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return 2;
    // Before anything starts a thread, which a fork would not copy.
    const pid_t child = ::fork();
    if (child < 0) return 2;
    ::close(ends[child == 0 ? 0 : 1]);
    if (child == 0) {
        ::alarm(alarm_seconds);
        return guarded("the load", [&] { return load(clients, {thrum::Socket::from_fd(ends[1])}); });
    }
    const int served =
        guarded("the server", [&] { return serve(clients, {thrum::Socket::from_fd(ends[0])}); });
    int status = 0;
    ::waitpid(child, &status, 0);
    return served != 0 || status != 0 ? 1 : 0;
}
