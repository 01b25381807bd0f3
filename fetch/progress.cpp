// thrum/fetch/progress.cpp: floor 5, fetch
#include <thrum/fetch/progress.hpp>

#include <algorithm>
#include <cmath>
#include <utility>

namespace thrum::fetch {

namespace {

double seconds(std::chrono::nanoseconds duration) { return std::chrono::duration<double>(duration).count(); }

std::chrono::nanoseconds from_seconds(double value) {
    // A hundred years are enough, and far from the end of the type's range.
    constexpr double most = 3e9;
    return std::chrono::round<std::chrono::nanoseconds>(std::chrono::duration<double>(std::min(value, most)));
}

double fraction_of(std::uint64_t bytes, std::optional<std::uint64_t> total) {
    if (!total || *total == 0) return 0;
    return std::min(1.0, static_cast<double>(bytes) / static_cast<double>(*total));
}

// How long the whole takes yet. Of downloads that have not begun nothing is known, so they are taken to be
// like those before them; those that run say more.
struct Forecast {
    bool all_begun = false;
    bool all_told = true;      // each running download has a forecast of its own
    bool has_endless = false;  // one whose length nobody knows
    std::chrono::nanoseconds longest{0};

    void add(const ProgressRow& row) {
        has_endless = has_endless || (row.state == State::running && !row.total);
        all_told = all_told && row.remaining;
        longest = std::max(longest, row.remaining.value_or(std::chrono::nanoseconds(0)));
    }
    std::optional<std::chrono::nanoseconds> of_the_whole(std::chrono::nanoseconds elapsed,
                                                         double fraction) const {
        if (has_endless || fraction <= 0) return std::nullopt;
        if (all_begun && all_told) return longest;
        return std::max(longest, from_seconds(seconds(elapsed) * (1 - fraction) / fraction));
    }
};

}  // namespace

// An exponentially weighted mean, divided by the weight it has so far, so that its beginning counts whole.
void Progress::Meter::advance(std::uint64_t now_bytes, Clock::time_point now) {
    const double dt = seconds(now - last);
    if (dt <= 0) return;
    const double moved = now_bytes > bytes ? static_cast<double>(now_bytes - bytes) : 0;
    const double share = 1 - std::exp(-dt / seconds(rate_smoothing));
    value += share * (moved / dt - value);
    weight += share * (1 - weight);
    bytes = now_bytes;
    last = now;
}

Progress::Running* Progress::find(std::size_t index) {
    const auto order = order_of_.find(index);
    return order == order_of_.end() ? nullptr : &running_.at(order->second);
}

void Progress::connecting(std::size_t index, const std::string& name, Clock::time_point now) {
    if (Running* again = find(index)) {
        bytes_ -= again->bytes;
        *again = Running{
            .index = index, .name = name, .meter = {.value = 0, .weight = 0, .bytes = 0, .last = now}};
        return;
    }
    order_of_.emplace(index, next_order_);
    running_.emplace(
        next_order_++,
        Running{.index = index, .name = name, .meter = {.value = 0, .weight = 0, .bytes = 0, .last = now}});
}

void Progress::running(std::size_t index, std::optional<std::uint64_t> total, Clock::time_point now) {
    if (Running* download = find(index)) {
        download->state = State::running;
        download->total = total;
        download->meter = {.value = 0, .weight = 0, .bytes = 0, .last = now};
    }
}

void Progress::received(std::size_t index, std::uint64_t more_bytes) {
    if (Running* download = find(index)) {
        download->bytes += more_bytes;
        bytes_ += more_bytes;
    }
}

void Progress::finish(std::size_t index) {
    const auto order = order_of_.find(index);
    if (order == order_of_.end()) return;
    running_.erase(order->second);
    order_of_.erase(order);
}

void Progress::done(std::size_t index) {
    finish(index);
    ++done_;
}

void Progress::failed(std::size_t index) {
    if (const Running* download = find(index)) bytes_ -= download->bytes;
    finish(index);
    ++failed_;
}

ProgressSnapshot Progress::snapshot(Clock::time_point now, std::size_t max_rows) {
    meter_.advance(bytes_, now);
    ProgressSnapshot whole{.rows = {},
                           .hidden = running_.size() - std::min(running_.size(), max_rows),
                           .count = count_,
                           .done = done_,
                           .failed = failed_,
                           .bytes = bytes_,
                           .fraction = 0,
                           .rate = meter_.rate(),
                           .remaining = {},
                           .elapsed = now - start_};
    double parts = static_cast<double>(done_ + failed_);
    Forecast forecast{.all_begun = done_ + failed_ + running_.size() >= count_};
    for (auto& [order, download] : running_) {
        parts += fraction_of(download.bytes, download.total);
        download.meter.advance(download.bytes, now);
        ProgressRow row{download.name,  download.state,        download.bytes,
                        download.total, download.meter.rate(), {}};
        if (row.total && *row.total >= row.bytes && row.rate > 0) {
            row.remaining = from_seconds(static_cast<double>(*row.total - row.bytes) / row.rate);
        }
        forecast.add(row);
        if (whole.rows.size() < max_rows) whole.rows.push_back(std::move(row));
    }
    whole.fraction = count_ == 0 ? 1.0 : std::min(1.0, parts / static_cast<double>(count_));
    whole.remaining = forecast.of_the_whole(whole.elapsed, whole.fraction);
    return whole;
}

}  // namespace thrum::fetch
