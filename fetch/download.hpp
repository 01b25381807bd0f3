// thrum/fetch/download.hpp: floor 5, fetch
// Many downloads at once: each written aside and renamed when whole, each with a name of its own.
#pragma once

#include <thrum/fetch/change.hpp>
#include <thrum/requests.hpp>

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace thrum::fetch {

// How many downloads run at once where nobody says.
inline constexpr int default_jobs = 16;
// How often a download is tried again after a failure that may pass.
inline constexpr int default_retries = 2;
// The pause before the first new attempt; each further one is twice as long, up to the longest. A server that
// asks for more (Retry-After, RFC 9110 section 10.2.3) gets it, up to the longest too.
inline constexpr std::chrono::milliseconds first_pause{250};
inline constexpr std::chrono::milliseconds longest_pause{10'000};

struct Options {
    // Made where it is not there.
    std::filesystem::path folder = ".";
    // The name of the one file; names are taken from URLs where empty. Relative to `folder` unless absolute.
    std::filesystem::path output = {};
    int jobs = default_jobs;
    int retries = default_retries;
    std::chrono::milliseconds pause = first_pause;
    // Whether the server's Content-Disposition names the file: a stranger's choice, so not unless asked for.
    // Files of one name are numbered in the order of the URLs all the same.
    bool content_disposition = false;
    // For every request: timeout, verify, headers and the like.
    requests::Options request = {};
    // Turns a failed request into the words of Result::error, for callers whose options have other names than
    // those of Options. what() where it is empty. Called by many threads at once.
    std::function<std::string(const requests::RequestException&)> explain = {};
    // Told of each step of each download, by the thread that makes it: must be thread-safe and quick. What it
    // throws ends the run.
    std::function<void(const Change&)> on_progress = {};
};

// Fetches all of `urls` with at most options.jobs threads, in the order given, and returns what became of
// each, in that order too. A failure ends one download, not the others; the file then is not there, nor its
// ".part"; after several attempts the error says how many. A URL mentioned twice is fetched once. GET is
// idempotent (RFC 9110 section 9.2.2), so failures of the connection and the answers 408, 429, 500, 502, 503
// and 504 are tried again. Files that are there from before are replaced. Throws OSError where the folder
// cannot be made, Error where `output` is set for more than one URL, Cancelled (what is under way is removed,
// what is whole stays), TimeoutError when a deadline in force passes.
std::vector<Result> download_all(const std::vector<std::string>& urls, const Options& options = {});
// The same through a session of the caller's: its cookies, credentials and connections.
std::vector<Result> download_all(requests::Session& session, const std::vector<std::string>& urls,
                                 const Options& options = {});

// For each of `urls` the place of its first mention; nothing where that is its own.
std::vector<std::optional<std::size_t>> first_mentions(const std::vector<std::string>& urls);

// For a waterfall: the results that were downloads, named as their files.
std::vector<WaterfallRow> waterfall_rows(const std::vector<Result>& results);

}  // namespace thrum::fetch
