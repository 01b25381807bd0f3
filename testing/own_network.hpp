// thrum/testing/own_network.hpp: yard, testing
// For tests: a network of their own (network_namespaces(7)), whose links and routes can be broken.
#pragma once

#include <thrum/base/errors.hpp>
#include <thrum/base/file.hpp>
#include <thrum/testing/process.hpp>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <cstdlib>
#include <exception>
#include <filesystem>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace thrum::testing {

// Runs one command, which must do its work.
inline void must_run(const std::vector<std::string>& command) {
    const auto result = run(command);
    if (result.status == 0) return;
    std::string what = "cannot prepare the network:";
    for (const std::string& word : command) what += " " + word;
    throw Error(what + ": " + result.error_output);
}

// "ip link set near down" and the like, of iproute2.
inline void ip(const std::string& words) { must_run({"sh", "-c", "exec ip " + words}); }

// A link between this network, at its end "near", and another one, at its end "far":
//   near: 10.9.0.1/24 and 2001:db8:9::1/64 <-> far: 10.9.0.2/24 and 2001:db8:9::2/64
// Sockets belong to the network of the thread that makes them, wherever they are used.
class Link {
public:
    Link() {
        own_ = open_network();
        std::thread([this] {
            if (::unshare(CLONE_NEWNET) == 0) far_ = open_network();
        }).join();
        if (!far_) throw Error("cannot make a second network");
        const std::string path = "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(far_.get());
        ip("link set lo up");
        ip("link add near type veth peer name far");
        ip("link set far netns " + path);
        ip("addr add 10.9.0.1/24 dev near");
        ip("addr add 2001:db8:9::1/64 dev near nodad");
        ip("link set near up");
        at_far([] {
            ip("link set lo up");
            ip("addr add 10.9.0.2/24 dev far");
            ip("addr add 2001:db8:9::2/64 dev far nodad");
            ip("link set far up");
        });
    }

    // Runs `act` in a thread of the other network, and waits for it.
    template <class Act>
    void at_far(Act&& act) const {
        std::exception_ptr error;
        std::thread([&] {
            try {
                if (::setns(far_.get(), CLONE_NEWNET) != 0) throw Error("cannot go to the other network");
                act();
            } catch (const std::exception&) {
                error = std::current_exception();
            }
        }).join();
        if (error) std::rethrow_exception(error);
    }

private:
    static UniqueFd open_network() {
        return UniqueFd(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    }

    UniqueFd own_;
    UniqueFd far_;
};

// True in a process whose network is its own. Otherwise such a process runs this same test, and must succeed;
// the test is passed over where the kernel makes no such networks. /etc/hosts is there what `hosts` says.
inline bool in_own_network(const std::string& hosts = "") {
    constexpr const char* marker = "THRUM_TEST_NETWORK";
    if (std::getenv(marker) != nullptr) return true;
    const auto possible = [](const std::vector<std::string>& command) -> std::string {
        try {
            const auto result = run(command);
            return result.status == 0 ? "" : result.error_output + " ";
        } catch (const OSError& error) {
            return error.what();
        }
    };
    std::string why = possible({"unshare", "-rmn", "true"});
    if (why.empty()) why = possible({"unshare", "-rn", "ip", "link", "add", "near", "type", "veth"});
    if (!why.empty()) {
        [&] { GTEST_SKIP() << "no network of its own to be had: " << why; }();
        return false;
    }
    const TemporaryDirectory folder;
    write_file(folder / "hosts", hosts + "127.0.0.1 localhost\n");
    const ::testing::TestInfo& test = *::testing::UnitTest::GetInstance()->current_test_info();
    const auto result = run(
        {"unshare", "-rmn", "sh", "-c", "mount --bind \"$1\" /etc/hosts && exec \"$0\" --gtest_filter=\"$2\"",
         std::filesystem::read_symlink("/proc/self/exe"), folder / "hosts",
         std::string(test.test_suite_name()) + "." + test.name()},
        {.environment = {{marker, "1"}}});
    EXPECT_EQ(result.status, 0) << result.output << result.error_output;
    return false;
}

}  // namespace thrum::testing
