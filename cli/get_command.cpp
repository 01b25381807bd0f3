// thrum/cli/get_command.cpp: front door, cli
#include <thrum/base.hpp>
#include <thrum/cli/arguments.hpp>
#include <thrum/cli/command_line.hpp>
#include <thrum/cli/descriptor_limit.hpp>
#include <thrum/cli/get_command.hpp>
#include <thrum/cli/output.hpp>
#include <thrum/cli/signals.hpp>
#include <thrum/fetch.hpp>
#include <thrum/sockets/tls.hpp>

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace thrum::cli {

namespace {

constexpr int most_jobs = 10'000;
constexpr int most_retries = 100;
// A download under way has a connection and a file.
constexpr std::size_t descriptors_per_job = 2;
// The runtime, the terminal, look-ups of names, certificates.
constexpr std::size_t descriptors_besides = 40;

constexpr const char* examples = R"(Examples:
  thrum get https://example.org/picture.jpg            into this folder
  thrum get -d pictures URL URL URL                    at once, into pictures/
  thrum get -o logo.png https://example.org/logo?id=3  under a name of your own
  thrum get -j 64 -i list.txt                          64 at once, one URL per line of the list
  thrum get --waterfall times.svg -i - < list.txt      and a picture of where the time went

A file appears under its name when it is whole; until then it is NAME.part. Files of one name are numbered.
In a LIST, a line that begins with # is a comment; a # later in a line is part of the URL, its fragment.
Proxies are not used yet: http_proxy and its kin are ignored, and connections go straight to the servers.
Exit status: 0 all done, 1 some failed (each told on standard error), 2 wrong usage, 130 stopped by Ctrl-C.)";

struct GetArguments {
    std::vector<std::string> urls;
    std::vector<std::string> lists;
    std::string folder = ".";
    std::string output;
    std::vector<std::string> waterfalls;
    std::string ca;
    std::string timeout;
    int jobs = fetch::default_jobs;
    int retries = fetch::default_retries;
    bool quiet = false;
    bool insecure = false;
    bool content_disposition = false;
};

std::vector<std::string> all_urls(const GetArguments& arguments) {
    std::vector<std::string> urls = arguments.urls;
    for (const std::string& list : arguments.lists) {
        const std::string text = list == "-" ? read_standard_input() : read_file(list);
        for (std::string& url : parse_url_list(text)) urls.push_back(std::move(url));
    }
    return urls;
}

fetch::Options to_options(const GetArguments& arguments) {
    fetch::Options options{.folder = arguments.folder,
                           .output = arguments.output,
                           .retries = arguments.retries,
                           .content_disposition = arguments.content_disposition};
    if (arguments.insecure) options.request.verify = false;
    options.request.ca = arguments.ca;
    if (!arguments.timeout.empty()) {
        const auto timeout = parse_duration(arguments.timeout);
        if (!timeout || timeout->count() == 0)
            throw CLI::ValidationError("--timeout: " + arguments.timeout +
                                       " is no time above 0, such as 30, 1.5s or 2m");
        options.request.timeout = *timeout;
    }
    return options;
}

std::string seconds_of(std::chrono::nanoseconds duration) {
    return fmt::format("{:g} s", std::chrono::duration<double>(duration).count());
}

std::string count_of_files(std::size_t count) {
    return count == 1 ? "1 file" : fmt::format("{} files", count);
}

// The words of the command's own options, where the library's message names its own.
std::string explain(const requests::RequestException& error) {
    std::string what = error.what();
    if (dynamic_cast<const requests::ReadTimeout*>(&error) != nullptr) {
        return what.substr(0, what.find("; raise it")) + "; --timeout SECONDS waits longer";
    }
    try {
        std::rethrow_if_nested(error);
    } catch (const TLSError& cause) {
        const std::size_t at = what.find(cause.reason());
        if (!cause.is_untrusted() || at == std::string::npos) return what;
        return what.substr(0, at + cause.reason().size()) +
               "; if you trust it, give its certificate with --cacert FILE; for public sites install "
               "ca-certificates";
    } catch (const std::exception&) {
        // The message says it all.
    }
    return what;
}

// What has happened so far, counted by all downloads at once: all there is to tell where they are stopped.
class Tally {
public:
    explicit Tally(std::size_t count) : count_(count) {}

    void add(const fetch::Change& change) {
        if (change.state == fetch::State::connecting && change.result.attempts == 1) ++begun_;
        if (change.state == fetch::State::failed) ++failed_;
        if (change.state == fetch::State::done) {
            ++done_;
            bytes_ += change.result.bytes;
        }
    }

    std::string summary(std::chrono::nanoseconds took) const {
        const double seconds = std::max(1e-9, std::chrono::duration<double>(took).count());
        return fmt::format("{}{}, {} in {} ({})\n", share(),
                           failed_ == 0 ? "" : fmt::format(", {} failed", failed_.load()),
                           fetch::format_bytes(bytes_), fetch::format_elapsed(took),
                           fetch::format_rate(static_cast<double>(bytes_) / seconds));
    }

    std::string stopped() const {
        std::string text =
            fmt::format("stopped: {} done and kept ({})", share_of_all(), fetch::format_bytes(bytes_));
        const std::size_t under_way = begun_ - done_ - failed_;
        if (failed_ > 0) text += fmt::format(", {} failed", failed_.load());
        if (under_way > 0) text += fmt::format(", {} under way given up, no .part left", under_way);
        if (begun_ < count_) text += fmt::format(", {} not begun", count_ - begun_);
        return text;
    }

private:
    std::string share_of_all() const { return fmt::format("{} of {}", done_.load(), count_of_files(count_)); }
    std::string share() const { return done_ == count_ ? count_of_files(count_) : share_of_all(); }

    std::size_t count_;
    std::atomic<std::size_t> begun_ = 0;
    std::atomic<std::size_t> done_ = 0;
    std::atomic<std::size_t> failed_ = 0;
    std::atomic<std::uint64_t> bytes_ = 0;
};

// "-" is drawn in characters on standard output, anything else is an SVG file.
void write_waterfall(const std::string& target, const std::vector<fetch::Result>& results, bool unicode) {
    const std::vector<fetch::WaterfallRow> rows = fetch::waterfall_rows(results);
    if (target != "-") {
        write_file(target, fetch::waterfall_svg(rows, fmt::format("thrum get: {} files", rows.size())));
        return;
    }
    fetch::WaterfallStyle style{.unicode = unicode};
    struct winsize size {};
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) style.columns = size.ws_col - 1U;
    style.color = ::isatty(STDOUT_FILENO) == 1 && fetch::default_reporter_options().color;
    write_output(fetch::draw_waterfall(rows, style));
}

// Those that are files, with what went wrong told on standard error. Returns whether nothing did.
bool write_waterfall_files(const GetArguments& arguments, const std::vector<fetch::Result>& results) {
    bool all = true;
    for (const std::string& target : arguments.waterfalls) {
        if (target == "-") continue;
        try {
            write_waterfall(target, results, true);
        } catch (const OSError& error) {
            std::fprintf(stderr, "thrum get: the waterfall is missing: %s\n",
                         fetch::printable(error.what()).c_str());
            all = false;
        }
    }
    return all;
}

// URLs that were given several times are fetched once, and that is said in one line.
void tell_duplicates(const std::vector<std::string>& repeated, std::size_t extra) {
    if (repeated.empty()) return;
    const std::string which =
        repeated.size() == 1
            ? fetch::printable(requests::masked_url(repeated[0])) + " was given " +
                  (extra == 1 ? "twice" : fmt::format("{} times", extra + 1)) + " and is fetched once"
            : fmt::format("{} URLs were given more than once; each is fetched once", repeated.size());
    std::fprintf(stderr, "thrum get: %s\n", which.c_str());
}

// What is to be done, each URL once.
std::vector<std::string> wanted_urls(const GetArguments& arguments) {
    std::vector<std::string> urls = all_urls(arguments);
    const std::size_t given = urls.size();
    const std::vector<std::string> repeated = take_duplicates(urls);
    if (urls.empty()) {
        throw CLI::ValidationError(arguments.lists.empty() ? "no URL given" : "no URL in the list");
    }
    std::error_code ignored;
    const std::filesystem::path file = std::filesystem::path(arguments.folder) / arguments.output;
    if (!arguments.output.empty() && std::filesystem::is_directory(file, ignored)) {
        const std::string where = arguments.folder == "." ? arguments.output : file.string();
        throw CLI::ValidationError("-o " + arguments.output + ": " + where +
                                   " is a folder; use -d to write into it");
    }
    if (!arguments.output.empty() && urls.size() > 1) {
        throw CLI::ValidationError("-o takes one URL, since it names one file; use -d for several");
    }
    if (arguments.output == "-") throw CLI::ValidationError("-o - is not supported; name a file");
    if (!arguments.quiet) tell_duplicates(repeated, given - urls.size());
    return urls;
}

// No more at once than can have their descriptors, beside the share of idle connections; told where it is
// less than was asked for and wanted.
int possible_jobs(const GetArguments& arguments, std::size_t urls) {
    const std::size_t limit = descriptor_limit();
    const std::size_t others = std::min(limit, descriptors_besides + limit / requests::idle_share);
    const std::size_t most = std::max<std::size_t>(1, (limit - others) / descriptors_per_job);
    const auto asked = static_cast<std::size_t>(arguments.jobs);
    if (asked <= most) return arguments.jobs;
    if (urls > most && !arguments.quiet) {
        std::fprintf(
            stderr,
            "thrum get: %zu at once and not %zu, for only %zu files may be open (ulimit -n), and each "
            "needs two\n",
            most, asked, limit);
    }
    return static_cast<int>(most);
}

// What was left to be told once all downloads have ended.
int conclude(const GetArguments& arguments, const fetch::ReporterOptions& reporting,
             const std::vector<fetch::Result>& results, const std::string& summary, int output_error) {
    const bool all_done =
        std::all_of(results.begin(), results.end(), [](const auto& result) { return result.ok(); });
    int status = all_done ? exit_done : exit_failed;
    // The summary comes before whatever may fail beside it.
    try {
        if (output_error != 0) throw OutputError(output_error);
        if (std::count(arguments.waterfalls.begin(), arguments.waterfalls.end(), "-") > 0) {
            write_waterfall("-", results, reporting.unicode);
        }
        if (!arguments.quiet && reporting.lines) write_output(summary);
    } catch (const OutputError& error) {
        write_waterfall_files(arguments, results);
        if (status != exit_done && error.code() == EPIPE) return status;
        throw;
    }
    if (!arguments.quiet && !reporting.lines) std::fputs(summary.c_str(), stderr);
    return write_waterfall_files(arguments, results) ? status : exit_failed;
}

int get(const GetArguments& arguments) {
    const std::vector<std::string> urls = wanted_urls(arguments);
    const int jobs = possible_jobs(arguments, urls.size());
    // A reader of ours that goes away ends its own output, not the downloads.
    std::signal(SIGPIPE, SIG_IGN);
    fetch::ReporterOptions reporting = fetch::default_reporter_options();
    if (arguments.quiet) reporting.bars = reporting.lines = false;
    const auto start = fetch::Clock::now();
    std::vector<fetch::Result> results;
    Tally tally(urls.size());
    int output_error = 0;
    fetch::Options options = to_options(arguments);
    const int caught = run_until_signal(
        [&] {
            fetch::Reporter reporter(urls.size(), reporting);
            options.jobs = jobs;
            options.explain = explain;
            options.on_progress = [&](const fetch::Change& change) {
                tally.add(change);
                reporter.add(change);
            };
            results = fetch::download_all(urls, options);
            reporter.finish();
            output_error = reporter.output_error();
        },
        "thrum get: ended at once; what was under way may be left as NAME.part");
    if (caught != 0) {
        std::fprintf(stderr, "thrum get: %s\n", tally.stopped().c_str());
        return exit_status_of_signal(caught);
    }
    return conclude(arguments, reporting, results, tally.summary(fetch::Clock::now() - start), output_error);
}

}  // namespace

void add_get_command(CLI::App& app, int& status) {
    CLI::App* const command = app.add_subcommand("get", "Fetch URLs into files, many at once");
    // Options are bound to members, so these live as long as the command.
    const auto arguments = std::make_shared<GetArguments>();
    command->add_option("URL", arguments->urls, "What to fetch")
        ->type_name("")
        ->check(not_empty("URL", "give one such as https://example.org/picture.jpg"));
    command
        ->add_option("-d,--directory", arguments->folder,
                     "The folder to write to; made where it is not there")
        ->type_name("DIR")
        ->check(not_empty("folder's name", "leave -d away for this folder"));
    command->add_option("-o,--output", arguments->output, "The name of the file, for one URL")
        ->type_name("FILE")
        ->check(not_empty("file's name", "leave -o away for the URL's own"));
    command
        ->add_option("-j,--jobs", arguments->jobs, fmt::format("How many at once ({})", fetch::default_jobs))
        ->type_name("N")
        ->check(CLI::Range(1, most_jobs).description(""));
    command
        ->add_option("-i,--input", arguments->lists,
                     "A file of URLs, one per line (# comments, see below); - is standard input")
        ->type_name("LIST")
        ->check(not_empty("list's name", "name a file, or - for standard input"))
        ->allow_extra_args(false);
    command
        ->add_option(
            "--retries", arguments->retries,
            fmt::format("How often a failure that may pass is tried again ({})", fetch::default_retries))
        ->type_name("N")
        ->check(CLI::Range(0, most_retries).description(""));
    command
        ->add_option("--waterfall", arguments->waterfalls,
                     "Draw where the time went: as SVG to a file, or in characters to -")
        ->type_name("FILE.svg")
        ->check(not_empty("file's name", "name a file, or - for the terminal"))
        ->allow_extra_args(false);
    command
        ->add_option("--timeout", arguments->timeout,
                     fmt::format("How long to wait for a connection ({}), and each time for bytes ({})",
                                 seconds_of(requests::default_connect_timeout),
                                 seconds_of(requests::default_read_timeout)))
        ->type_name("SECONDS")
        ->check(not_empty("time", "give one such as 30, 1.5s or 2m"));
    command->add_flag("--content-disposition", arguments->content_disposition, "Let servers name the files");
    add_trust_options(*command, arguments->ca, arguments->insecure, "read and change the files");
    command->add_flag("-q,--quiet", arguments->quiet, "Tell of failures only");
    command->footer(examples);
    command->callback([arguments, &status] { status = get(*arguments); });
}

}  // namespace thrum::cli
