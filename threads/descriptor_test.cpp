// thrum/threads/descriptor_test.cpp: floor 1, threads
#include <thrum/base/errors.hpp>
#include <thrum/threads.hpp>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace thrum {
namespace {

using namespace std::chrono_literals;

std::pair<Descriptor, Descriptor> make_pair_of_sockets() {
    std::array<int, 2> fds;
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds.data()) != 0) {
        throw_os_error(errno, "socketpair");
    }
    return {Descriptor(fds[0]), Descriptor(fds[1])};
}

ssize_t read_some(Descriptor& from, char* buffer, std::size_t size, Deadline deadline = never) {
    return from.perform(Direction::read, deadline, size, [&](int fd) { return ::read(fd, buffer, size); });
}

void write_all(Descriptor& to, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t put = to.perform(Direction::write, never, 0, [&](int fd) {
            return ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        });
        if (put < 0) throw_os_error(errno, "write");
        bytes.remove_prefix(static_cast<std::size_t>(put));
    }
}

// Megabytes pass between each pair of kinds, with both sides running full and empty all the time.
TEST(Descriptor, StreamsBetweenKinds) {
    static constexpr std::size_t total = 4 << 20;
    const auto run = [](auto&& start_writer, auto&& start_reader) {
        auto [left, right] = make_pair_of_sockets();
        std::size_t received = 0;
        bool right_order = true;
        auto writer = start_writer([&left = left] {
            std::string block(10'007, ' ');
            std::size_t sent = 0;
            while (sent < total) {
                for (std::size_t i = 0; i < block.size(); ++i) block[i] = static_cast<char>((sent + i) % 251);
                write_all(left, block);
                sent += block.size();
            }
            left.close();
        });
        auto reader = start_reader([&, &right = right] {
            char buffer[4096];
            while (const ssize_t got = read_some(right, buffer, sizeof buffer)) {
                if (got < 0) throw_os_error(errno, "read");
                for (ssize_t i = 0; i < got; ++i) {
                    right_order &=
                        buffer[i] == static_cast<char>((received + static_cast<std::size_t>(i)) % 251);
                }
                received += static_cast<std::size_t>(got);
            }
        });
        writer.join();
        reader.join();
        EXPECT_GE(received, total);
        EXPECT_TRUE(right_order);
    };
    const auto fiber = [](auto body) { return Thread(std::move(body)); };
    const auto plain = [](auto body) { return std::thread(std::move(body)); };
    run(fiber, fiber);
    run(plain, fiber);
    run(fiber, plain);
    run(plain, plain);
}

// One descriptor, read by one thread and written by another at the same time, a thousand round trips each
// way.
TEST(Descriptor, ReaderAndWriterAtOnce) {
    auto [left, right] = make_pair_of_sockets();
    TaskGroup group;
    const auto pump = [](Descriptor& end) {
        TaskGroup both;
        both.start([&end] {
            for (int i = 0; i < 1000; ++i) write_all(end, std::string(1 + i % 300, 'x'));
        });
        both.start([&end] {
            std::size_t expected = 0;
            for (int i = 0; i < 1000; ++i) expected += static_cast<std::size_t>(1 + i % 300);
            char buffer[256];
            while (expected > 0) {
                const ssize_t got = read_some(end, buffer, std::min(sizeof buffer, expected));
                ASSERT_GT(got, 0);
                expected -= static_cast<std::size_t>(got);
            }
        });
        both.wait();
    };
    group.start([&, &end = left] { pump(end); });
    group.start([&, &end = right] { pump(end); });
    group.wait();
}

// A short read followed by the peer's end is not missed, whatever the order in which data and end came.
TEST(Descriptor, EndAfterAShortReadIsSeen) {
    for (int round = 0; round < 500; ++round) {
        auto [left, right] = make_pair_of_sockets();
        Thread reader([&end = right] {
            char buffer[64];
            std::string all;
            while (const ssize_t got = read_some(end, buffer, sizeof buffer)) {
                ASSERT_GT(got, 0);
                all.append(buffer, static_cast<std::size_t>(got));
            }
            EXPECT_EQ(all, "abc");
        });
        if (round % 2 == 0) yield();
        write_all(left, "abc");
        if (round % 3 == 0) yield();
        left.close();
        reader.join();
    }
}

void expect_in_every_kind(const std::function<void()>& check) {
    check();
    std::thread(check).join();
    Thread(check).join();
}

// A deadline ends the wait with ETIMEDOUT, and the descriptor works afterwards.
TEST(Descriptor, DeadlineEndsTheWait) {
    expect_in_every_kind([] {
        auto [left, right] = make_pair_of_sockets();
        char byte;
        for (int i = 0; i < 3; ++i) {
            EXPECT_EQ(read_some(right, &byte, 1, deadline_after(1ms)), -1);
            EXPECT_EQ(errno, ETIMEDOUT);
            EXPECT_FALSE(right.wait(Direction::read, deadline_after(1ms)));
        }
        write_all(left, "z");
        EXPECT_TRUE(right.wait(Direction::read));
        EXPECT_EQ(read_some(right, &byte, 1), 1);
        EXPECT_EQ(byte, 'z');
    });
}

// A descriptor that is ready all the time keeps neither a deadline nor a cancel nor other threads waiting.
TEST(Descriptor, ReadinessStarvesNobody) {
    const int zero = ::open("/dev/zero", O_RDONLY | O_CLOEXEC);
    Descriptor endless(zero);
    const auto flood = [&endless] {
        char block[64];
        for (;;) {
            if (read_some(endless, block, sizeof block) < 0) return;
        }
    };
    expect_in_every_kind([&] {
        const Timeout scope(2ms);
        flood();
        EXPECT_EQ(errno, ETIMEDOUT);
    });
    Thread flooding(flood);
    for (int i = 0; i < 20; ++i) Thread([] { yield(); }).join();
    flooding.cancel();
    flooding.join();
}

// Until this many threads wait for descriptors.
void until_waiting(std::size_t count) {
    for (std::size_t waiting = 0; waiting < count;) {
        waiting = 0;
        for (const ThreadSnapshot& one : enumerate_threads()) {
            if (one.state == ThreadState::waiting && one.waits_on.ends_with(" for reading")) ++waiting;
        }
    }
}

// close() wakes whoever waits, fiber or not, and each gets EBADF.
TEST(Descriptor, CloseWakesWaiters) {
    auto [left, right] = make_pair_of_sockets();
    std::atomic<int> woken = 0;
    const auto body = [&, &end = right] {
        char byte;
        if (read_some(end, &byte, 1) == -1 && errno == EBADF) ++woken;
    };
    std::thread plain(body);
    TaskGroup group;
    for (int i = 0; i < 4; ++i) group.start(body);
    until_waiting(5);
    right.close();
    group.wait();
    plain.join();
    EXPECT_EQ(woken, 5);
}

// The peer sees the end at once, although the waiter that close() woke has not run yet: its worker is busy.
TEST(Descriptor, CloseIsSeenByThePeerAtOnce) {
    auto [left, right] = make_pair_of_sockets();
    std::vector<std::atomic<bool>> busy(worker_count());
    std::atomic<bool> seen = false;
    Thread reader([&end = right] {
        char byte;
        read_some(end, &byte, 1);
    });
    until_waiting(1);
    // One on each worker, for each waits there until all are busy.
    TaskGroup group;
    for (std::atomic<bool>& own : busy) {
        group.start([&] {
            own = true;
            while (!seen.load()) {
            }
        });
    }
    for (const std::atomic<bool>& one : busy) {
        while (!one.load()) sleep(100us);
    }
    right.close();
    char byte;
    EXPECT_EQ(read_some(left, &byte, 1), 0);
    seen = true;
    group.wait();
    reader.join();
}

// The end that came with the last bytes is seen although, in between, nothing could be written.
TEST(Descriptor, EndIsSeenAfterAFullWrite) {
    expect_in_every_kind([] {
        auto [left, right] = make_pair_of_sockets();
        Thread peer([&end = left] {
            sleep(1ms);  // the other waits by then, or not: it changes nothing but what is tested
            write_all(end, "abc");
            ::shutdown(end.fd(), SHUT_WR);
        });
        EXPECT_TRUE(right.wait(Direction::read));
        peer.join();
        sleep(1ms);  // the news of the end comes in
        const std::string much(1 << 16, 'x');
        const auto send_more = [&](int fd) { return ::send(fd, much.data(), much.size(), MSG_NOSIGNAL); };
        while (right.perform(Direction::write, deadline_after(1ms), 0, send_more) > 0) {
        }
        EXPECT_EQ(errno, ETIMEDOUT);
        char buffer[8];
        EXPECT_EQ(read_some(right, buffer, sizeof buffer), 3);
        EXPECT_EQ(read_some(right, buffer, sizeof buffer, deadline_after(60s)), 0);
    });
}

void close_in_a_child(Descriptor& inherited) {
    const pid_t child = ::fork();
    if (child == 0) {
        inherited.close();
        ::_exit(0);
    }
    int status = -1;
    to_thread([&] { EXPECT_EQ(::waitpid(child, &status, 0), child); });
    EXPECT_EQ(status, 0);
}

// A forked child that closes what it inherited, as some do before exec, takes nothing from the parent: who
// waits there waits on, and gets what comes.
TEST(Descriptor, AForkedChildClosesItsOwnOnly) {
    auto [left, right] = make_pair_of_sockets();
    Thread reader([&end = right] {
        for (const char sent : {'1', '2'}) {
            char byte = 0;
            EXPECT_EQ(read_some(end, &byte, 1, deadline_after(60s)), 1);
            EXPECT_EQ(byte, sent);
        }
    });
    until_waiting(1);
    close_in_a_child(right);
    write_all(left, "1");
    write_all(left, "2");
    reader.join();
    Thread([] {
        auto [near, far] = make_pair_of_sockets();
        far.make_direct();
        close_in_a_child(far);
        near.close();
        EXPECT_TRUE(far.wait(Direction::read));
    }).join();
}

// cancel() ends a wait on a descriptor, and what arrives later is still there to read.
TEST(Descriptor, CancelEndsTheWait) {
    auto [left, right] = make_pair_of_sockets();
    bool cancelled = false;
    Event waiting;
    Thread reader([&, &end = right] {
        char byte;
        waiting.set();
        try {
            read_some(end, &byte, 1);
        } catch (const Cancelled&) {
            cancelled = true;
        }
    });
    waiting.wait();
    reader.cancel();
    reader.join();
    EXPECT_TRUE(cancelled);
    write_all(left, "k");
    char byte = 0;
    EXPECT_EQ(read_some(right, &byte, 1), 1);
    EXPECT_EQ(byte, 'k');
}

// A descriptor whose number is used again has nothing to do with the old one's waiters.
TEST(Descriptor, NumbersAreReusedSafely) {
    for (int round = 0; round < 300; ++round) {
        auto [left, right] = make_pair_of_sockets();
        Thread reader([&end = right] {
            char byte;
            read_some(end, &byte, 1);
        });
        if (round % 2 == 0) yield();
        right.close();
        auto [next_left, next_right] = make_pair_of_sockets();
        reader.join();
        write_all(next_left, "q");
        char byte = 0;
        EXPECT_EQ(read_some(next_right, &byte, 1), 1);
    }
}

// A number goes back to the kernel only when the last call that uses it has ended, and goes back once.
TEST(Descriptor, StaysOpenWhileACallIsUnderWay) {
    auto [left, right] = make_pair_of_sockets();
    const int number = right.fd();
    const auto is_open = [number] { return ::fcntl(number, F_GETFD) >= 0; };
    const auto close_within = [&, &end = right](int) -> ssize_t {
        end.close();
        EXPECT_EQ(end.fd(), -1);
        EXPECT_TRUE(is_open());
        errno = ENOSPC;
        return -1;
    };
    EXPECT_EQ(right.perform(Direction::write, never, 0, close_within), -1);
    EXPECT_EQ(errno, ENOSPC);
    EXPECT_FALSE(is_open());
    const int next = ::dup(left.fd());
    EXPECT_EQ(next, number);
    right.close();
    EXPECT_EQ(right.release(), -1);
    EXPECT_TRUE(is_open());
    ::close(next);
}

// What release() gave up stays open, also where a call was under way.
TEST(Descriptor, ReleasedWithinACall) {
    auto [left, right] = make_pair_of_sockets();
    int released = -1;
    const auto release_within = [&, &end = right](int) -> ssize_t {
        released = end.release();
        return 0;
    };
    EXPECT_EQ(right.perform(Direction::write, never, 0, release_within), 0);
    EXPECT_FALSE(right.is_open());
    EXPECT_EQ(::fcntl(released, F_GETFD), FD_CLOEXEC);
    ::close(released);
}

// A closed descriptor says so, and a second close() is nothing.
TEST(Descriptor, ClosedIsAnError) {
    auto [left, right] = make_pair_of_sockets();
    left.close();
    left.close();
    EXPECT_FALSE(left.is_open());
    EXPECT_THROW(left.wait(Direction::read), OSError);
}

// A child's end can be awaited through a pidfd, as any other descriptor.
TEST(Descriptor, WaitsForAProcess) {
    expect_in_every_kind([] {
        const pid_t child = ::fork();
        if (child == 0) {
            ::usleep(2000);
            ::_exit(0);
        }
        Descriptor process(static_cast<int>(::syscall(434 /* pidfd_open */, child, 0)));
        ASSERT_TRUE(process.is_open());
        EXPECT_TRUE(process.wait(Direction::read));
        EXPECT_EQ(::waitpid(child, nullptr, WNOHANG), child);
    });
}

}  // namespace
}  // namespace thrum
