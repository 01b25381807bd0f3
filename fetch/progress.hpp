// thrum/fetch/progress.hpp: floor 5, fetch
// How far many downloads are: a model that takes its time from outside and knows nothing of terminals.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace thrum::fetch {

enum class State : unsigned char { waiting, connecting, running, done, failed };

using Clock = std::chrono::steady_clock;

// One running download as it stands now.
struct ProgressRow {
    std::string name;
    State state = State::connecting;
    std::uint64_t bytes = 0;
    std::optional<std::uint64_t> total;                 // bytes; nothing where the server did not say
    double rate = 0;                                    // bytes per second, smoothed
    std::optional<std::chrono::nanoseconds> remaining;  // nothing where it cannot be told
};

// The whole as it stands now.
struct ProgressSnapshot {
    std::vector<ProgressRow> rows;  // the oldest running ones
    std::size_t hidden = 0;         // more that run
    std::size_t count = 0;          // downloads in all
    std::size_t done = 0;
    std::size_t failed = 0;
    std::uint64_t bytes = 0;  // of all, running ones too
    double fraction = 0;      // of the whole, 0 to 1
    double rate = 0;          // bytes per second, smoothed
    // Never less than that of a running download; nothing while one runs whose length nobody knows.
    std::optional<std::chrono::nanoseconds> remaining;
    std::chrono::nanoseconds elapsed{0};
};

// The time over which a rate is smoothed: long enough to read, short enough to tell a stall.
inline constexpr std::chrono::seconds rate_smoothing{3};

// Keeps memory for the running downloads only. Not thread-safe; a download is named by its index, and a call
// for one that is not running (but connecting()) changes nothing.
class Progress {
public:
    Progress(std::size_t count, Clock::time_point start) : count_(count), start_(start) {
        meter_.last = start;
    }

    // The download begins, or begins anew after a failure: what it had received no longer counts.
    void connecting(std::size_t index, const std::string& name, Clock::time_point now);
    // Its body begins; `total` bytes long where that is known.
    void running(std::size_t index, std::optional<std::uint64_t> total, Clock::time_point now);
    void received(std::size_t index, std::uint64_t more_bytes);
    void done(std::size_t index);
    void failed(std::size_t index);

    // The picture at `now`, with at most `max_rows` rows. Moves the smoothed rates on, so one caller takes
    // it.
    ProgressSnapshot snapshot(Clock::time_point now, std::size_t max_rows);

private:
    // A mean rate in which what is longer ago counts less.
    struct Meter {
        double value = 0;
        double weight = 0;
        std::uint64_t bytes = 0;
        Clock::time_point last = {};

        void advance(std::uint64_t now_bytes, Clock::time_point now);
        double rate() const noexcept { return weight > 0 ? value / weight : 0; }
    };

    struct Running {
        std::size_t index = 0;
        std::string name;
        State state = State::connecting;
        std::uint64_t bytes = 0;
        std::optional<std::uint64_t> total = {};
        Meter meter = {};
    };

    Running* find(std::size_t index);
    void finish(std::size_t index);

    std::size_t count_;
    std::size_t done_ = 0;
    std::size_t failed_ = 0;
    std::uint64_t bytes_ = 0;
    Meter meter_;
    Clock::time_point start_;
    std::map<std::uint64_t, Running> running_;       // by order of beginning
    std::map<std::size_t, std::uint64_t> order_of_;  // index to that order
    std::uint64_t next_order_ = 0;
};

}  // namespace thrum::fetch
