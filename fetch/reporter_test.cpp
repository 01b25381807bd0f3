// thrum/fetch/reporter_test.cpp: floor 5, fetch
// Promise: what is told reaches its descriptor whole, a line per finished file; bars leave the terminal as
// they found it, whoever ends them; and a reader that stops reading stops nobody but itself.
#include <thrum/base/file.hpp>
#include <thrum/fetch/reporter.hpp>
#include <thrum/threads.hpp>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

namespace thrum::fetch {
namespace {

using namespace std::chrono_literals;

struct Pipe {
    Pipe() {
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) != 0) std::abort();
        read_end = UniqueFd(ends[0]);
        write_end = UniqueFd(ends[1]);
    }
    // To be called when all has been written.
    std::string content() {
        write_end.reset();
        std::string text;
        char buffer[4096];
        for (ssize_t got; (got = ::read(read_end.get(), buffer, sizeof buffer)) > 0;) {
            text.append(buffer, static_cast<std::size_t>(got));
        }
        return text;
    }
    UniqueFd read_end;
    UniqueFd write_end;
};

// A terminal without anybody before it.
struct Terminal {
    Terminal() : master(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK)) {
        if (::grantpt(master.fd()) != 0 || ::unlockpt(master.fd()) != 0) std::abort();
        slave = UniqueFd(::open(::ptsname(master.fd()), O_RDWR | O_NOCTTY | O_CLOEXEC));
        struct winsize size {};
        size.ws_col = 50;
        size.ws_row = 6;
        ::ioctl(master.fd(), TIOCSWINSZ, &size);
    }
    // What has been written and not yet seen.
    std::string content() {
        std::string text;
        char buffer[4096];
        for (ssize_t got; (got = ::read(master.fd(), buffer, sizeof buffer)) > 0;) {
            text.append(buffer, static_cast<std::size_t>(got));
        }
        return text;
    }
    std::string read_until(std::string_view awaited) {
        std::string text = content();
        while (text.find(awaited) == std::string::npos) {
            master.wait(Direction::read);
            text += content();
        }
        return text;
    }
    Descriptor master;
    UniqueFd slave;
};

Result result(const std::string& name, std::uint64_t bytes, std::string error = {}) {
    Result made{
        .url = "http://h/" + name, .path = "folder/" + name, .bytes = bytes, .error = std::move(error)};
    made.timing.end += 250ms;
    return made;
}

// One download from its beginning to its end.
void play(Reporter& reporter, std::size_t index, const Result& made) {
    reporter.add({.index = index, .state = State::connecting, .result = made});
    reporter.add({.index = index, .state = State::running, .result = made, .total = made.bytes});
    reporter.add({.index = index, .state = State::running, .result = made, .more_bytes = made.bytes});
    reporter.add({.index = index, .state = made.ok() ? State::done : State::failed, .result = made});
}

std::size_t count(std::string_view text, std::string_view piece) {
    std::size_t times = 0;
    for (auto at = text.find(piece); at != std::string_view::npos; at = text.find(piece, at + 1)) ++times;
    return times;
}

TEST(Reporter, WritesALinePerFileAndFailuresApart) {
    Pipe output;
    Pipe errors;
    {
        Reporter reporter(3, {.output_fd = output.write_end.get(), .error_fd = errors.write_end.get()});
        play(reporter, 0, result("a.jpg", 1536));
        play(reporter, 1, result("b.jpg", 10, "http://h/b.jpg: 404 Not Found"));
        play(reporter, 2, result("c\x1b[2J.jpg", 3));
    }
    EXPECT_EQ(output.content(),
              "saved folder/a.jpg: 1.5 KiB in 0.25 s\nsaved folder/c?[2J.jpg: 3 B in 0.25 s\n");
    EXPECT_EQ(errors.content(), "thrum get: http://h/b.jpg: 404 Not Found\n");
}

TEST(Reporter, AUrlMentionedTwiceIsToldOnce) {
    Pipe output;
    Pipe errors;
    {
        Reporter reporter(4, {.output_fd = output.write_end.get(), .error_fd = errors.write_end.get()});
        Result again = result("a.jpg", 1536);
        play(reporter, 0, again);
        again.same_as = 0;
        reporter.add({.index = 1, .state = State::done, .result = again});
        again = result("b.jpg", 0, "http://h/b.jpg: 404 Not Found");
        play(reporter, 2, again);
        again.same_as = 2;
        reporter.add({.index = 3, .state = State::failed, .result = again});
    }
    EXPECT_EQ(output.content(), "saved folder/a.jpg: 1.5 KiB in 0.25 s\n");
    EXPECT_EQ(errors.content(), "thrum get: http://h/b.jpg: 404 Not Found\n");
}

// What cannot be written is known afterwards, with its cause.
TEST(Reporter, AFullOutputIsTold) {
    const UniqueFd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
    Reporter reporter(2, {.output_fd = full.get()});
    play(reporter, 0, result("a.jpg", 1536));
    reporter.finish();
    EXPECT_EQ(reporter.output_error(), ENOSPC);
}

TEST(Reporter, QuietTellsFailuresOnly) {
    Pipe output;
    Pipe errors;
    {
        Reporter reporter(
            2, {.lines = false, .output_fd = output.write_end.get(), .error_fd = errors.write_end.get()});
        play(reporter, 0, result("a.jpg", 1536));
        play(reporter, 1, result("b.jpg", 10, "b: refused"));
    }
    EXPECT_EQ(output.content(), "");
    EXPECT_EQ(errors.content(), "thrum get: b: refused\n");
}

TEST(Reporter, BarsStandOnATerminalAndLeaveIt) {
    Terminal terminal;
    Pipe output;
    {
        Reporter reporter(3, {.bars = true,
                              .lines = false,
                              .interval = 1ms,
                              .output_fd = output.write_end.get(),
                              .error_fd = terminal.slave.get()});
        play(reporter, 0, result("a.jpg", 1536));
        reporter.add({.index = 1, .state = State::connecting, .result = result("b.jpg", 10)});
        // A frame of its own may come between the two, and the whole stands below the rows.
        std::string seen = terminal.read_until("b.jpg            waiting");
        if (seen.find("1 of 3") == std::string::npos) seen += terminal.read_until("1 of 3");
        EXPECT_EQ(seen.find("\x1b[?25l"), seen.rfind("\x1b[?25l"));
        play(reporter, 2, result("c.jpg", 3, "c: reset"));
        reporter.finish();
    }
    const std::string end = terminal.content();
    // A failure stands above; the frame is erased and the cursor back.
    EXPECT_EQ(count(end, "thrum get: c: reset\r\n"), 1U) << end;
    EXPECT_NE(end.rfind("\x1b[J\x1b[?25h"), std::string::npos) << end;
    EXPECT_EQ(end.find("\x1b[?25l", end.rfind("\x1b[?25h")), std::string::npos) << end;
    EXPECT_EQ(output.content(), "");
}

TEST(Reporter, ACancelledOwnerStillGivesTheTerminalBack) {
    Terminal terminal;
    Event standing;
    Thread owner([&] {
        Reporter reporter(1,
                          {.bars = true, .lines = false, .interval = 1ms, .error_fd = terminal.slave.get()});
        reporter.add({.index = 0, .state = State::connecting, .result = result("a.jpg", 10)});
        terminal.read_until("waiting");
        standing.set();
        Event().wait();
    });
    standing.wait();
    owner.cancel();
    owner.join();
    const std::string end = terminal.content();
    EXPECT_NE(end.rfind("\x1b[J\x1b[?25h"), std::string::npos) << end;
}

TEST(Reporter, AReaderThatWentAwayStopsNobody) {
    Pipe output;
    output.read_end.reset();
    std::signal(SIGPIPE, SIG_IGN);
    Reporter reporter(1000, {.interval = 1ms, .output_fd = output.write_end.get()});
    for (std::size_t index = 0; index < 1000; ++index) play(reporter, index, result("a.jpg", 1536));
    reporter.finish();
    reporter.finish();
    EXPECT_EQ(reporter.output_error(), EPIPE);
}

// More than the pipe and the reporter hold: those who bring more wait, and nothing is lost.
TEST(Reporter, ASlowReaderMakesItsWritersWait) {
    Pipe output;
    constexpr std::size_t downloads = 60000;
    std::string seen;
    std::thread reader;
    {
        Reporter reporter(downloads, {.interval = 1ms, .output_fd = output.write_end.get()});
        TaskGroup group;
        group.start([&] {
            for (std::size_t index = 0; index < downloads; ++index)
                play(reporter, index, result("a.jpg", 1536));
        });
        reader = std::thread([&, fd = ::dup(output.read_end.get())] {
            char buffer[4096];
            for (ssize_t got; (got = ::read(fd, buffer, sizeof buffer)) > 0;) {
                seen.append(buffer, static_cast<std::size_t>(got));
            }
            ::close(fd);
        });
        group.wait();
    }
    output.write_end.reset();
    reader.join();
    EXPECT_EQ(count(seen, "saved folder/a.jpg: 1.5 KiB in 0.25 s\n"), downloads);
}

TEST(Reporter, TheEnvironmentChoosesTheStyle) {
    // Standard error is no terminal under a test's runner, so only what does not need one is asked here.
    struct Case {
        const char* all;
        const char* language;
        bool unicode;
    };
    for (const auto& [all, language, unicode] : {Case{"C.UTF-8", "C", true}, Case{"", "en_US.utf8", true},
                                                 Case{"C", "en_US.UTF-8", false}, Case{"", "", false}}) {
        ::setenv("LC_ALL", all, 1);
        ::setenv("LC_CTYPE", "", 1);
        ::setenv("LANG", language, 1);
        EXPECT_EQ(default_reporter_options().unicode, unicode) << all << '/' << language;
    }
}

}  // namespace
}  // namespace thrum::fetch
