// thrum/cli/exchange_test.cpp: front door, cli
// Promise: `thrum listen`, `connect` and `proxy` as people meet them, with socat, nc and OpenSSL at the other
// end.
#include <thrum/base/file.hpp>
#include <thrum/cli/child.hpp>
#include <thrum/cli/command_fixture.hpp>
#include <thrum/cli/command_line.hpp>
#include <thrum/cli/hex_dump.hpp>
#include <thrum/testing/certificates.hpp>
#include <thrum/testing/failures.hpp>
#include <thrum/testing/process.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <string>
#include <vector>

namespace thrum::cli {
namespace {

using testing::CommandResult;
using testing::Process;
using testing::TemporaryDirectory;

// A thrum command that serves and says on standard error where.
class Serving {
public:
    Serving(const TemporaryDirectory& folder, std::vector<std::string> words)
        : said_(folder / ("said-" + words.front())),
          got_(folder / ("got-" + words.front())),
          process_(start(words)) {
        const std::string mark = "listening on ";
        while (said().find('\n') == std::string::npos) {
            if (!process_.running()) throw Error("it ended: " + said());
        }
        const std::string line = said();
        const auto begin = line.find(mark) + mark.size();
        address_ = line.substr(begin, line.find_first_of(",\n", begin) - begin);
        port_ = address_.substr(address_.rfind(':') + 1);
    }

    std::string said() const { return read_file(said_); }
    std::string got() const { return read_file(got_); }
    const std::string& address() const { return address_; }
    const std::string& port() const { return port_; }
    Process& process() { return process_; }

private:
    Process start(std::vector<std::string>& words) {
        write_file(said_, "");
        write_file(got_, "");
        words.insert(words.begin(), thrum_command);
        return Process(words, {.output = got_, .error_output = said_});
    }

    std::filesystem::path said_;
    std::filesystem::path got_;
    Process process_;
    std::string address_;
    std::string port_;
};

CommandResult shell(const std::string& line) { return testing::run({"sh", "-c", line}); }

std::string connect_with(const std::string& input, const std::string& arguments) {
    const CommandResult result = shell("printf '" + input + "' | " + thrum_command + " connect " + arguments);
    EXPECT_EQ(result.status, exit_done) << result.error_output;
    return result.output;
}

// One client: what it sends is written out, and when it has ended so has the command.
TEST(ListenCommand, OneClient) {
    const TemporaryDirectory folder;
    Serving serving(folder, {"listen", "127.0.0.1:0"});
    EXPECT_EQ(shell("printf hello | nc -N 127.0.0.1 " + serving.port()).status, 0);
    EXPECT_EQ(serving.process().wait(), exit_done);
    EXPECT_EQ(serving.got(), "hello");
    EXPECT_EQ(serving.said(), "thrum listen: listening on " + serving.address() + "\n");
}

// --keep and --exec: every client gets a program, over TCP, Unix and datagrams, from nc, socat and ourselves.
TEST(ListenCommand, AProgramForEachClient) {
    const TemporaryDirectory folder;
    {
        Serving serving(folder, {"listen", "-k", "127.0.0.1:0", "--exec", "tr a-z 'A-Z'"});
        EXPECT_EQ(connect_with("one", serving.address()), "ONE");
        EXPECT_EQ(shell("printf two | nc -N 127.0.0.1 " + serving.port()).output, "TWO");
        EXPECT_EQ(shell("printf three | socat -t 60 - TCP:" + serving.address()).output, "THREE");
        serving.process().signal(SIGINT);
        EXPECT_EQ(serving.process().wait(), exit_done);
    }
    {
        Serving serving(folder, {"listen", "-k", "unix:" + (folder / "s").string(), "--shell", "--exec",
                                 "cat; echo $((6*7))"});
        EXPECT_EQ(shell("printf four | socat -t 60 - UNIX-CONNECT:" + (folder / "s").string()).output,
                  "four42\n");
        serving.process().signal(SIGTERM);
        EXPECT_EQ(serving.process().wait(), exit_done);
        EXPECT_FALSE(std::filesystem::exists(folder / "s"));
    }
    {
        Serving serving(folder, {"listen", "-k", "--udp", "127.0.0.1:0", "--exec", "cat"});
        EXPECT_EQ(connect_with("five", "--udp --idle 1s " + serving.address()), "five");
    }
}

// TLS: OpenSSL's client is served, and we refuse a certificate that nobody vouches for, as `get` does.
TEST(ListenCommand, TLS) {
    const TemporaryDirectory folder;
    testing::CertificateAuthority authority;
    const testing::Certificate own = authority.issue();
    Serving serving(folder, {"listen", "-k", "127.0.0.1:0", "--tls", "--cert", own.certificate, "--key",
                             own.key, "--exec", "head -n 1"});
    EXPECT_EQ(shell("echo hello | openssl s_client -quiet -connect 127.0.0.1:" + serving.port() +
                    " -CAfile " + authority.certificate().string())
                  .output,
              "hello\n");
    const std::string where = "--tls localhost:" + serving.port();
    EXPECT_EQ(connect_with("hi\\n", where + " --cacert " + authority.certificate().string()), "hi\n");
    EXPECT_EQ(connect_with("ho\\n", where + " --insecure"), "ho\n");
    const CommandResult refused = shell(thrum_command + " connect " + where + " < /dev/null");
    EXPECT_EQ(refused.status, exit_failed);
    EXPECT_TRUE(refused.error_output.starts_with("thrum connect: ")) << refused.error_output;
}

// --idle ends what is silent, and says so; Ctrl-C ends what waits.
TEST(ConnectCommand, IdleAndStopped) {
    const TemporaryDirectory folder;
    Serving serving(folder, {"listen", "-k", "127.0.0.1:0", "--exec", "sleep 1000"});
    const CommandResult idle =
        shell("mkfifo " + (folder / "silent").string() + "; exec 3<>" + (folder / "silent").string() + "; " +
              thrum_command + " connect --idle 100ms " + serving.address() + " <&3; echo $?");
    EXPECT_NE(idle.error_output.find("thrum connect: nothing came or went for 100 ms between"),
              std::string::npos)
        << idle.error_output;
    EXPECT_EQ(idle.output, "1\n");
    Serving waiting(folder, {"listen", "127.0.0.1:0"});
    waiting.process().signal(SIGINT);
    EXPECT_EQ(waiting.process().wait(), 128 + SIGINT);
}

// What fingers know from nc: the port behind a space, -v, -z and -w.
TEST(ConnectCommand, HabitsOfNetcat) {
    const TemporaryDirectory folder;
    Serving serving(folder, {"listen", "-kv", "127.0.0.1", "0", "--exec", "cat"});
    EXPECT_EQ(connect_with("one", "127.0.0.1 " + serving.port()), "one");
    const CommandResult tried = shell(thrum_command + " connect -zvw 10s 127.0.0.1 " + serving.port());
    EXPECT_EQ(tried.status, exit_done);
    EXPECT_EQ(tried.error_output, "thrum connect: connected to " + serving.address() + "\n");
    EXPECT_EQ(shell(thrum_command + " connect -z 127.0.0.1:1").status, exit_failed);
    while (serving.said().find("thrum listen: connected from 127.0.0.1:") == std::string::npos) {
        ASSERT_TRUE(serving.process().running());
    }
    Serving six(folder, {"listen", "-k", "::1", "0", "--exec", "cat"});
    EXPECT_EQ(connect_with("two", "::1 " + six.port()), "two");
    EXPECT_EQ(connect_with("three", "[::1] " + six.port()), "three");
    // TEST-NET-1 (RFC 5737): nobody is there, or it is refused at once where there is no route.
    const CommandResult nobody = shell(thrum_command + " connect -w 50ms 192.0.2.1 9 < /dev/null");
    EXPECT_EQ(nobody.status, exit_failed);
    EXPECT_NE(nobody.error_output.find("192.0.2.1:9"), std::string::npos) << nobody.error_output;
}

// --hex shows both ways on standard error, and standard output is what it was.
TEST(ConnectCommand, Hex) {
    const TemporaryDirectory folder;
    Serving serving(folder, {"listen", "-k", "127.0.0.1:0", "--exec", "tr a-z A-Z"});
    const CommandResult result =
        shell("printf abc | " + thrum_command + " connect --hex " + serving.address());
    EXPECT_EQ(result.output, "ABC");
    EXPECT_EQ(result.error_output, hex_lines('>', 0, "abc") + "\n" + hex_lines('<', 0, "ABC") + "\n");
    EXPECT_EQ(hex_lines('>', 16, std::string("0123456789abcdef\n\xff", 18)),
              "> 00000010  30 31 32 33 34 35 36 37  38 39 61 62 63 64 65 66  |0123456789abcdef|\n"
              "> 00000020  0a ff                                             |..|");
}

// Standard input is as it was for the programs that share it: no O_NONBLOCK is left on it.
TEST(ConnectCommand, LeavesStandardInputAlone) {
    const TemporaryDirectory folder;
    Serving serving(folder, {"listen", "-k", "127.0.0.1:0", "--exec", "cat"});
    const std::string flags = "grep flags /proc/self/fdinfo/0; ";
    const CommandResult result = shell("(sleep 0.1; printf x) | (" + flags + thrum_command + " connect " +
                                       serving.address() + " >/dev/null; " + flags + ")");
    const auto half = result.output.size() / 2;
    EXPECT_FALSE(result.output.empty());
    EXPECT_EQ(result.output.substr(0, half), result.output.substr(half));
}

// `thrum proxy` passes everything on, tells what it was, and says of a target that nobody answers.
TEST(ProxyCommand, PassesOnAndCounts) {
    const TemporaryDirectory folder;
    Serving target(folder, {"listen", "-k", "127.0.0.1:0", "--exec", "cat"});
    {
        Serving proxy(folder, {"proxy", "127.0.0.1:0", target.address()});
        write_file(folder / "much", std::string(3 << 20, 'x'));
        const std::string file = (folder / "much").string();
        EXPECT_EQ(
            shell(thrum_command + " connect " + proxy.address() + " < " + file + " | cmp - " + file).status,
            0);
        proxy.process().signal(SIGINT);
        EXPECT_EQ(proxy.process().wait(), exit_done);
        EXPECT_NE(proxy.said().find("1 in all, 3.0 MiB there, 3.0 MiB back\n"), std::string::npos)
            << proxy.said();
    }
    Serving nowhere(folder, {"proxy", "127.0.0.1:0", "127.0.0.1:1"});
    shell("printf x | nc -N 127.0.0.1 " + nowhere.port());
    while (nowhere.said().find("cannot connect to 127.0.0.1:1: Connection refused\n") == std::string::npos) {
        ASSERT_TRUE(nowhere.process().running());
    }
}

// On a terminal, however narrow, the counters stay on one line, which is rewritten; NO_COLOR is heeded.
TEST(ProxyCommand, OneLineOfAnyTerminal) {
    if (shell("command -v script").status != 0) GTEST_SKIP() << "there is no script(1) here";
    constexpr std::size_t columns = 30;
    const CommandResult shown =
        shell("NO_COLOR=1 script -qec 'stty cols " + std::to_string(columns) + "; timeout -s TERM 5 " +
              thrum_command + " proxy 127.0.0.1:0 127.0.0.1:1' /dev/null < /dev/null");
    const std::string begin = "\r0 clients, 0 in all";
    const auto at = shown.output.find(begin);
    ASSERT_NE(at, std::string::npos) << shown.output;
    EXPECT_EQ(shown.output.find("\x1b[1m"), std::string::npos);
    const auto end = shown.output.find('\x1b', at);
    EXPECT_EQ(end - at - 1, columns - 1) << shown.output.substr(at, end - at);
}

TEST(ExchangeCommands, WhatCannotBeIsToldInOneLine) {
    struct Case {
        std::vector<std::string> arguments;
        std::string error;
        int status;
    };
    const Case cases[] = {
        {{"connect"}, "ADDRESS is required", exit_usage},
        {{"connect", ""}, "the address is empty", exit_usage},
        {{"connect", "nowhere"}, "nowhere is no address, such as", exit_usage},
        {{"connect", "a:99999"}, "a:99999 is no address", exit_usage},
        {{"connect", "127.0.0.1:1"}, "cannot connect to 127.0.0.1:1: Connection refused", exit_failed},
        {{"connect", "unix:/no/such"}, "unix:/no/such", exit_failed},
        {{"connect", ":1", "--idle", "soon"}, "--idle: soon is no time", exit_usage},
        {{"connect", ":1", "--tls", "--udp"}, "--tls and --udp do not go together", exit_usage},
        {{"connect", ":1", "-w", "soon"}, "--timeout: soon is no time", exit_usage},
        {{"connect", ":1", "-uz"}, "of no use with --udp", exit_usage},
        {{"connect", "a:1", "2"}, "a:1", exit_usage},
        {{"connect", "a", "ssh"}, "a:ssh is no address", exit_usage},
        {{"connect", ":1", "--insecure"}, "of use with --tls only", exit_usage},
        {{"connect", ":1", "--exec", "'a"}, "a quote that is not closed", exit_usage},
        {{"listen", ":0", "--tls"}, "--cert is missing", exit_usage},
        {{"listen", ":0", "--shell"}, "--shell is of use with --exec only", exit_usage},
        {{"proxy", ":0"}, "TARGET is required", exit_usage},
        {{"proxy", ":0", ":1", "--max-clients", "0"}, "--max-clients", exit_usage},
    };
    for (const Case& one : cases) {
        std::vector<std::string> command = {thrum_command};
        command.insert(command.end(), one.arguments.begin(), one.arguments.end());
        const CommandResult result = testing::run(command);
        EXPECT_EQ(result.status, one.status) << result.error_output;
        EXPECT_EQ(result.output, "");
        EXPECT_TRUE(result.error_output.starts_with("thrum " + one.arguments.front() + ": "))
            << result.error_output;
        EXPECT_NE(result.error_output.find(one.error), std::string::npos) << result.error_output;
        EXPECT_EQ(std::count(result.error_output.begin(), result.error_output.end(), '\n'), 1)
            << result.error_output;
    }
}

// The words of a command are parted as a shell would, and nothing else is done to them.
TEST(SplitCommand, Words) {
    using Words = std::vector<std::string>;
    EXPECT_EQ(split_command("cat -n"), (Words{"cat", "-n"}));
    EXPECT_EQ(split_command("  a\t'b c'  \"d 'e'\" "), (Words{"a", "b c", "d 'e'"}));
    EXPECT_EQ(split_command("a\\ b '' \"\\\"\\n\" '\\'"), (Words{"a b", "", "\"\\n", "\\"}));
    EXPECT_EQ(split_command("$HOME *;"), (Words{"$HOME", "*;"}));
    for (const char* bad : {"", "  ", "'a", "\"a"}) EXPECT_THROW(split_command(bad), Error) << bad;
}

}  // namespace
}  // namespace thrum::cli
