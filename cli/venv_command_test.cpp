// thrum/cli/venv_command_test.cpp: front door, cli
#include <thrum/base/file.hpp>
#include <thrum/cli/command_line.hpp>
#include <thrum/cli/venv_command.hpp>
#include <thrum/venv/environment.hpp>
#include <thrum/venv/process.hpp>

#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <regex>
#include <string>
#include <vector>

namespace thrum::cli {
namespace {

// A folder for one test, gone with it.
class Folder {
public:
    Folder() {
        std::string name = (std::filesystem::temp_directory_path() / "thrum-cli-XXXXXX").string();
        path = ::mkdtemp(name.data());
    }
    ~Folder() { std::filesystem::remove_all(path); }
    std::filesystem::path path;
};

const std::string thrum = THRUM_BINARY_DIR "/cli/thrum";

venv::CompletedProcess run_venv(const Folder& folder, const std::vector<std::string>& arguments,
                                const std::string& shell = "/bin/bash") {
    std::vector<std::string> command = {thrum, "venv"};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return venv::run_process(command, {.folder = folder.path, .environment = {{"SHELL", shell}}});
}

std::string without_times(const std::string& text) {
    return std::regex_replace(std::regex_replace(text, std::regex("in [0-9.:]+( s)?"), "in T"),
                              std::regex("(Python|pip) [0-9][0-9a-z.+]*"), "$1 V");
}

// HERE stands for the folder it runs in.
const std::string python = "Python V at /usr/bin/python3\nEnvironment ";
const struct {
    std::vector<std::string> arguments;
    std::string shell;
    int status;
    std::string output;
    std::string errors;
} snapshots[] = {
    {{},
     "/bin/bash",
     0,
     python + ".venv made in T, without pip (--seed puts it inside)\nActivate it with: source "
              ".venv/bin/activate\n",
     ""},
    {{},
     "/usr/bin/fish",
     0,
     python + ".venv made in T, without pip (--seed puts it inside)\nActivate it with: source "
              ".venv/bin/activate.fish\n",
     ""},
    {{"my env", "--clear"},
     "/bin/dash",
     0,
     python +
         "my env made in T, without pip (--seed puts it inside)\nActivate it with: . 'my env/bin/activate'\n",
     ""},
    {{"--quiet", ".venv"}, "/bin/bash", 0, "", ""},
    {{"--copies", "--system-site-packages", "--prompt", "x", "--", "-d"},
     "/bin/bash",
     0,
     python +
         "-d made in T, without pip (--seed puts it inside)\nActivate it with: source ./-d/bin/activate\n",
     ""},
    {{"full"},
     "/bin/bash",
     1,
     "",
     "thrum venv: cannot make an environment in HERE/full: the folder is not empty and is no "
     "environment; choose "
     "another or empty it first\n"},
    {{"a:b"},
     "/bin/bash",
     1,
     "",
     "thrum venv: cannot make an environment in HERE/a:b: the path holds ':', which separates the "
     "entries of PATH; "
     "choose another\n"},
    {{""}, "/bin/bash", 1, "", "thrum venv: cannot make an environment: the path is empty; name a folder\n"},
    {{"-p", "", "x"},
     "/bin/bash",
     2,
     "",
     "thrum venv: --python: the interpreter's name is empty; leave it away for the first python3 on PATH "
     "(see "
     "thrum venv --help)\n"},
    {{"--prompt", "", "x"},
     "/bin/bash",
     2,
     "",
     "thrum venv: --prompt: the prompt is empty; leave it away for the folder's name (see thrum venv "
     "--help)\n"},
    {{"-p", "./no\nne", "x"},
     "/bin/bash",
     1,
     "",
     "thrum venv: no Python found for './no\\nne': there is no executable file of that name; give a path, a "
     "version (3.11) or a name on PATH\n"},
    {{"--nope"},
     "/bin/bash",
     2,
     "",
     "thrum venv: The following argument was not expected: --nope (see thrum venv --help)\n"},
    {{"one", "two"},
     "/bin/bash",
     2,
     "",
     "thrum venv: The following argument was not expected: two (see thrum venv --help)\n"},
    {{"--python"},
     "/bin/bash",
     2,
     "",
     "thrum venv: --python: 1 required PYTHON missing (see thrum venv --help)\n"},
};

// What it says, on which output and with which status, snapshot by snapshot.
TEST(VenvCommand, Snapshots) {
    const Folder folder;
    std::filesystem::create_directory(folder.path / "full");
    write_file(folder.path / "full/letter", "mine");
    for (const auto& row : snapshots) {
        std::vector<std::string> arguments = row.arguments;
        const auto asked = [&arguments](const char* flag) {
            return std::find(arguments.begin(), arguments.end(), flag) != arguments.end();
        };
        if (!asked("-p") && !asked("--python"))
            arguments.insert(arguments.begin(), {"--python", "/usr/bin/python3"});
        const venv::CompletedProcess result = run_venv(folder, arguments, row.shell);
        const std::string expected = std::regex_replace(row.errors, std::regex("HERE"),
                                                        std::filesystem::canonical(folder.path).string());
        EXPECT_EQ(without_times(result.output), row.output);
        EXPECT_EQ(result.errors, expected);
        EXPECT_EQ(result.status, row.status) << result.errors;
    }
}

// The help tells what a script must know of the exit status, and what cannot be undone.
TEST(VenvCommand, HelpWarns) {
    const std::string help = run_venv(Folder(), {"--help"}).output;
    for (const char* part :
         {"130 or 143 stopped by Ctrl-C or SIGTERM", "(thrum venv . --clear)", "cannot be undone"})
        EXPECT_NE(help.find(part), help.npos) << help;
}

// The command's environment is one to Python, too, and each option reaches it.
TEST(VenvCommand, MakesAnEnvironment) {
    const Folder folder;
    ASSERT_EQ(run_venv(folder, {"e", "--prompt", "it's", "--system-site-packages", "--copies"}).status, 0);
    const venv::Environment environment(folder.path / "e");
    EXPECT_EQ(environment.run({"python", "-c", "import sys; print(sys.prefix)"}).output,
              environment.path().string() + "\n");
    EXPECT_EQ(venv::value_of(environment.configuration(), "prompt"), "\"it's\"");
    EXPECT_EQ(venv::value_of(environment.configuration(), "include-system-site-packages"), "true");
    EXPECT_FALSE(std::filesystem::is_symlink(environment.python()));
}

// --seed puts pip inside and tells its version.
TEST(VenvCommand, SeedTellsPipsVersion) {
    const Folder folder;
    const venv::CompletedProcess result = run_venv(folder, {"e", "--seed", "--python", "/usr/bin/python3"});
    EXPECT_EQ(without_times(result.output),
              "Python V at /usr/bin/python3\nEnvironment e made in T, with pip V\n"
              "Activate it with: source e/bin/activate\n")
        << result.errors;
    EXPECT_TRUE(std::filesystem::exists(folder.path / "e/bin/pip"));
}

// Stopped in the middle of putting pip inside, it ends what it started and takes away what is half made.
TEST(VenvCommand, AnInterruptLeavesNothing) {
    const Folder folder;
    // A Python that stays where it would run ensurepip.
    write_file(folder.path / "python3",
               "#!/bin/bash\nif [ \"$3\" = ensurepip ]; then echo $$ > part; mv part pid; sleep 1000; fi\n"
               "exec -a \"$0\" /usr/bin/python3 \"$@\"\n",
               0755);
    const venv::CompletedProcess result = venv::run_process(
        {"sh", "-c",
         "\"$0\" venv e -p ./python3 --seed & child=$!\n"
         "while ! [ -e pid ] && kill -0 $child; do :; done\nkill -TERM $child; wait $child; echo $?",
         thrum},
        {.folder = folder.path});
    EXPECT_EQ(result.output, "143\n") << result.errors;
    EXPECT_EQ(result.errors, "thrum venv: stopped before e was made\n");
    const auto pid = static_cast<pid_t>(std::stol(read_file(folder.path / "pid")));
    EXPECT_NE(::kill(pid, 0), 0);
    std::vector<std::string> left;
    for (const auto& entry : std::filesystem::directory_iterator(folder.path))
        left.push_back(entry.path().filename());
    std::sort(left.begin(), left.end());
    EXPECT_EQ(left, (std::vector<std::string>{"pid", "python3"}));
}

// Whenever it is killed while it replaces an environment, there is a whole one, the old or the new, and the
// next run needs no help.
TEST(VenvCommand, AKillLeavesTheOldOrTheNewEnvironment) {
    const Folder folder;
    const std::vector<std::string> clear = {"e", "--clear", "-p", "/usr/bin/python3"};
    ASSERT_EQ(run_venv(folder, clear).status, 0);
    std::vector<std::string> killed = {"timeout", "-s", "KILL", "", thrum, "venv"};
    killed.insert(killed.end(), clear.begin(), clear.end());
    for (int milliseconds = 1; milliseconds <= 40; milliseconds += 2) {
        killed[3] = "0.0" + std::string(milliseconds < 10 ? "0" : "") + std::to_string(milliseconds);
        venv::run_process(killed, {.folder = folder.path});
        const venv::Environment environment(folder.path / "e");
        EXPECT_EQ(environment.run({"python", "-c", "import sys; print(sys.prefix)"}).output,
                  environment.path().string() + "\n");
        EXPECT_TRUE(std::filesystem::exists(environment.scripts() / "activate.fish"));
    }
    EXPECT_EQ(run_venv(folder, clear).status, 0);
}

}  // namespace
}  // namespace thrum::cli
