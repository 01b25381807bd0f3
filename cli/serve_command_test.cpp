// thrum/cli/serve_command_test.cpp: front door, cli
// Promise: `thrum serve` as people meet it: it says where, gives what is in the folder and nothing else, as
// late as asked for, and a signal ends it with what is under way.
#include <thrum/base/errors.hpp>
#include <thrum/base/file.hpp>
#include <thrum/cli/command_fixture.hpp>
#include <thrum/cli/command_line.hpp>
#include <thrum/sockets/connection.hpp>
#include <thrum/testing/network.hpp>
#include <thrum/testing/process.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <regex>
#include <string>
#include <vector>

namespace thrum::cli {
namespace {

using testing::CommandResult;
using testing::Process;
using testing::TemporaryDirectory;

// `thrum serve` of the folder "served", on a port of its own choice.
class Serving {
public:
    explicit Serving(const TemporaryDirectory& folder, std::vector<std::string> more = {},
                     std::vector<std::string> before = {})
        : said_(folder / "said"),
          log_(folder / "log"),
          process_(start(folder, std::move(more), std::move(before))) {
        while (said().find('\n') == std::string::npos) {
            if (!process_.running()) throw Error("thrum serve ended: " + said());
        }
        std::smatch match;
        const std::string line = said();
        if (!std::regex_search(line, match, std::regex("http://[^ ]*:[0-9]+")))
            throw Error("no address: " + line);
        url_ = match[0];
    }

    std::string said() const { return read_file(said_); }
    std::string log() const { return read_file(log_); }
    // The log, once it ends with a line that holds `text`.
    std::string log_with(const std::string& text) {
        for (;;) {
            const std::string now = log();
            const auto at = now.find(text);
            if (at != std::string::npos && now.find('\n', at) != std::string::npos) return now;
            if (!process_.running()) throw Error("thrum serve ended: " + now);
        }
    }
    const std::string& url() const { return url_; }
    Process& process() { return process_; }

private:
    Process start(const TemporaryDirectory& folder, std::vector<std::string> more,
                  std::vector<std::string> command) {
        for (const char* word : {thrum_command.c_str(), "serve", "served", "--bind", "127.0.0.1:0"})
            command.emplace_back(word);
        command.insert(command.end(), more.begin(), more.end());
        write_file(said_, "");
        return Process(command, {.output = said_, .error_output = log_, .folder = folder.path()});
    }

    std::filesystem::path said_;
    std::filesystem::path log_;
    Process process_;
    std::string url_;
};

// What curl makes of `path`, sent as it is: the body, then the status in a line of its own.
std::string curl(const std::string& url) {
    return testing::run({"curl", "-s", "--path-as-is", "-w", "\n%{http_code}", url}).output;
}

void furnish(const TemporaryDirectory& folder) {
    std::filesystem::create_directories(folder / "served/pictures");
    write_file(folder / "served/pictures/a b.txt", "hello");
    write_file(folder / "secret", "nobody's business");
    std::filesystem::create_symlink("../secret", folder / "served/way-out");
}

TEST(ServeCommand, ServesTheFolderAndNothingElse) {
    TemporaryDirectory folder;
    furnish(folder);
    Serving serving(folder);
    EXPECT_TRUE(std::regex_match(
        serving.said(), std::regex("Serving served on http://127\\.0\\.0\\.1:[0-9]+/ \\(Ctrl-C stops\\)\n")))
        << serving.said();
    EXPECT_EQ(curl(serving.url() + "/pictures/a%20b.txt"), "hello\n200");
    for (const char* path :
         {"/missing", "/../secret", "/%2e%2e/secret", "/..%2fsecret", "/way-out", "/pictures/../../secret"}) {
        const std::string answer = curl(serving.url() + path);
        EXPECT_EQ(answer.find("nobody's business"), std::string::npos) << path;
        EXPECT_EQ(answer.find("\n200"), std::string::npos) << path << answer;
    }
}

TEST(ServeCommand, AnswersAsLateAsAskedForAndManyAtOnce) {
    TemporaryDirectory folder;
    furnish(folder);
    Serving serving(folder, {"--delay", "150ms"});
    const auto start = std::chrono::steady_clock::now();
    EXPECT_EQ(curl(serving.url() + "/pictures/a%20b.txt"), "hello\n200");
    EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(150));
    std::vector<std::string> command = {
        thrum_command, "get", "-q", "-j", "50", "-d", (folder / "got").string()};
    for (int i = 0; i < 50; ++i)
        command.push_back(serving.url() + "/pictures/a%20b.txt?" + std::to_string(i));
    EXPECT_EQ(testing::run(command).status, exit_done);
    EXPECT_EQ(read_file(folder / "got/a b.txt"), "hello");
    EXPECT_EQ(read_file(folder / "got/a b-49.txt"), "hello");
}

TEST(ServeCommand, ASignalIsHowItEnds) {
    for (const int number : {SIGINT, SIGTERM}) {
        TemporaryDirectory folder;
        furnish(folder);
        Serving serving(folder);
        EXPECT_EQ(curl(serving.url() + "/pictures/a%20b.txt"), "hello\n200");
        serving.process().signal(number);
        EXPECT_EQ(serving.process().wait(), exit_done);
        EXPECT_TRUE(serving.log().ends_with("thrum serve: stopped\n")) << serving.log();
        const std::string said = serving.said();
        EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 1) << said;
    }
}

// Each request is a line on standard error, in the common log format, whatever the client sent.
TEST(ServeCommand, TellsOfEachRequest) {
    TemporaryDirectory folder;
    furnish(folder);
    Serving serving(folder);
    curl(serving.url() + "/pictures/a%20b.txt?x=%22");
    curl(serving.url() + "/no\"thing\\");
    testing::run({"curl", "-s", "-0", "-I", serving.url() + "/pictures/a%20b.txt"});
    const std::string log = serving.log_with("HEAD");
    const std::string begin = R"x(127\.0\.0\.1 - - \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] )x";
    EXPECT_TRUE(
        std::regex_match(log, std::regex(begin + R"x("GET /pictures/a%20b\.txt\?x=%22 HTTP/1\.1" 200 5\n)x" +
                                         begin + R"x("(GET /no\\"thing\\\\ HTTP/1\.1|-)" 40[04] \d+\n)x" +
                                         begin + R"x("HEAD /pictures/a%20b\.txt HTTP/1\.0" 200 -\n)x")))
        << log;
    EXPECT_EQ(serving.said().find('\n') + 1, serving.said().size());

    TemporaryDirectory other;
    furnish(other);
    Serving quiet(other, {"--quiet"});
    curl(quiet.url() + "/pictures/a%20b.txt");
    quiet.process().signal(SIGINT);
    EXPECT_EQ(quiet.process().wait(), exit_done);
    EXPECT_EQ(quiet.log(), "");
}

// Ctrl-C says how many answers it waits for; a second one waits no more.
TEST(ServeCommand, ASecondSignalEndsAtOnce) {
    TemporaryDirectory folder;
    furnish(folder);
    write_file(folder / "served/large", "");
    std::filesystem::resize_file(folder / "served/large", 1 << 28);
    Serving serving(folder);
    // A client that takes the beginning of a file and no more: its answer is under way.
    Socket client =
        create_connection({"127.0.0.1", std::stoi(serving.url().substr(serving.url().rfind(':') + 1))});
    client.sendall("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_TRUE(client.recv(12).starts_with("HTTP/1.1 200"));
    serving.process().signal(SIGINT);
    EXPECT_EQ(serving.log_with("finishing"),
              "thrum serve: finishing 1 request, for 5 s at most; Ctrl-C again ends at once\n");
    // The first of these may come so soon that it is the echo of the other.
    while (serving.process().running()) serving.process().signal(SIGINT);
    EXPECT_EQ(serving.process().wait(), 128 + SIGINT);
}

// What was started to ignore a signal ignores it.
TEST(ServeCommand, AnIgnoredHangUpStaysIgnored) {
    TemporaryDirectory folder;
    furnish(folder);
    Serving serving(folder, {}, {"/bin/sh", "-c", "trap '' HUP; exec \"$0\" \"$@\""});
    serving.process().signal(SIGHUP);
    EXPECT_EQ(curl(serving.url() + "/pictures/a%20b.txt"), "hello\n200");
    serving.process().signal(SIGTERM);
    EXPECT_EQ(serving.process().wait(), exit_done);
}

TEST(ServeCommand, WhatCannotBeIsToldInOneLine) {
    TemporaryDirectory folder;
    furnish(folder);
    const Serving serving(folder);
    const std::string taken = serving.url().substr(std::string("http://").size());
    struct Case {
        std::vector<std::string> arguments;
        std::string error;
        int status;
    };
    const Case cases[] = {
        {{"--bind", "nowhere:port"},
         "thrum serve: --bind: nowhere:port is no ADDRESS:PORT, such as 127.0.0.1:8000 (see thrum serve "
         "--help)\n",
         exit_usage},
        {{"--delay", "soon"},
         "thrum serve: --delay: soon is no time, such as 200ms or 1.5s (see thrum serve --help)\n",
         exit_usage},
        {{"a", "b"},
         "thrum serve: The following argument was not expected: b (see thrum serve --help)\n",
         exit_usage},
        {{""}, "DIR: the folder's name is empty; leave it away for this folder", exit_usage},
        {{"--bind", ""}, "--bind: the address is empty; leave --bind away for 127.0.0.1:8000", exit_usage},
        {{"--delay", ""}, "--delay: the time is empty; give one such as 200ms or 1.5s", exit_usage},
        {{"no-such-folder", "--bind", ":0"}, "no-such-folder", exit_failed},
        {{"served", "--bind", taken}, "Address already in use", exit_failed},
    };
    for (const Case& one : cases) {
        std::vector<std::string> command = {thrum_command, "serve"};
        command.insert(command.end(), one.arguments.begin(), one.arguments.end());
        const CommandResult result = testing::run(command, {.folder = folder.path()});
        EXPECT_EQ(result.status, one.status) << result.error_output;
        EXPECT_EQ(result.output, "");
        EXPECT_TRUE(result.error_output.starts_with("thrum serve: ")) << result.error_output;
        EXPECT_NE(result.error_output.find(one.error), std::string::npos) << result.error_output;
        EXPECT_EQ(std::count(result.error_output.begin(), result.error_output.end(), '\n'), 1);
    }
}

}  // namespace
}  // namespace thrum::cli
