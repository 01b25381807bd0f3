// thrum/threads/direct_descriptor_test.cpp: floor 1, threads
// Descriptors without numbers do all that ordinary ones do, in more than the descriptor limit allows, and say
// so where they cannot be used. Where the kernel has none, the same tests run on ordinary ones.
#include <thrum/base/errors.hpp>
#include <thrum/base/file.hpp>
#include <thrum/threads.hpp>
#include <thrum/threads/child_fixture.hpp>
#include <thrum/threads/socket_calls.hpp>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/io_uring.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace thrum {
namespace {

using namespace std::chrono_literals;

// What make_direct() answers to a thrum thread here.
bool have_direct() {
    utsname kernel{};
    ::uname(&kernel);
    int major = 0;
    int minor = 0;
    if (std::sscanf(kernel.release, "%d.%d", &major, &minor) != 2) return false;
    if (major < 6 || (major == 6 && minor < 14)) return false;
    io_uring_params parameters{};
    const UniqueFd ring(static_cast<int>(::syscall(__NR_io_uring_setup, 1, &parameters)));
    return static_cast<bool>(ring);
}

std::pair<Descriptor, Descriptor> make_pair_of_sockets() {
    std::array<int, 2> fds;
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds.data()) != 0) {
        throw_os_error(errno, "socketpair");
    }
    return {Descriptor(fds[0]), Descriptor(fds[1])};
}

ssize_t receive(Descriptor& from, char* buffer, std::size_t size, Deadline deadline = never) {
    return from.perform(Direction::read, deadline, size, ReceiveCall{buffer, size, 0});
}

void send_all(Descriptor& to, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t put = to.perform(Direction::write, never, 0, SendCall{bytes.data(), bytes.size(), 0});
        if (put < 0) throw_os_error(errno, "send");
        bytes.remove_prefix(static_cast<std::size_t>(put));
    }
}

// Tests run in a thrum thread, whose worker the direct descriptors belong to.
void in_a_thread(const std::function<void()>& test) { Thread(test).join(); }

std::string pattern(std::size_t size) {
    std::string text(size, ' ');
    for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i % 251);
    return text;
}

std::size_t open_now() { return runtime_statistics().direct_descriptors; }

// A descriptor becomes direct where the kernel has io_uring, keeps its number elsewhere, and passes the same
// bytes either way; a plain thread's stays ordinary.
TEST(DirectDescriptor, WhereThereAreAny) {
    const std::size_t before = open_now();
    in_a_thread([&] {
        auto [left, right] = make_pair_of_sockets();
        EXPECT_EQ(left.make_direct(), have_direct());
        EXPECT_EQ(left.make_direct(), have_direct()) << "twice is once";
        EXPECT_EQ(left.is_direct(), have_direct());
        EXPECT_EQ(left.fd() < 0, have_direct());
        EXPECT_TRUE(left.is_open());
        EXPECT_EQ(open_now() - before, have_direct() ? 1u : 0u);
        send_all(left, "there");
        std::array<char, 16> buffer;
        EXPECT_EQ(receive(right, buffer.data(), buffer.size()), 5);
        send_all(right, "and back");
        EXPECT_EQ(receive(left, buffer.data(), buffer.size()), 8);
        Descriptor moved = std::move(left);
        EXPECT_EQ(moved.is_direct(), have_direct());
        right.close();
        EXPECT_EQ(receive(moved, buffer.data(), buffer.size()), 0);
        moved.close();
        EXPECT_FALSE(moved.is_open());
        EXPECT_FALSE(moved.is_direct());
        EXPECT_THROW(moved.make_direct(), OSError);
        EXPECT_EQ(open_now(), before);
    });
    auto [left, right] = make_pair_of_sockets();
    EXPECT_FALSE(left.make_direct());
    EXPECT_GE(left.fd(), 0);
}

// Megabytes pass while both sides run full and empty all the time.
TEST(DirectDescriptor, StreamsBothWays) {
    in_a_thread([] {
        auto [left, right] = make_pair_of_sockets();
        right.make_direct();
        const std::string sent = pattern(4 << 20);
        std::string received;
        Thread writer([&sent, &end = left] {
            end.make_direct();  // by the thread that uses it, which may run on another worker
            send_all(end, sent);
            end.close();
        });
        std::vector<char> buffer(10'007);
        while (const ssize_t size = receive(right, buffer.data(), buffer.size())) {
            ASSERT_GT(size, 0);
            received.append(buffer.data(), static_cast<std::size_t>(size));
        }
        writer.join();
        EXPECT_TRUE(received == sent);
    });
}

// Receives all of a stream with waits that end before their time, again and again.
std::string receive_in_storm(Descriptor& from, std::size_t total, Deadline (*until)()) {
    std::string received;
    std::array<char, 97> buffer;
    while (received.size() < total) {
        try {
            const ssize_t size = receive(from, buffer.data(), buffer.size(), until());
            if (size > 0) received.append(buffer.data(), static_cast<std::size_t>(size));
            if (size == 0 || (size < 0 && errno != ETIMEDOUT)) break;
        } catch (const Cancelled&) {
            // The next one reads on.
        }
    }
    return received;
}

// A thread that writes in small pieces, so that data and the end of the wait come at the same time.
Thread piecewise_writer(Descriptor& to, const std::string& sent) {
    return Thread([&] {
        for (std::size_t at = 0; at < sent.size(); at += 31) {
            send_all(to, std::string_view(sent).substr(at, 31));
            yield();
        }
    });
}

// Waits that are cancelled while data come lose none of them and none of their order.
TEST(DirectDescriptor, CancelStormLosesNothing) {
    auto [left, right] = make_pair_of_sockets();
    const std::string sent = pattern(200'000);
    std::string received;
    std::atomic<bool> ended = false;
    Thread reader([&, &end = right] {
        end.make_direct();
        received = receive_in_storm(end, sent.size(), [] { return never; });
        ended = true;
        end.close();
    });
    Thread writer = piecewise_writer(left, sent);
    while (!ended) {
        reader.cancel();
        yield();
    }
    reader.join();
    writer.join();
    EXPECT_TRUE(received == sent) << received.size() << " of " << sent.size();
}

// The same with deadlines, some of which have passed before the wait begins.
TEST(DirectDescriptor, TimeoutStormLosesNothing) {
    auto [left, right] = make_pair_of_sockets();
    const std::string sent = pattern(200'000);
    std::string received;
    Thread reader([&, &end = right] {
        end.make_direct();
        received = receive_in_storm(end, sent.size(), [] { return deadline_after(20us); });
        end.close();
    });
    Thread writer = piecewise_writer(left, sent);
    reader.join();
    writer.join();
    EXPECT_TRUE(received == sent) << received.size() << " of " << sent.size();
}

// cancel() ends a wait, and what arrives later is still there to read.
TEST(DirectDescriptor, CancelEndsTheWait) {
    auto [left, right] = make_pair_of_sockets();
    Event waiting;
    char byte = 0;
    Thread reader([&, &end = right] {
        end.make_direct();
        waiting.set();
        EXPECT_THROW(receive(end, &byte, 1), Cancelled);
        waiting.clear();
        EXPECT_EQ(receive(end, &byte, 1), 1);
        end.close();
    });
    waiting.wait();
    reader.cancel();
    send_all(left, "k");
    reader.join();
    EXPECT_EQ(byte, 'k');
}

// close() by a plain thread wakes who waits, and the peer sees the end; where nobody waits too.
TEST(DirectDescriptor, CloseFromAnywhere) {
    const std::size_t before = open_now();
    for (const bool somebody_waits : {true, false}) {
        auto [left, right] = make_pair_of_sockets();
        Event ready;
        Event done;
        Thread owner([&, &end = right] {
            end.make_direct();
            ready.set();
            if (!somebody_waits) return done.wait();
            char byte;
            EXPECT_EQ(receive(end, &byte, 1), -1);
            EXPECT_EQ(errno, EBADF);
        });
        ready.wait();
        std::thread([&end = right] { end.close(); }).join();
        char byte;
        EXPECT_EQ(receive(left, &byte, 1), 0);
        done.set();
        owner.join();
        EXPECT_FALSE(right.is_open());
    }
    EXPECT_EQ(open_now(), before);
}

// Who waits to write to a peer that has ended its own way sleeps until there is room, and is not woken all
// the time to find that there is none.
TEST(DirectDescriptor, SleepsBeyondAHalfClose) {
    in_a_thread([] {
        auto [left, right] = make_pair_of_sockets();
        ::shutdown(right.fd(), SHUT_WR);
        left.make_direct();
        const std::string block(4096, 'x');
        const auto send_until = [&, &end = left](Deadline deadline) {
            return end.perform(Direction::write, deadline, 0, SendCall{block.data(), block.size(), 0});
        };
        while (send_until(deadline_after(0us)) > 0) {
        }
        EXPECT_EQ(errno, ETIMEDOUT);
        const std::uint64_t before = runtime_statistics().parks;
        EXPECT_EQ(send_until(deadline_after(50ms)), -1);
        EXPECT_LT(runtime_statistics().parks - before, 100u);
        Thread reader([&end = right] {
            std::vector<char> buffer(1 << 16);
            while (receive(end, buffer.data(), buffer.size()) > 0) {
            }
        });
        EXPECT_GT(send_until(never), 0);
        left.close();
        reader.join();
    });
}

// Places are used again and again, by owners that nothing ties to those before.
TEST(DirectDescriptor, PlacesAreReusedSafely) {
    in_a_thread([] {
        const std::size_t before = open_now();
        for (int round = 0; round < 300; ++round) {
            auto [left, right] = make_pair_of_sockets();
            right.make_direct();
            char byte = 0;
            EXPECT_EQ(receive(right, &byte, 1, deadline_after(round % 3 == 0 ? 10us : 0us)), -1);
            right.close();
            auto [next_left, next_right] = make_pair_of_sockets();
            next_right.make_direct();
            send_all(next_left, "q");
            EXPECT_EQ(receive(next_right, &byte, 1), 1);
            EXPECT_EQ(receive(left, &byte, 1), 0) << "the end of the one before";
        }
        EXPECT_EQ(open_now(), before);
    });
}

// Calls from another worker or a plain thread are refused with words that help, and touch no other file.
TEST(DirectDescriptor, BelongsToItsWorker) {
    if (!have_direct()) GTEST_SKIP() << "ordinary descriptors belong to everybody";
    auto [left, right] = make_pair_of_sockets();
    Event ready;
    Event done;
    Thread owner([&, &end = right] {
        end.make_direct();
        ready.set();
        done.wait();
        char byte = 0;
        EXPECT_EQ(receive(end, &byte, 1), 1) << "what the others did not take";
        end.make_ordinary();
    });
    ready.wait();
    send_all(left, "x");
    const auto use = [&end = right] {
        char byte;
        EXPECT_THROW(receive(end, &byte, 1), WrongWorkerError);
        EXPECT_THROW(end.wait(Direction::read), WrongWorkerError);
        EXPECT_THROW(end.lend(), WrongWorkerError);
        EXPECT_THROW(end.make_ordinary(), WrongWorkerError);
        EXPECT_EQ(end.release(), -1);
        EXPECT_TRUE(end.is_open());
    };
    std::thread(use).join();
    for (int tries = 0; tries < 100 && worker_count() > 1; ++tries) {
        bool was_elsewhere = false;
        Event go;
        Thread other([&] {
            go.wait();
            if (other.worker() == owner.worker()) return;
            was_elsewhere = true;
            use();
        });
        go.set();
        other.join();
        if (was_elsewhere) break;
    }
    done.set();
    owner.join();
    char byte;
    send_all(left, "y");
    EXPECT_EQ(receive(right, &byte, 1), 1) << "an ordinary one again, for everybody";
}

// A number is there for the calls that need one: lent for a call, or for good.
TEST(DirectDescriptor, NumbersWhenNeeded) {
    in_a_thread([] {
        auto [left, right] = make_pair_of_sockets();
        right.make_direct();
        int lent = -1;
        {
            const Descriptor::Loan loan = right.lend();
            lent = loan.fd();
            int type = 0;
            socklen_t size = sizeof type;
            EXPECT_EQ(::getsockopt(lent, SOL_SOCKET, SO_TYPE, &type, &size), 0);
            EXPECT_EQ(type, SOCK_STREAM);
            EXPECT_EQ(::fcntl(lent, F_GETFD), FD_CLOEXEC);
        }
        EXPECT_EQ(::fcntl(lent, F_GETFD) < 0, right.is_direct()) << "given back";
        EXPECT_FALSE(right.wait(Direction::read, deadline_after(1ms)));
        send_all(left, "ab");
        EXPECT_TRUE(right.wait(Direction::read));
        char byte = 0;
        const auto by_number = [&](int fd) { return ::read(fd, &byte, 1); };
        EXPECT_EQ(right.perform(Direction::read, never, 0, by_number), 1);
        const int released = right.release();
        ASSERT_GE(released, 0);
        EXPECT_EQ(::read(released, &byte, 1), 1);
        EXPECT_EQ(byte, 'b');
        ::close(released);
        EXPECT_EQ(right.lend().fd(), -1);
    });
}

constexpr rlim_t low_limit = 100;
void lower_limit() {
    const rlimit limit{low_limit, low_limit};
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

// One process holds many more than its descriptor limit, spread over several tables, and each is the right
// one; without a free number, calls that need one say EMFILE, and the others work.
TEST(DirectDescriptor, MoreThanTheLimit) {
    if (!have_direct()) GTEST_SKIP() << "only direct descriptors are more than the limit";
    Child child("DirectDescriptor.DISABLED_UnderALowLimit", {}, lower_limit);
    EXPECT_EQ(child.end(), 0) << child.text();
}

TEST(DirectDescriptor, DISABLED_UnderALowLimit) {
    in_a_thread([] {
        std::vector<std::pair<Descriptor, Descriptor>> pairs;
        for (unsigned i = 0; i < 5 * low_limit; ++i) {
            pairs.push_back(make_pair_of_sockets());
            ASSERT_TRUE(pairs.back().first.make_direct());
            ASSERT_TRUE(pairs.back().second.make_direct());
        }
        std::vector<Descriptor> numbers;
        for (int fd = ::dup(0); fd >= 0; fd = ::dup(0)) numbers.emplace_back(fd);
        EXPECT_EQ(errno, EMFILE);
        for (std::size_t i = 0; i < pairs.size(); ++i) send_all(pairs[i].first, std::to_string(i));
        for (std::size_t i = 0; i < pairs.size(); ++i) {
            std::array<char, 16> buffer;
            const ssize_t size = receive(pairs[i].second, buffer.data(), buffer.size());
            ASSERT_GT(size, 0);
            EXPECT_EQ(std::string(buffer.data(), static_cast<std::size_t>(size)), std::to_string(i));
        }
#if !defined( \
    __SANITIZE_ADDRESS__)  // which opens pipes of its own to look at an exception, and dies without them
        EXPECT_THROW(pairs.front().first.lend(), OSError);
        EXPECT_EQ(pairs.front().first.release(), -1);
        EXPECT_TRUE(pairs.front().first.is_direct());
#endif
    });
}

}  // namespace
}  // namespace thrum
