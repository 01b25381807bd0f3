// thrum/fetch/progress_test.cpp: floor 5, fetch
// Promise: the model counts what happened, whatever the order, and its rates and forecasts follow from a
// clock that is handed in.
#include <thrum/fetch/figures.hpp>
#include <thrum/fetch/progress.hpp>

#include <gtest/gtest.h>

#include <cmath>

namespace thrum::fetch {
namespace {

using namespace std::chrono_literals;

constexpr Clock::time_point start{};

TEST(Figures, AreReadable) {
    struct Case {
        std::uint64_t bytes;
        const char* text;
    };
    const Case cases[] = {{0, "0 B"},
                          {1023, "1023 B"},
                          {1024, "1.0 KiB"},
                          {1536, "1.5 KiB"},
                          {102348, "99.9 KiB"},
                          {102400, "100 KiB"},
                          {1023 * 1024, "1023 KiB"},
                          {1024 * 1024 - 1, "1.0 MiB"},
                          {3ULL << 30, "3.0 GiB"},
                          {UINT64_MAX, "16.0 EiB"}};
    for (const auto& [bytes, text] : cases) EXPECT_EQ(format_bytes(bytes), text);
    EXPECT_EQ(format_rate(2048), "2.0 KiB/s");
    EXPECT_EQ(format_rate(-1), "0 B/s");
    EXPECT_EQ(format_rate(std::nan("")), "0 B/s");
    EXPECT_EQ(format_rate(INFINITY), "888 PiB/s");

    struct TimeCase {
        std::chrono::nanoseconds time;
        const char* elapsed;
        const char* remaining;
    };
    const TimeCase times[] = {
        {-1s, "0.000 s", "0:00"},   {4ms, "0.004 s", "0:01"},      {250ms, "0.25 s", "0:01"},
        {9994ms, "9.99 s", "0:10"}, {9996ms, "10.0 s", "0:10"},    {59940ms, "59.9 s", "1:00"},
        {245s, "4:05", "4:05"},     {3723s, "1:02:03", "1:02:03"}, {std::chrono::hours(100), "days", "days"}};
    for (const auto& [time, elapsed, remaining] : times) {
        EXPECT_EQ(format_elapsed(time), elapsed);
        EXPECT_EQ(format_remaining(time), remaining);
    }
}

TEST(Progress, FollowsADownloadThroughItsStates) {
    Progress progress(2, start);
    EXPECT_TRUE(progress.snapshot(start, 10).rows.empty());

    progress.connecting(1, "b.jpg", start);
    ProgressSnapshot shown = progress.snapshot(start + 100ms, 10);
    ASSERT_EQ(shown.rows.size(), 1U);
    EXPECT_EQ(shown.rows[0].name, "b.jpg");
    EXPECT_EQ(shown.rows[0].state, State::connecting);

    progress.running(1, 1000, start + 100ms);
    progress.received(1, 250);
    shown = progress.snapshot(start + 600ms, 10);
    EXPECT_EQ(shown.rows[0].state, State::running);
    EXPECT_EQ(shown.rows[0].bytes, 250U);
    EXPECT_DOUBLE_EQ(shown.rows[0].rate, 500);
    EXPECT_EQ(shown.rows[0].remaining, 1500ms);
    EXPECT_DOUBLE_EQ(shown.fraction, 0.125);
    EXPECT_EQ(shown.remaining, 4200ms);

    progress.received(1, 750);
    progress.done(1);
    progress.failed(0);
    shown = progress.snapshot(start + 1s, 10);
    EXPECT_TRUE(shown.rows.empty());
    EXPECT_EQ(shown.done, 1U);
    EXPECT_EQ(shown.failed, 1U);
    EXPECT_EQ(shown.bytes, 1000U);
    EXPECT_EQ(shown.fraction, 1.0);
    EXPECT_EQ(shown.remaining, 0s);
}

TEST(Progress, WhatAFailureReceivedDoesNotCount) {
    Progress progress(2, start);
    progress.connecting(0, "a", start);
    progress.running(0, 100, start);
    progress.received(0, 60);
    progress.connecting(0, "a", start + 1s);
    EXPECT_EQ(progress.snapshot(start + 1s, 10).bytes, 0U);
    progress.running(0, 100, start);
    progress.received(0, 30);
    progress.failed(0);
    const ProgressSnapshot shown = progress.snapshot(start + 2s, 10);
    EXPECT_EQ(shown.bytes, 0U);
    EXPECT_EQ(shown.rate, 0);
}

TEST(Progress, ShowsTheOldestAndCountsTheRest) {
    Progress progress(100, start);
    for (std::size_t index = 0; index < 50; ++index)
        progress.connecting(99 - index, std::to_string(99 - index), start);
    progress.done(98);
    const ProgressSnapshot shown = progress.snapshot(start, 3);
    ASSERT_EQ(shown.rows.size(), 3U);
    EXPECT_EQ(shown.rows[0].name, "99");
    EXPECT_EQ(shown.rows[1].name, "97");
    EXPECT_EQ(shown.rows[2].name, "96");
    EXPECT_EQ(shown.hidden, 46U);
}

TEST(Progress, RatesAreSmoothedAndAStallShows) {
    Progress progress(1, start);
    progress.connecting(0, "a", start);
    progress.running(0, std::nullopt, start);
    progress.received(0, 1000);
    EXPECT_DOUBLE_EQ(progress.snapshot(start + 1s, 1).rows[0].rate, 1000);
    EXPECT_NEAR(progress.snapshot(start + 4s, 1).rows[0].rate,
                1000 * (std::exp(-1) - std::exp(-4.0 / 3)) / (1 - std::exp(-4.0 / 3)), 0.001);
    const ProgressSnapshot shown = progress.snapshot(start + 60s, 1);
    EXPECT_LT(shown.rows[0].rate, 0.001);
    EXPECT_EQ(shown.rows[0].remaining, std::nullopt);
    // Two looks at one moment divide nothing by zero.
    EXPECT_EQ(progress.snapshot(start + 60s, 1).rate, shown.rate);
}

// The whole never ends before one of its parts, shown or hidden; alone, a file and the whole say the same;
// and while the length of a running file is not known, there is no forecast.
TEST(Progress, TheWholeAgreesWithItsParts) {
    Progress progress(10, start);
    for (std::size_t index = 0; index < 10; ++index) progress.connecting(index, "f", start);
    for (std::size_t index = 0; index < 8; ++index) progress.done(index);
    progress.running(8, 1000, start);
    progress.received(8, 900);
    progress.running(9, 100000, start);
    progress.received(9, 1000);
    ProgressSnapshot shown = progress.snapshot(start + 1s, 1);
    EXPECT_EQ(shown.hidden, 1U);
    EXPECT_EQ(shown.remaining, 99s);
    EXPECT_EQ(progress.snapshot(start + 1s, 2).rows[1].remaining, 99s);

    // Not all have begun: like those before, but not less than what runs.
    Progress more(11, start);
    for (std::size_t index = 0; index < 9; ++index) {
        more.connecting(index, "f", start);
        more.done(index);
    }
    more.connecting(9, "large", start);
    more.running(9, 100000, start);
    more.received(9, 1000);
    EXPECT_EQ(more.snapshot(start + 1s, 10).remaining, 99s);

    // One file that had to wait for its answer.
    Progress single(1, start);
    single.connecting(0, "f", start);
    single.running(0, 1000, start + 10s);
    single.received(0, 500);
    shown = single.snapshot(start + 11s, 1);
    EXPECT_EQ(shown.rows[0].remaining, 1s);
    EXPECT_EQ(shown.remaining, shown.rows[0].remaining);

    Progress unknown(2, start);
    unknown.connecting(0, "f", start);
    unknown.done(0);
    unknown.connecting(1, "f", start);
    unknown.running(1, std::nullopt, start);
    unknown.received(1, 1000);
    EXPECT_EQ(unknown.snapshot(start + 1s, 1).remaining, std::nullopt);
}

TEST(Progress, StrayCallsAndLiesChangeNothing) {
    Progress progress(1, start);
    progress.running(0, 10, start);
    progress.received(0, 10);
    EXPECT_EQ(progress.snapshot(start + 1s, 1).bytes, 0U);
    progress.connecting(0, "a", start);
    progress.running(0, 10, start);
    progress.received(0, 1000);
    const ProgressSnapshot shown = progress.snapshot(start + 2s, 1);
    EXPECT_EQ(shown.fraction, 1.0);
    EXPECT_EQ(shown.rows[0].remaining, std::nullopt);
    EXPECT_EQ(Progress(0, start).snapshot(start, 1).fraction, 1.0);
}

}  // namespace
}  // namespace thrum::fetch
