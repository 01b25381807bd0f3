// thrum/cli/signals_test.cpp: front door, cli
// Promise: one request to end is one, however often it is signalled; a second request is another.
#include <thrum/cli/signals.hpp>

#include <gtest/gtest.h>

namespace thrum::cli {
namespace {

using namespace std::chrono_literals;

// raise(3) signals the calling thread, which has them blocked and reads them itself.
TEST(Signals, AnEchoIsNoSecondRequest) {
    Signals signals({SIGUSR1, SIGUSR2}, 24h);
    for (const int number : {SIGUSR1, SIGUSR2, SIGUSR1}) {
        ::raise(number);
        EXPECT_EQ(signals.wait(), number) << "another number is another request";
        ::raise(number);  // the echo, which is read before what comes next
    }
    ::raise(SIGUSR2);
    EXPECT_EQ(signals.wait(), SIGUSR2);
}

TEST(Signals, TheSameMuchLaterIsAnother) {
    Signals signals({SIGUSR1}, 0ns);
    for (int i = 0; i < 3; ++i) {
        ::raise(SIGUSR1);
        EXPECT_EQ(signals.wait(), SIGUSR1);
    }
}

}  // namespace
}  // namespace thrum::cli
