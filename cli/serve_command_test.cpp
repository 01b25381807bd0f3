// thrum/cli/serve_command_test.cpp: front door, cli
// Promise: `thrum serve` as people meet it: it says where, gives what is in the folder and nothing else, as
// late as asked for, and a signal ends it with what is under way.
#include <thrum/base/errors.hpp>
#include <thrum/base/file.hpp>
#include <thrum/cli/command_line.hpp>
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

const std::string thrum_command = std::string(THRUM_BINARY_DIR) + "/cli/thrum";

// `thrum serve` of the folder "served", on a port of its own choice.
class Serving {
public:
    explicit Serving(const TemporaryDirectory& folder, std::vector<std::string> more = {})
        : said_(folder / "said"), process_(start(folder, std::move(more))) {
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
    const std::string& url() const { return url_; }
    Process& process() { return process_; }

private:
    Process start(const TemporaryDirectory& folder, std::vector<std::string> more) {
        std::vector<std::string> command = {thrum_command, "serve", "served", "--bind", "127.0.0.1:0"};
        command.insert(command.end(), more.begin(), more.end());
        write_file(said_, "");
        return Process(command, {.output = said_, .folder = folder.path()});
    }

    std::filesystem::path said_;
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
        const std::string said = serving.said();
        EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 1) << said;
    }
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
