// thrum/cli/documents_test.cpp: front door, cli
// Manual pages and completions say what the commands do, and the programs that read them find no fault.
#include <thrum/base/file.hpp>
#include <thrum/base/text.hpp>
#include <thrum/cli/command_fixture.hpp>
#include <thrum/testing/process.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace thrum::cli {
namespace {

using testing::CommandResult;

const char* const commands[] = {"get", "serve", "connect", "listen", "proxy", "venv"};

bool has(const std::string& program) {
    return testing::run({"sh", "-c", "command -v " + program}).status == 0;
}

class Documents : public ::testing::Test {
protected:
    void SetUp() override {
        const CommandResult written = testing::run({thrum_command, "documents", share().string()});
        ASSERT_EQ(written.status, 0) << written.error_output;
    }
    std::filesystem::path share() const { return folder_ / "share"; }
    std::filesystem::path page(const std::string& name) const { return share() / "man/man1" / (name + ".1"); }
    std::string bash_script() const { return (share() / "bash-completion/completions/thrum").string(); }
    std::string fish_script() const { return (share() / "fish/vendor_completions.d/thrum.fish").string(); }
    std::string zsh_script() const { return (share() / "zsh/site-functions/_thrum").string(); }

    // What bash proposes for the last of `words`, one per line.
    std::string bash_proposes(const std::vector<std::string>& words) const {
        std::string line = ". " + bash_script() + "; COMP_WORDS=(";
        for (const std::string& word : words) line += "'" + word + "' ";
        line += "); COMP_CWORD=" + std::to_string(words.size() - 1) +
                "; _thrum; printf '%s\\n' \"${COMPREPLY[@]}\"";
        const CommandResult result = testing::run({"bash", "--norc", "-c", line});
        EXPECT_EQ(result.error_output, "");
        return result.output;
    }

private:
    testing::TemporaryDirectory folder_;
};

// The words of a help text that are options.
std::vector<std::string> options_in(const std::string& help) {
    std::vector<std::string> options;
    for (const std::string_view line : split(help, '\n')) {
        if (!line.starts_with("  -")) continue;
        for (const std::string_view word : split(line.substr(2, line.find(' ', 2) - 2), ','))
            options.emplace_back(word);
    }
    return options;
}

// Each page stands for itself: troff has nothing to warn of, and every option of the help is on it.
TEST_F(Documents, PagesHaveNoFaultAndEveryOption) {
    std::vector<std::string> pages = {""};
    pages.insert(pages.end(), std::begin(commands), std::end(commands));
    for (const std::string& command : pages) {
        const std::string path = page(command.empty() ? "thrum" : "thrum-" + command).string();
        std::vector<std::string> asked = {thrum_command, "--help"};
        if (!command.empty()) asked.insert(asked.begin() + 1, command);
        const std::vector<std::string> options = options_in(testing::run(asked).output);
        EXPECT_GE(options.size(), 2u);
        if (has("groff")) {
            const CommandResult read = testing::run({"groff", "-man", "-ww", "-Tascii", "-P-cbou", path});
            EXPECT_EQ(read.error_output, "") << path;
            EXPECT_EQ(read.status, 0);
            for (const std::string& option : options)
                EXPECT_NE(read.output.find(option), std::string::npos) << path << " lacks " << option;
        }
        if (has("man")) {
            const CommandResult read =
                testing::run({"sh", "-c", "LC_ALL=C.UTF-8 MANROFFSEQ= man --warnings -l " + path + " | cat"});
            EXPECT_EQ(read.error_output, "") << path;
        }
    }
}

// bash completes commands, options, and what options want.
TEST_F(Documents, Bash) {
    EXPECT_EQ(bash_proposes({"thrum", "li"}), "listen\n");
    EXPECT_EQ(bash_proposes({"thrum", "--v"}), "--version\n");
    EXPECT_EQ(bash_proposes({"thrum", "listen", "--ke"}), "--keep\n--key\n");
    EXPECT_EQ(bash_proposes({"thrum", "get", "-d", share().string() + "/m"}), share().string() + "/man\n");
    EXPECT_EQ(bash_proposes({"thrum", "listen", "--cert", bash_script().substr(0, bash_script().size() - 2)}),
              bash_script() + "\n");
    EXPECT_EQ(bash_proposes({"thrum", "listen", "--idle", ""}), "\n") << "a time cannot be guessed";
    EXPECT_EQ(bash_proposes({"thrum", "documents", "-"}), "\n");
    for (const char* command : commands) {
        for (const std::string& option : options_in(testing::run({thrum_command, command, "--help"}).output))
            EXPECT_EQ(bash_proposes({"thrum", command, option}).find(option), 0u) << command << option;
    }
    const CommandResult joined =
        testing::run({"bash", "--norc", "-c", ". " + bash_script() + "; complete -p thrum"});
    EXPECT_EQ(joined.output, "complete -F _thrum thrum\n");
}

// fish does so itself, with what each is for beside it.
TEST_F(Documents, Fish) {
    if (!has("fish")) GTEST_SKIP() << "there is no fish here";
    const auto proposes = [&](const std::string& line) {
        const CommandResult result = testing::run(
            {"fish", "--no-config", "-c", "source " + fish_script() + "; complete -C '" + line + "'"});
        EXPECT_EQ(result.error_output, "");
        return result.output;
    };
    EXPECT_EQ(proposes("thrum lis"), "listen\tConnect standard input and output to a client\n");
    EXPECT_EQ(proposes("thrum listen --kee"), "--keep\tGo on with the next client\n");
    EXPECT_EQ(proposes("thrum get -d " + share().string() + "/m").find(share().string() + "/man/"), 0u);
}

// zsh reads its script, and the function that it calls for the command is there.
TEST_F(Documents, Zsh) {
    if (!has("zsh")) GTEST_SKIP() << "there is no zsh here";
    EXPECT_EQ(testing::run({"zsh", "-fn", zsh_script()}).error_output, "");
    const CommandResult found =
        testing::run({"zsh", "-fc",
                      "fpath=(" + (share() / "zsh/site-functions").string() +
                          " $fpath); autoload -U compinit; compinit -D -u; print $_comps[thrum]"});
    EXPECT_EQ(found.output, "_thrum\n") << found.error_output;
}

// It is no command for people.
TEST_F(Documents, IsNotShown) {
    EXPECT_EQ(testing::run({thrum_command, "--help"}).output.find("documents"), std::string::npos);
    EXPECT_EQ(testing::run({thrum_command, "gte"}).error_output.find("documents"), std::string::npos);
}

}  // namespace
}  // namespace thrum::cli
