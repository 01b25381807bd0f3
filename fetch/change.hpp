// thrum/fetch/change.hpp: floor 5, fetch
// What a run of downloads tells while it runs, and what it gives back at the end.
#pragma once

#include <thrum/fetch/progress.hpp>
#include <thrum/fetch/waterfall.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace thrum::fetch {

// What became of one URL.
struct Result {
    std::string url = {};
    std::filesystem::path path = {};  // of the file, whether it came to be or not
    std::uint64_t bytes = 0;          // of the file
    int status = 0;                   // of the last answer; 0 where none came
    std::string error = {};  // empty where all went well; otherwise the URL and the cause, in one line
    int attempts = 0;
    Timing timing = {};  // of the last attempt, but `queued`
    // The place among the results of the same URL's first mention, which was fetched in this one's stead.
    std::optional<std::size_t> same_as = {};

    bool ok() const noexcept { return error.empty(); }
};

// One step of one download. Valid during the call it is handed to.
struct Change {
    std::size_t index = 0;  // among the URLs
    State state = State::waiting;
    const Result& result;                     // complete once `state` is done or failed
    std::optional<std::uint64_t> total = {};  // of the body, where `state` becomes running
    std::uint64_t more_bytes = 0;             // received since the last step
};

}  // namespace thrum::fetch
