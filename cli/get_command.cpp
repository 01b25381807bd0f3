// thrum/cli/get_command.cpp: front door, cli
#include <thrum/base.hpp>
#include <thrum/cli/arguments.hpp>
#include <thrum/cli/command_line.hpp>
#include <thrum/cli/get_command.hpp>
#include <thrum/cli/signals.hpp>
#include <thrum/fetch.hpp>

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace thrum::cli {

namespace {

constexpr int most_jobs = 10'000;
constexpr int most_retries = 100;

constexpr const char* examples = R"(Examples:
  thrum get https://example.org/picture.jpg            into this folder
  thrum get -d pictures URL URL URL                    at once, into pictures/
  thrum get -o logo.png https://example.org/logo?id=3  under a name of your own
  thrum get -j 64 -i list.txt                          64 at once, one URL per line of the list
  thrum get --waterfall times.svg -i - < list.txt      and a picture of where the time went

A file appears under its name when it is whole; until then it is NAME.part. Files of one name are numbered.
Exit status: 0 all done, 1 some failed (each told on standard error), 2 wrong usage, 130 stopped by Ctrl-C.)";

struct GetArguments {
    std::vector<std::string> urls;
    std::vector<std::string> lists;
    std::string folder = ".";
    std::string output;
    std::vector<std::string> waterfalls;
    std::string ca;
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
                           .jobs = arguments.jobs,
                           .retries = arguments.retries,
                           .content_disposition = arguments.content_disposition};
    if (arguments.insecure) options.request.verify = false;
    options.request.ca = arguments.ca;
    return options;
}

std::string summary(const std::vector<fetch::Result>& results, std::chrono::nanoseconds took) {
    std::size_t done = 0;
    std::uint64_t bytes = 0;
    for (const fetch::Result& result : results) {
        if (!result.ok()) continue;
        ++done;
        if (!result.same_as) bytes += result.bytes;
    }
    const double seconds = std::max(1e-9, std::chrono::duration<double>(took).count());
    const std::string whole = results.size() == 1 ? "1 file" : fmt::format("{} files", results.size());
    return fmt::format("{}{}, {} in {} ({})\n",
                       done == results.size() ? whole : fmt::format("{} of {}", done, whole),
                       done == results.size() ? "" : fmt::format(", {} failed", results.size() - done),
                       fetch::format_bytes(bytes), fetch::format_elapsed(took),
                       fetch::format_rate(static_cast<double>(bytes) / seconds));
}

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
    std::fputs(fetch::draw_waterfall(rows, style).c_str(), stdout);
}

int get(const GetArguments& arguments) {
    const std::vector<std::string> urls = all_urls(arguments);
    if (urls.empty()) throw CLI::ValidationError("no URL given");
    if (!arguments.output.empty() &&
        std::adjacent_find(urls.begin(), urls.end(), std::not_equal_to<>()) != urls.end()) {
        throw CLI::ValidationError("-o takes one URL, since it names one file; use -d for several");
    }
    if (arguments.output == "-") throw CLI::ValidationError("-o - is not supported; name a file");
    // A reader of ours that goes away ends its own output, not the downloads.
    std::signal(SIGPIPE, SIG_IGN);
    fetch::ReporterOptions reporting = fetch::default_reporter_options();
    if (arguments.quiet) reporting.bars = reporting.lines = false;
    const auto start = fetch::Clock::now();
    std::vector<fetch::Result> results;
    const int caught = run_until_signal([&] {
        fetch::Reporter reporter(urls.size(), reporting);
        fetch::Options options = to_options(arguments);
        options.on_progress = [&](const fetch::Change& change) { reporter.add(change); };
        results = fetch::download_all(urls, options);
    });
    if (caught != 0) {
        std::fprintf(stderr, "thrum get: stopped\n");
        return exit_status_of_signal(caught);
    }
    for (const std::string& target : arguments.waterfalls)
        write_waterfall(target, results, reporting.unicode);
    if (!arguments.quiet) {
        std::fputs(summary(results, fetch::Clock::now() - start).c_str(), reporting.lines ? stdout : stderr);
    }
    const bool all_done =
        std::all_of(results.begin(), results.end(), [](const auto& result) { return result.ok(); });
    return all_done ? exit_done : exit_failed;
}

}  // namespace

void add_get_command(CLI::App& app, int& status) {
    CLI::App* const command = app.add_subcommand("get", "Fetch URLs into files, many at once");
    // Options are bound to members, so these live as long as the command.
    const auto arguments = std::make_shared<GetArguments>();
    command->add_option("URL", arguments->urls, "What to fetch");
    command
        ->add_option("-d,--directory", arguments->folder,
                     "The folder to write to; made where it is not there")
        ->type_name("DIR");
    command->add_option("-o,--output", arguments->output, "The name of the file, for one URL")
        ->type_name("FILE");
    command
        ->add_option("-j,--jobs", arguments->jobs, fmt::format("How many at once ({})", fetch::default_jobs))
        ->type_name("N")
        ->check(CLI::Range(1, most_jobs));
    command
        ->add_option("-i,--input", arguments->lists,
                     "A file of URLs, one per line, # comments; - is standard input")
        ->type_name("LIST")
        ->allow_extra_args(false);
    command
        ->add_option(
            "--retries", arguments->retries,
            fmt::format("How often a failure that may pass is tried again ({})", fetch::default_retries))
        ->type_name("N")
        ->check(CLI::Range(0, most_retries));
    command
        ->add_option("--waterfall", arguments->waterfalls,
                     "Draw where the time went: as SVG to a file, or in characters to -")
        ->type_name("FILE.svg")
        ->allow_extra_args(false);
    command->add_flag("--content-disposition", arguments->content_disposition, "Let servers name the files");
    command
        ->add_option("--cacert", arguments->ca,
                     "Trust the authorities of this PEM file instead of the system's")
        ->type_name("FILE")
        ->check(CLI::ExistingPath);
    command->add_flag("--insecure", arguments->insecure,
                      "Trust every certificate: anyone may read and change the files");
    command->add_flag("-q,--quiet", arguments->quiet, "Tell of failures only");
    command->footer(examples);
    command->callback([arguments, &status] { status = get(*arguments); });
}

}  // namespace thrum::cli
