// thrum/fetch/download.cpp: floor 5, fetch
#include <thrum/base/descriptor_shortage.hpp>
#include <thrum/base/errors.hpp>
#include <thrum/base/file.hpp>
#include <thrum/base/text.hpp>
#include <thrum/fetch/download.hpp>
#include <thrum/fetch/internal/naming_order.hpp>
#include <thrum/fetch/naming.hpp>
#include <thrum/fetch/utf8.hpp>
#include <thrum/requests/masking.hpp>
#include <thrum/sockets/resolver.hpp>
#include <thrum/threads/task_group.hpp>
#include <thrum/threads/thread.hpp>

#include <fmt/format.h>
#include <netdb.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <string_view>
#include <system_error>
#include <unordered_map>
#include <utility>

namespace thrum::fetch {

namespace {

using namespace std::chrono_literals;

// OpenSSL's handshake goes deep; what is not touched costs no memory.
constexpr std::size_t worker_stack_size = 256 * 1024;

// Why an attempt failed, and whether another one may go better.
struct Failure {
    std::string error;
    bool transient = false;
    std::chrono::nanoseconds asked_pause{0};
};

// "http://user:secret@host/a" without what is nobody's business, in one line.
std::string public_url(std::string_view url) { return printable(requests::masked_url(url)); }

bool is_transient(int status) {
    for (const int passing : {408, 429, 500, 502, 503, 504}) {
        if (status == passing) return true;
    }
    return false;
}

// The delay-seconds of RFC 9110 section 10.2.3; a date would be compared with a clock that may be wrong.
std::chrono::nanoseconds retry_after(const requests::Response& response) {
    const auto seconds = parse_unsigned(response.headers().get("Retry-After", ""));
    const auto longest = std::chrono::duration_cast<std::chrono::seconds>(longest_pause).count();
    return seconds ? std::chrono::seconds(std::min<unsigned long long>(*seconds, longest)) : 0s;
}

// Whether "bytes 0-99/100" is all there is (RFC 9110 section 14.4).
bool covers_the_whole(std::string_view content_range) {
    if (!content_range.starts_with("bytes 0-")) return false;
    content_range.remove_prefix(std::string_view("bytes 0-").size());
    const std::size_t slash = content_range.find('/');
    if (slash == content_range.npos) return false;
    const auto last = parse_unsigned(content_range.substr(0, slash));
    const auto size = parse_unsigned(content_range.substr(slash + 1));
    return last && size && *last < *size && *size - *last == 1;
}

// Why an answer of success is no whole file; empty where it is one, or where a part was asked for.
std::string why_no_file(const requests::Response& response, bool asked_for_a_part) {
    const int status = response.status_code();
    if (status == 204 || status == 205) return "the answer holds no file";
    if (status != 206 || asked_for_a_part) return {};
    const std::string range(response.headers().get("Content-Range", ""));
    if (covers_the_whole(range)) return {};
    return "the server sent a part of the file (" + (range.empty() ? "it does not say which" : range) +
           "), and all of it was asked for";
}

// Whether a look-up that found no such name is at the bottom of it: nobody is there, and nobody will be in a
// second. One that got no answer (EAI_AGAIN, getaddrinfo(3)) may get one then.
bool is_unknown_host(const std::exception& error) {
    try {
        std::rethrow_if_nested(error);
    } catch (const AddressError& cause) {
        return cause.code() == EAI_NONAME || cause.code() == EAI_NODATA;
    } catch (const std::exception& cause) {
        return is_unknown_host(cause);
    }
    return false;
}

bool is_transient(const requests::RequestException& error) {
    if (dynamic_cast<const requests::Timeout*>(&error)) return true;
    if (dynamic_cast<const requests::ChunkedEncodingError*>(&error)) return true;
    if (dynamic_cast<const requests::SSLError*>(&error) ||
        dynamic_cast<const requests::InvalidResponse*>(&error)) {
        return false;
    }
    return dynamic_cast<const requests::ConnectionError*>(&error) && !is_unknown_host(error);
}

class Run {
public:
    Run(requests::Session& session, const std::vector<std::string>& urls, const Options& options);

    std::vector<Result> finish();

private:
    void work();
    void download(std::size_t place);
    std::optional<Failure> attempt(std::size_t place);
    void receive(std::size_t place, const requests::Response& response);
    AtomicFile open(const std::filesystem::path& path);
    // "picture.jpg" rather than "./picture.jpg": people read it.
    std::filesystem::path in_folder(const std::string& name) const {
        return options_.folder == "." ? std::filesystem::path(name) : options_.folder / name;
    }
    void tell(Change change) const {
        if (options_.on_progress) options_.on_progress(change);
    }

    requests::Session& session_;
    const Options& options_;
    requests::Options request_;
    std::vector<Result> results_;
    std::vector<std::size_t> places_;  // of the URLs to be fetched, in order
    internal::NamingOrder naming_;
    std::atomic<std::size_t> next_ = 0;
};

Run::Run(requests::Session& session, const std::vector<std::string>& urls, const Options& options)
    : session_(session), options_(options), request_(options.request), results_(urls.size()) {
    const Clock::time_point now = Clock::now();
    request_.stream = true;
    // The file as it lies on the server: of known length, and not unpacked behind its name's back, not even
    // where the server calls a part of its name a coding (x-gzip for an archive.tar.gz).
    if (!request_.headers.contains("Accept-Encoding")) {
        request_.headers.add("Accept-Encoding", "identity");
        request_.decode = false;
    }
    const std::vector<std::optional<std::size_t>> firsts = first_mentions(urls);
    std::vector<std::string> names;
    for (std::size_t place = 0; place < urls.size(); ++place) {
        results_[place].url = urls[place];
        results_[place].timing = {now, now, now, now, now};
        results_[place].same_as = firsts[place];
        if (firsts[place]) continue;
        places_.push_back(place);
        names.push_back(options.output.empty() ? name_from_url(urls[place]) : options.output.string());
    }
    if (!options.output.empty() && places_.size() > 1) {
        throw Error(fmt::format("cannot write {} URLs to the one file {}: name a folder instead",
                                places_.size(), options.output.string()));
    }
    naming_.reserve(names);
    for (std::size_t turn = 0; turn < places_.size(); ++turn) {
        results_[places_[turn]].path = in_folder(naming_.reserved(turn));
    }
}

std::vector<Result> Run::finish() {
    std::error_code failed;
    std::filesystem::create_directories(options_.folder, failed);
    if (failed) throw_os_error(failed.value(), "cannot make the folder " + options_.folder.string());
    const auto jobs = std::min(places_.size(), static_cast<std::size_t>(std::max(1, options_.jobs)));
    TaskGroup workers;
    for (std::size_t job = 0; job < jobs; ++job) {
        workers.start(ThreadOptions{.name = fmt::format("download-{}", job), .stack_size = worker_stack_size},
                      [this] { work(); });
    }
    workers.wait();
    for (std::size_t place = 0; place < results_.size(); ++place) {
        Result& result = results_[place];
        if (!result.same_as) continue;
        const std::size_t first = *result.same_as;
        result = results_[first];
        result.same_as = first;
        tell({.index = place, .state = result.ok() ? State::done : State::failed, .result = result});
    }
    return std::move(results_);
}

void Run::work() {
    for (std::size_t turn; (turn = next_.fetch_add(1, std::memory_order_relaxed)) < places_.size();) {
        download(turn);
    }
}

void Run::download(std::size_t turn) {
    Result& result = results_[places_[turn]];
    std::chrono::nanoseconds pause = options_.pause;
    for (;;) {
        ++result.attempts;
        const std::optional<Failure> failure = attempt(turn);
        result.timing.end = Clock::now();
        if (!failure) break;
        if (!failure->transient || result.attempts > options_.retries) {
            result.error = failure->error;
            if (result.attempts > 1)
                result.error += fmt::format("; gave up after {} attempts", result.attempts);
            naming_.give_up(turn);
            break;
        }
        sleep(std::max<std::chrono::nanoseconds>(pause, failure->asked_pause));
        pause = std::min<std::chrono::nanoseconds>(2 * pause, longest_pause);
    }
    tell({.index = places_[turn], .state = result.ok() ? State::done : State::failed, .result = result});
}

std::optional<Failure> Run::attempt(std::size_t turn) {
    Result& result = results_[places_[turn]];
    result.status = 0;
    result.bytes = 0;
    Timing& timing = result.timing;
    timing.started = timing.connected = timing.first_byte = Clock::now();
    try {
        tell({.index = places_[turn], .state = State::connecting, .result = result});
        const requests::Response response = session_.get(result.url, request_);
        timing.first_byte = Clock::now();
        timing.connected = std::max(timing.started, timing.first_byte - response.elapsed());
        result.status = response.status_code();
        const bool success = result.status / 100 == 2;
        const std::string why =
            success ? why_no_file(response, request_.headers.contains("Range")) : std::string();
        if (success && why.empty()) {
            receive(turn, response);
            return std::nullopt;
        }
        const std::string place = response.history().empty()
                                      ? public_url(result.url)
                                      : response.url() + ", redirected from " + public_url(result.url);
        return Failure{printable(fmt::format("{}: {} {}{}{}", place, result.status, response.reason(),
                                             why.empty() ? "" : ": ", why)),
                       is_transient(result.status), retry_after(response)};
    } catch (const requests::RequestException& error) {
        const std::string words = options_.explain ? options_.explain(error) : error.what();
        return Failure{printable(words), is_transient(error)};
    } catch (const OSError& error) {
        // Others that end give theirs back.
        const bool is_short = is_out_of_descriptors(error.code());
        const std::string_view advice = is_short ? descriptor_advice : std::string_view();
        return Failure{public_url(result.url) + ": " + printable(error.what()).append(advice), is_short};
    } catch (const std::exception& error) {
        return Failure{public_url(result.url) + ": " + printable(error.what())};
    }
}

// Where no descriptor is left, idle connections are worth less than the file.
AtomicFile Run::open(const std::filesystem::path& path) {
    try {
        return AtomicFile(path);
    } catch (const OSError& error) {
        if (!is_out_of_descriptors(error.code()) || session_.idle_connections() == 0) throw;
    }
    session_.close();
    return AtomicFile(path);
}

void Run::receive(std::size_t turn, const requests::Response& response) {
    const std::size_t place = places_[turn];
    Result& result = results_[place];
    const bool as_sent = !request_.decode || !response.headers().contains("Content-Encoding");
    const auto length = parse_unsigned(response.headers().get("Content-Length", ""));
    tell({.index = place,
          .state = State::running,
          .result = result,
          .total = as_sent ? length : std::nullopt});
    if (options_.content_disposition && options_.output.empty()) {
        naming_.suggest(turn,
                        name_from_content_disposition(response.headers().get("Content-Disposition", "")));
    }
    AtomicFile file = open(in_folder(naming_.reserved(turn)));
    for (const std::string_view piece : response.iter_content()) {
        file.write(piece);
        result.bytes += piece.size();
        if (!piece.empty()) {
            tell({.index = place, .state = State::running, .result = result, .more_bytes = piece.size()});
        }
    }
    if (options_.content_disposition && options_.output.empty()) {
        result.path = in_folder(naming_.final_name(turn));
        file.commit_as(result.path);
    } else {
        file.commit();
    }
}

}  // namespace

std::vector<Result> download_all(const std::vector<std::string>& urls, const Options& options) {
    requests::Session session;
    return download_all(session, urls, options);
}

std::vector<Result> download_all(requests::Session& session, const std::vector<std::string>& urls,
                                 const Options& options) {
    return Run(session, urls, options).finish();
}

std::vector<std::optional<std::size_t>> first_mentions(const std::vector<std::string>& urls) {
    std::unordered_map<std::string_view, std::size_t> seen;
    std::vector<std::optional<std::size_t>> firsts(urls.size());
    for (std::size_t place = 0; place < urls.size(); ++place) {
        const auto [first, fresh] = seen.emplace(urls[place], place);
        if (!fresh) firsts[place] = first->second;
    }
    return firsts;
}

std::vector<WaterfallRow> waterfall_rows(const std::vector<Result>& results) {
    std::vector<WaterfallRow> rows;
    for (const Result& result : results) {
        if (result.same_as) continue;
        rows.push_back({result.path.filename().string(), result.timing, result.bytes, !result.ok()});
    }
    return rows;
}

}  // namespace thrum::fetch
