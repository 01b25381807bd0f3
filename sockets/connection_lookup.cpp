// thrum/sockets/connection_lookup.cpp: floor 2, sockets
// A name that answers in time costs one question and no thread. Of a slow one every answer is used as it
// comes.
#include <thrum/sockets/internal/connection_lookup.hpp>
#include <thrum/sockets/internal/connection_race.hpp>

#include <algorithm>
#include <iterator>
#include <utility>

namespace thrum::internal {
namespace {

bool is_past(Deadline deadline) noexcept { return deadline_after(std::chrono::nanoseconds(0)) >= deadline; }

}  // namespace

Socket connect_by_name(const Address& target, const ConnectionOptions& options, const LookUp& look_up) {
    std::vector<Address> found;
    try {
        const Timeout patience(lookup_patience);
        found = look_up(AF_UNSPEC);
    } catch (const TimeoutError&) {
        if (is_past(current_deadline())) throw;
    }
    if (!found.empty()) return connect_any(interleaved(std::move(found)), target, options);
    return SlowConnection(target, options, look_up).run();
}

template <class Act>
void SlowConnection::start(int family, bool is_race, Act act) {
    ++under_way_;
    threads_.emplace_back([this, family, is_race, act = std::move(act)] {
        News news{.family = family, .was_race = is_race};
        try {
            act(news);
        } catch (const Cancelled&) {
            throw;
        } catch (const std::exception&) {
            news.error = std::current_exception();
        }
        news_.put(std::move(news));
    });
}

void SlowConnection::ask(int family) {
    start(family, false, [this, family](News& news) { news.found = look_up_(family); });
}

void SlowConnection::race(int family, std::vector<Address> addresses) {
    if (addresses.empty()) return;
    for (const Address& address : addresses)
        (address.family() == AF_INET6 ? has_raced_six_ : has_raced_four_) = true;
    start(family, true, [this, addresses = std::move(addresses)](News& news) {
        news.connected = connect_any(addresses, target_, options_);
    });
}

// An answer of all families counts for those that no race has yet.
void SlowConnection::take(News news) {
    if (news.error) {
        (news.was_race ? race_error_ : lookup_error_) = news.error;
        is_six_known_ = is_six_known_ || (!news.was_race && news.family != AF_INET);
    } else if (news.family == AF_UNSPEC && !has_raced_four_ && !has_raced_six_) {
        waiting_.clear();
        is_six_known_ = true;
        race(AF_UNSPEC, interleaved(std::move(news.found)));
    } else {
        is_six_known_ = is_six_known_ || news.family != AF_INET;
        std::vector<Address> six;
        std::vector<Address> four;
        for (Address& address : news.found)
            (address.family() == AF_INET6 ? six : four).push_back(std::move(address));
        if (!has_raced_six_) race(AF_INET6, std::move(six));
        if (!has_raced_four_ && waiting_.empty() && !four.empty()) {
            waiting_ = std::move(four);
            delayed_until_ = deadline_after(options_.resolution_delay);
        }
    }
    // Behind IPv6 the IPv4 addresses come with the delay of any next attempt.
    if (!waiting_.empty() && is_six_known_) {
        delayed_until_ = has_raced_six_ && !race_error_
                             ? std::min(delayed_until_, deadline_after(options_.attempt_delay))
                             : Deadline::min();
    }
}

// Nothing where the delay of the IPv4 addresses has passed first.
std::optional<SlowConnection::News> SlowConnection::next() {
    const Deadline until = waiting_.empty() ? never : delayed_until_;
    if (is_past(until)) return std::nullopt;
    try {
        const Timeout delay(until);
        return news_.get();
    } catch (const TimeoutError&) {
        if (is_past(until)) return std::nullopt;
        throw TimeoutError("timed out trying to connect to " + target_.to_string() +
                           ": its look-up, or its addresses so far, do not answer");
    }
}

Socket SlowConnection::run() {
    for (const int family : {AF_UNSPEC, AF_INET6, AF_INET}) ask(family);
    while (under_way_ > 0 || !waiting_.empty()) {
        std::optional<News> news = next();
        if (!news) {
            race(AF_INET, std::exchange(waiting_, {}));
            continue;
        }
        --under_way_;
        if (news->connected) return std::move(*news->connected);
        take(std::move(*news));
    }
    std::rethrow_exception(race_error_ ? race_error_ : lookup_error_);
}

}  // namespace thrum::internal
