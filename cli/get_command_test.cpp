// thrum/cli/get_command_test.cpp: front door, cli
// Promise: `thrum get` as people meet it: what it writes to standard output and standard error, its exit
// status, and what lies on the disk afterwards.
#include <thrum/base/file.hpp>
#include <thrum/cli/command_fixture.hpp>
#include <thrum/cli/command_line.hpp>
#include <thrum/testing/peers.hpp>
#include <thrum/testing/raw_server.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <regex>
#include <set>
#include <string>
#include <vector>

namespace thrum::cli {
namespace {

using testing::CommandResult;
using testing::files_in;
using testing::Process;
using testing::RawConnection;
using testing::RawServer;
using testing::TemporaryDirectory;

// Runs `thrum` in `folder`, away from any terminal.
CommandResult thrum_in(const TemporaryDirectory& folder, std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), thrum_command);
    return testing::run(arguments, {.folder = folder.path(), .environment = {{"LC_ALL", "C"}}});
}

// `text` with times and rates, which differ from run to run, as T and R.
std::string timeless(std::string text) {
    text = std::regex_replace(text, std::regex("[0-9.]+ [KMG]?i?B/s"), "R");
    return std::regex_replace(text, std::regex("[0-9]+\\.[0-9]+ s"), "T");
}

std::string in_lines_sorted(const std::string& text) {
    std::set<std::string> lines;
    for (std::size_t at = 0; at < text.size();) {
        const auto end = std::min(text.find('\n', at), text.size() - 1);
        lines.insert(text.substr(at, end + 1 - at));
        at = end + 1;
    }
    std::string sorted;
    for (const std::string& line : lines) sorted += line;
    return sorted;
}

// Answers /missing with 404, /stall with half a body and silence, anything else with its path.
class Site : public RawServer {
public:
    Site()
        : RawServer([](RawConnection& connection, int) {
              for (std::string request; !(request = connection.read_request()).empty();) {
                  const std::string path = request.substr(4, request.find(' ', 4) - 4);
                  if (path == "/missing") {
                      connection.send("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
                  } else if (path == "/stall") {
                      connection.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nbegun");
                      connection.wait_for_close();
                  } else {
                      connection.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(path.size()) +
                                      "\r\n\r\n" + path);
                  }
              }
          }) {}
};

TEST(GetCommand, TellsEachFileAndTheWhole) {
    Site site;
    TemporaryDirectory folder;
    const CommandResult result =
        thrum_in(folder, {"get", "-d", "got", site.url() + "/a.txt", site.url() + "/b.txt"});
    EXPECT_EQ(in_lines_sorted(timeless(result.output)),
              "2 files, 12 B in T (R)\nsaved got/a.txt: 6 B in T\nsaved got/b.txt: 6 B in T\n");
    EXPECT_EQ(result.error_output, "");
    EXPECT_EQ(result.status, exit_done);
    EXPECT_EQ(read_file(folder / "got/a.txt"), "/a.txt");
    EXPECT_EQ(read_file(folder / "got/b.txt"), "/b.txt");
}

TEST(GetCommand, FailuresAreNamedAndTheOthersComplete) {
    Site site;
    TemporaryDirectory folder;
    const std::string refused = "http://127.0.0.1:" + std::to_string(testing::free_port()) + "/x";
    const CommandResult result = thrum_in(folder, {"get", "--retries", "0", site.url() + "/missing",
                                                   site.url() + "/good.txt", refused, "not-a-url"});
    EXPECT_EQ(timeless(result.output), "saved good.txt: 9 B in T\n1 of 4 files, 3 failed, 9 B in T (R)\n");
    EXPECT_NE(result.error_output.find("thrum get: " + site.url() + "/missing: 404 Not Found\n"),
              std::string::npos);
    EXPECT_NE(result.error_output.find(refused + ": cannot connect"), std::string::npos)
        << result.error_output;
    EXPECT_NE(result.error_output.find("\"not-a-url\" has no scheme"), std::string::npos)
        << result.error_output;
    EXPECT_EQ(std::count(result.error_output.begin(), result.error_output.end(), '\n'), 3);
    EXPECT_EQ(result.status, exit_failed);
    EXPECT_EQ(files_in(folder.path()), std::set<std::string>{"good.txt"});
}

const struct {
    std::vector<std::string> arguments;
    const char* error;
    int status;
} wrong_usages[] = {
    {{"get"}, "thrum get: no URL given (see thrum get --help)\n", exit_usage},
    {{"get", "-o", "a", "http://h/1", "http://h/2"},
     "thrum get: -o takes one URL, since it names one file; use -d for several (see thrum get --help)\n",
     exit_usage},
    {{"get", "-j", "0", "http://h/"},
     "thrum get: --jobs: Value 0 not in range 1 to 10000 (see thrum get --help)\n",
     exit_usage},
    {{"get", "--wat", "http://h/"},
     "thrum get: The following argument was not expected: --wat (see thrum get --help)\n",
     exit_usage},
    {{"--wat"}, "thrum: The following argument was not expected: --wat (see thrum --help)\n", exit_usage},
    {{"get", "-o", "", "http://h/"},
     "thrum get: --output: the file's name is empty; leave -o away for the URL's own (see thrum get "
     "--help)\n",
     exit_usage},
    {{"get", "-d", "", "http://h/"},
     "thrum get: --directory: the folder's name is empty; leave -d away for this folder (see thrum get "
     "--help)\n",
     exit_usage},
    {{"get", "-i", ""},
     "thrum get: --input: the list's name is empty; name a file, or - for standard input (see thrum get "
     "--help)\n",
     exit_usage},
    {{"get", "--waterfall", "", "http://h/"},
     "thrum get: --waterfall: the file's name is empty; name a file, or - for the terminal (see thrum "
     "get "
     "--help)\n",
     exit_usage},
    {{"get", "http://h/", ""},
     "thrum get: URL: the URL is empty; give one such as https://example.org/picture.jpg (see thrum get "
     "--help)\n",
     exit_usage},
    {{"get", "-i", "/dev/null"}, "thrum get: no URL in the list (see thrum get --help)\n", exit_usage},
    {{"get", "--timeout", "0", "http://h/"},
     "thrum get: --timeout: 0 is no time above 0, such as 30, 1.5s or 2m (see thrum get --help)\n",
     exit_usage},
    {{"get", "--timeout", "soon", "http://h/"},
     "thrum get: --timeout: soon is no time above 0, such as 30, 1.5s or 2m (see thrum get --help)\n",
     exit_usage},
    {{"get", "-o", ".", "http://h/"},
     "thrum get: -o .: . is a folder; use -d to write into it (see thrum get --help)\n",
     exit_usage},
    {{"get", "-d", "got", "-o", "taken", "http://h/"},
     "thrum get: -o taken: got/taken is a folder; use -d to write into it (see thrum get --help)\n",
     exit_usage},
    {{"get", "-q", "--retries", "0", "-d", "got", "-o", "free", "http://127.0.0.1:1/"},
     "thrum get: GET http://127.0.0.1:1/: cannot connect to 127.0.0.1:1: Connection refused\n",
     exit_failed},
    {{"get", "-q", "//h/y"},
     "thrum get: \"//h/y\" has no scheme; did you mean \"https://h/y\"?\n",
     exit_failed},
    {{"get", "-q", "ftp://h/y"},
     "thrum get: \"ftp://h/y\" is neither http nor https, the two that thrum speaks\n",
     exit_failed},
    {{"get", "-i", "no-such-list"},
     "thrum get: cannot read no-such-list: No such file or directory\n",
     exit_failed},
    {{"get", "-d", "/proc/nowhere", "http://h/"},
     "thrum get: cannot make the folder /proc/nowhere: No such file or directory\n",
     exit_failed},
};

TEST(GetCommand, WrongUsageIsOneLineAndStatusTwo) {
    TemporaryDirectory folder;
    // "free" is a folder here, and a name that is free in got/.
    std::filesystem::create_directories(folder / "got/taken");
    std::filesystem::create_directory(folder / "free");
    for (const auto& one : wrong_usages) {
        const CommandResult result = thrum_in(folder, one.arguments);
        EXPECT_EQ(result.error_output, one.error);
        EXPECT_EQ(result.output, "");
        EXPECT_EQ(result.status, one.status) << one.error;
    }
}

// A server that stands still is waited for as long as --timeout says; the message names that option.
TEST(GetCommand, AStandstillEndsWithTheTimeout) {
    Site site;
    TemporaryDirectory folder;
    const CommandResult result =
        thrum_in(folder, {"get", "-q", "--retries", "0", "--timeout", "1.5s", site.url() + "/stall"});
    EXPECT_EQ(result.error_output, "thrum get: GET " + site.url() +
                                       "/stall: no bytes came for 1.5 s, the read timeout; --timeout SECONDS "
                                       "waits longer\n");
    EXPECT_EQ(result.status, exit_failed);
    EXPECT_EQ(files_in(folder.path()), std::set<std::string>{});
}

// No command, or one that is not there, is told with those that are, and is no success.
TEST(GetCommand, ACommandIsNeeded) {
    TemporaryDirectory folder;
    const CommandResult none = thrum_in(folder, {});
    EXPECT_EQ(none.status, exit_usage);
    EXPECT_EQ(none.output, "");
    EXPECT_EQ(none.error_output, thrum_in(folder, {"--help"}).output);
    const CommandResult mistyped = thrum_in(folder, {"gte", "http://h/"});
    EXPECT_EQ(mistyped.status, exit_usage);
    EXPECT_TRUE(std::regex_match(
        mistyped.error_output,
        std::regex(
            "thrum: there is no command gte; there are get, serve, (\\w+, )*\\w+ and \\w+ \\(see thrum "
            "--help\\)\n|thrum: there is no command gte; there are get, serve and venv \\(see thrum "
            "--help\\)\n")))
        << mistyped.error_output;
}

TEST(GetCommand, HelpTeachesByExamples) {
    TemporaryDirectory folder;
    for (const std::vector<std::string>& arguments :
         {std::vector<std::string>{"--help"}, {"get", "--help"}}) {
        const CommandResult result = thrum_in(folder, arguments);
        EXPECT_EQ(result.status, exit_done);
        EXPECT_NE(result.output.find("Examples:\n  thrum get "), std::string::npos) << result.output;
        EXPECT_EQ(result.error_output, "");
        for (std::size_t at = 0; at < result.output.size();) {
            const auto end = result.output.find('\n', at);
            EXPECT_LE(end - at, 120U) << result.output.substr(at, end - at);
            at = end + 1;
        }
    }
    const std::string help = thrum_in(folder, {"get", "--help"}).output;
    for (const char* part : {"a line that begins with # is a comment", "http_proxy and its kin are ignored"})
        EXPECT_NE(help.find(part), help.npos) << help;
    EXPECT_TRUE(std::regex_match(thrum_in(folder, {"--version"}).output,
                                 std::regex("thrum [0-9]+\\.[0-9]+\\.[0-9]+\n")));
}

TEST(GetCommand, ListsComeFromFilesAndStandardInput) {
    Site site;
    TemporaryDirectory folder;
    write_file(folder / "list", "# pictures\n" + site.url() + "/1\n\n  " + site.url() + "/2\r\n");
    const CommandResult result = testing::run(
        {"/bin/sh", "-c", "echo \"$1/3\" | \"$0\" get -q -i list -i - \"$1/4\"", thrum_command, site.url()},
        {.folder = folder.path()});
    EXPECT_EQ(result.output, "");
    EXPECT_EQ(result.error_output, "");
    EXPECT_EQ(result.status, exit_done);
    EXPECT_EQ(files_in(folder.path()), (std::set<std::string>{"list", "1", "2", "3", "4"}));
}

TEST(GetCommand, AFileCanBeNamedAndAWaterfallDrawn) {
    Site site;
    TemporaryDirectory folder;
    const CommandResult result =
        thrum_in(folder, {"get", "-o", "named.txt", "--waterfall", "times.svg", "--waterfall", "-",
                          site.url() + "/..%2f..%2fetc%2fpasswd"});
    EXPECT_EQ(result.status, exit_done) << result.error_output;
    EXPECT_EQ(files_in(folder.path()), (std::set<std::string>{"named.txt", "times.svg"}));
    EXPECT_TRUE(read_file(folder / "times.svg").starts_with("<svg "));
    EXPECT_NE(result.output.find(".. queued  -- connecting  == waiting  ## receiving\n"), std::string::npos)
        << result.output;
    const CommandResult unwritable =
        thrum_in(folder, {"get", "-q", "--waterfall", "no/times.svg", site.url() + "/a"});
    EXPECT_EQ(
        unwritable.error_output,
        "thrum get: the waterfall is missing: cannot write no/times.svg.part: No such file or directory\n");
    EXPECT_EQ(unwritable.status, exit_failed);
    // It costs neither the files nor the summary, nor the other waterfalls.
    const CommandResult told = thrum_in(
        folder, {"get", "--waterfall", "no/times.svg", "--waterfall", "more.svg", site.url() + "/b"});
    EXPECT_EQ(timeless(told.output), "saved b: 2 B in T\n1 file, 2 B in T (R)\n");
    EXPECT_EQ(told.error_output, unwritable.error_output);
    EXPECT_EQ(told.status, exit_failed);
    EXPECT_TRUE(std::filesystem::exists(folder / "more.svg"));
}

TEST(GetCommand, ASignalStopsItTidily) {
    Site site;
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
        TemporaryDirectory folder;
        testing::ProcessOptions options{.output = folder / "output", .error_output = folder / "errors"};
        options.folder = folder.path();
        Process get({thrum_command, "get", "-d", "got", "-j", "1", site.url() + "/whole.txt",
                     site.url() + "/stall", site.url() + "/later"},
                    options);
        // Under way is what has its part, whole what has its name.
        while (!std::filesystem::exists(folder / "got/stall.part") ||
               !std::filesystem::exists(folder / "got/whole.txt")) {
            ASSERT_TRUE(get.running()) << read_file(folder / "errors");
        }
        get.signal(number);
        EXPECT_EQ(get.wait(), 128 + number);
        EXPECT_EQ(
            read_file(folder / "errors"),
            "thrum get: stopped: 1 of 3 files done and kept (10 B), 1 under way given up, no .part left, 1 "
            "not begun\n");
        EXPECT_EQ(files_in(folder / "got"), std::set<std::string>{"whole.txt"});
    }
}

// What nohup and shells in the background do: a signal that was ignored at the start stops nothing.
TEST(GetCommand, SignalsIgnoredAtTheStartStayIgnored) {
    std::atomic<bool> go_on = false;
    RawServer server([&](RawConnection& connection, int) {
        connection.read_request();
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nbe");
        go_on.wait(false);
        connection.send("gun");
    });
    TemporaryDirectory folder;
    testing::ProcessOptions options{.output = folder / "output"};
    options.folder = folder.path();
    Process get({"/bin/sh", "-c", "trap '' HUP INT TERM; exec \"$0\" get -q \"$1\"", thrum_command,
                 server.url() + "/held"},
                options);
    while (get.running() && !std::filesystem::exists(folder / "held.part")) {
    }
    for (const int number : {SIGHUP, SIGINT, SIGTERM}) get.signal(number);
    go_on = true;
    go_on.notify_all();
    EXPECT_EQ(get.wait(), exit_done);
    EXPECT_EQ(read_file(folder / "output"), "");
    EXPECT_EQ(read_file(folder / "held"), "begun");
}

// Runs `script` in sh, with the command as $0 and `url` as $1.
CommandResult in_shell(const TemporaryDirectory& folder, const std::string& script, const std::string& url) {
    return testing::run({"/bin/sh", "-c", script, thrum_command, url}, {.folder = folder.path()});
}

// Standard output that takes no more costs the exit status and is told, but no file.
TEST(GetCommand, AFullStandardOutputIsTold) {
    Site site;
    struct Case {
        const char* script;
        const char* error;
    };
    const Case cases[] = {
        {"\"$0\" get \"$1/a\" >/dev/full",
         "thrum get: cannot write standard output: No space left on device\n"},
        {"\"$0\" get \"$1/a\" >&-", "thrum get: cannot write standard output: Bad file descriptor\n"},
        {"\"$0\" get -q --waterfall - \"$1/a\" >/dev/full",
         "thrum get: cannot write standard output: No space left on device\n"},
        {"\"$0\" get --help >/dev/full",
         "thrum get: cannot write standard output: No space left on device\n"},
        {"\"$0\" --version >/dev/full", "thrum: cannot write standard output: No space left on device\n"},
        {"\"$0\" serve --bind :0 >/dev/full",
         "thrum serve: cannot write standard output: No space left on device\n"},
        {"\"$0\" venv -p /usr/bin/python3 >/dev/full",
         "thrum venv: cannot write standard output: No space left on device\n"},
    };
    for (const Case& one : cases) {
        TemporaryDirectory folder;
        const CommandResult result = in_shell(folder, one.script, site.url());
        EXPECT_EQ(result.error_output, one.error) << one.script;
        EXPECT_EQ(result.status, exit_failed) << one.script;
        const bool gets = std::string(one.script).find("$1/a") != std::string::npos;
        EXPECT_EQ(std::filesystem::exists(folder / "a"), gets) << one.script;
    }
}

// A reader that went away is told nothing; the files are there, and the status is that of SIGPIPE.
TEST(GetCommand, AReaderThatWentAwayEndsItQuietly) {
    Site site;
    // A pipe that nobody reads, as descriptor 4.
    const std::string orphan = "mkfifo p; exec 3<>p 4>p 3>&-; ";
    for (const char* script :
         {"\"$0\" get \"$1/a\" >&4", "trap '' PIPE; \"$0\" get --help >&4; s=$?; touch a; exit $s",
          "\"$0\" --help >&4; s=$?; touch a; exit $s"}) {
        TemporaryDirectory folder;
        const CommandResult result = in_shell(folder, orphan + script, site.url());
        EXPECT_EQ(result.status, exit_reader_gone) << script;
        EXPECT_EQ(result.error_output, "") << script;
        EXPECT_TRUE(std::filesystem::exists(folder / "a")) << script;
    }
    TemporaryDirectory folder;
    const CommandResult failed =
        in_shell(folder, orphan + "\"$0\" get \"$1/a\" \"$1/missing\" >&4", site.url());
    EXPECT_EQ(failed.status, exit_failed);
    EXPECT_EQ(failed.error_output, "thrum get: " + site.url() + "/missing: 404 Not Found\n");
}

// A URL that was given twice is fetched, counted and told once.
TEST(GetCommand, DuplicatesCountOnce) {
    Site site;
    TemporaryDirectory folder;
    write_file(folder / "list", site.url() + "/a\n" + site.url() + "/a\n");
    const CommandResult twice = thrum_in(folder, {"get", "-o", "a", site.url() + "/a", site.url() + "/a"});
    EXPECT_EQ(timeless(twice.output), "saved a: 2 B in T\n1 file, 2 B in T (R)\n");
    EXPECT_EQ(twice.error_output, "thrum get: " + site.url() + "/a was given twice and is fetched once\n");
    EXPECT_EQ(twice.status, exit_done);
    const CommandResult thrice = thrum_in(folder, {"get", "-i", "list", site.url() + "/a"});
    EXPECT_EQ(thrice.error_output, "thrum get: " + site.url() + "/a was given 3 times and is fetched once\n");
    const CommandResult several = thrum_in(
        folder, {"get", site.url() + "/a", site.url() + "/missing", "-i", "list", site.url() + "/missing"});
    EXPECT_EQ(timeless(several.output), "saved a: 2 B in T\n1 of 2 files, 1 failed, 2 B in T (R)\n");
    EXPECT_EQ(several.error_output,
              "thrum get: 2 URLs were given more than once; each is fetched once\n"
              "thrum get: " +
                  site.url() + "/missing: 404 Not Found\n");
    EXPECT_EQ(thrum_in(folder, {"get", "-q", "-i", "list"}).error_output, "");
}

// script(1) gives it a terminal.
TEST(GetCommand, ATerminalGetsBarsInColoursIfWanted) {
    Site site;
    struct Case {
        const char* term;
        const char* no_color;
        bool bars;
        bool colours;
    };
    for (const auto& [term, no_color, bars, colours] :
         {Case{"xterm", "", true, true}, Case{"xterm", "1", true, false}, Case{"dumb", "", false, false}}) {
        TemporaryDirectory folder;
        const CommandResult result =
            testing::run({"script", "-qec", thrum_command + " get " + site.url() + "/a.txt", "/dev/null"},
                         {.folder = folder.path(), .environment = {{"TERM", term}, {"NO_COLOR", no_color}}});
        EXPECT_EQ(result.status, 0) << result.output;
        const std::string& seen = result.output;
        EXPECT_EQ(seen.find("\x1b[?25l") != std::string::npos, bars) << seen;
        EXPECT_EQ(seen.find("\x1b[32m") != std::string::npos || seen.find("\x1b[1m") != std::string::npos,
                  colours)
            << seen;
        EXPECT_EQ(seen.find("saved") != std::string::npos, !bars) << seen;
        // Whatever came before, the end is plain text and a cursor that shows.
        EXPECT_TRUE(std::regex_search(timeless(seen), std::regex("1 file, 6 B in T \\(R\\)\r\n$"))) << seen;
        if (bars) {
            EXPECT_LT(seen.rfind("\x1b[?25l"), seen.rfind("\x1b[?25h"));
        }
        EXPECT_EQ(read_file(folder / "a.txt"), "/a.txt");
    }
}

// The main job on real input: pictures of many sizes, from nginx over HTTPS.
TEST(GetCommand, TwoHundredPicturesFromNginxOverHttps) {
    constexpr int count = 200;
    testing::CertificateAuthority authority;
    testing::Nginx nginx({.certificate = authority.issue()});
    TemporaryDirectory folder;
    const CommandResult woven = testing::run({"/usr/bin/python3", THRUM_SOURCE_DIR "/demo/pictures.py",
                                              nginx.root().string(), std::to_string(count)});
    ASSERT_EQ(woven.status, 0) << woven.error_output;
    std::string list;
    for (const std::string& name : files_in(nginx.root())) list += nginx.tls_url() + "/" + name + "\n";
    write_file(folder / "list", list);
    const std::vector<std::string> command = {thrum_command, "get", "-q", "-j",  "32",
                                              "-d",          "got", "-i", "list"};

    const CommandResult trusting = testing::run(
        command, {.folder = folder.path(), .environment = {{"SSL_CERT_FILE", authority.certificate()}}});
    EXPECT_EQ(trusting.error_output, "");
    ASSERT_EQ(trusting.status, exit_done);
    const auto sums = [](const std::filesystem::path& of) {
        return testing::run({"/bin/sh", "-c", "sha256sum -- *"}, {.folder = of}).output;
    };
    EXPECT_EQ(files_in(folder / "got").size(), static_cast<std::size_t>(count));
    EXPECT_EQ(sums(folder / "got"), sums(nginx.root()));

    std::filesystem::remove_all(folder / "got");
    const CommandResult distrusting = testing::run(command, {.folder = folder.path()});
    EXPECT_EQ(distrusting.status, exit_failed);
    EXPECT_EQ(std::count(distrusting.error_output.begin(), distrusting.error_output.end(), '\n'), count);
    EXPECT_NE(distrusting.error_output.find(
                  ": this machine does not know the authority 'CN=thrum test CA'; if you trust it, give its "
                  "certificate with --cacert FILE; for public sites install ca-certificates\n"),
              std::string::npos)
        << distrusting.error_output.substr(0, 1000);

    for (const std::vector<std::string>& trust :
         {std::vector<std::string>{"--insecure"}, {"--cacert", authority.certificate()}}) {
        std::vector<std::string> with = command;
        with.insert(with.end(), trust.begin(), trust.end());
        EXPECT_EQ(testing::run(with, {.folder = folder.path()}).status, exit_done);
        EXPECT_EQ(sums(folder / "got"), sums(nginx.root()));
    }
}

}  // namespace
}  // namespace thrum::cli
