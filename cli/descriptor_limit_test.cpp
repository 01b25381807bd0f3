// thrum/cli/descriptor_limit_test.cpp: front door, cli
// Promise: a low limit of open files makes downloads fewer at once and fails none, and no other program sees
// that we raised it.
#include <thrum/base/file.hpp>
#include <thrum/cli/command_fixture.hpp>
#include <thrum/testing/network.hpp>
#include <thrum/testing/process.hpp>

#include <gtest/gtest.h>

#include <string>

namespace thrum::cli {
namespace {

using testing::CommandResult;
using testing::files_in;
using testing::TemporaryDirectory;

// Runs `script` in sh, with the command as $0.
CommandResult in_shell(const TemporaryDirectory& folder, const std::string& script) {
    return testing::run({"/bin/sh", "-c", script, thrum_command}, {.folder = folder.path()});
}

// Three hundred servers, each another one to the pool of connections, under limits that hold far fewer.
TEST(DescriptorLimit, ManyServersUnderALowLimit) {
    constexpr std::size_t count = 300;
    const TemporaryDirectory served;
    write_file(served / "f", "one file");
    const std::string port = std::to_string(testing::free_port());
    testing::Process server({thrum_command, "serve", "-q", "--bind", "0.0.0.0:" + port, served.path()});
    testing::wait_until_listens(static_cast<std::uint16_t>(std::stoi(port)), server);
    std::string list;
    for (std::size_t number = 0; number < count; ++number)
        list += "http://127.9.1." + std::to_string(number % 250) + ":" + port + "/f?" +
                std::to_string(number) + "\nhttp://127.9.2." + std::to_string(number % 250) + ":" + port +
                "/f?" + std::to_string(number) + "\n";
    struct Case {
        const char* script;
        const char* told;
    };
    const Case cases[] = {
        {"ulimit -n 128; exec \"$0\" get -d got -i list >/dev/null", ""},
        {"ulimit -n 128; exec \"$0\" get -j 100 -d got -i list >/dev/null",
         "thrum get: 36 at once and not 100, for only 128 files may be open (ulimit -n), and each needs "
         "two\n"},
        {"ulimit -n 128; exec \"$0\" get -q -j 100 -d got -i list", ""},
        {"ulimit -Sn 64; exec \"$0\" get -j 100 -d got -i list >/dev/null", ""},
    };
    for (const Case& one : cases) {
        const TemporaryDirectory folder;
        write_file(folder / "list", list);
        const CommandResult result = in_shell(folder, one.script);
        EXPECT_EQ(result.status, 0) << one.script;
        EXPECT_EQ(result.error_output, one.told) << one.script;
        EXPECT_EQ(files_in(folder / "got").size(), 2 * count) << one.script;
    }
}

// Python runs under the limit that the command was given, for it may use select(2).
TEST(DescriptorLimit, OtherProgramsKeepTheirs) {
    const TemporaryDirectory folder;
    write_file(folder / "python3",
               "#!/bin/bash\nulimit -Sn >> limits\nexec -a \"$0\" /usr/bin/python3 \"$@\"\n", 0755);
    const CommandResult result = in_shell(folder, "ulimit -Sn 77; exec \"$0\" venv e -q -p ./python3");
    ASSERT_EQ(result.status, 0) << result.error_output;
    const std::string limits = read_file(folder / "limits");
    EXPECT_TRUE(limits.starts_with("77\n")) << limits;
    EXPECT_EQ(limits.find_first_not_of("7\n"), limits.npos) << limits;
}

// So does what listen runs for a client.
TEST(DescriptorLimit, ProgramsOfListenKeepTheirs) {
    const TemporaryDirectory folder;
    const CommandResult result =
        in_shell(folder,
                 "ulimit -Sn 77; \"$0\" listen unix:s --shell --exec 'read x; ulimit -Sn' & "
                 "while ! test -S s; do sleep 0.05; done; echo go | \"$0\" connect unix:s; wait");
    EXPECT_EQ(result.output, "77\n") << result.error_output;
}

}  // namespace
}  // namespace thrum::cli
