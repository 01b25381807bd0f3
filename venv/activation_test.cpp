// thrum/venv/activation_test.cpp: floor 5, venv
#include <thrum/base/file.hpp>
#include <thrum/base/text.hpp>
#include <thrum/venv/activation.hpp>
#include <thrum/venv/create.hpp>
#include <thrum/venv/internal/temporary_folder.hpp>
#include <thrum/venv/internal/test_pythons_fixture.hpp>

#include <gtest/gtest.h>

#include <cstdlib>

namespace thrum::venv {
namespace {

using internal::TemporaryFolder;
using internal::test_pythons;

// What each shell is called, the script it sources, and how it runs a text without reading anybody's start-up
// files.
struct Shell {
    std::string name;
    std::string script;
    std::vector<std::string> command;
};

const std::vector<Shell> posix_shells = {
    {"bash", "activate", {"bash", "--norc", "--noprofile", "-c"}},
    {"zsh", "activate", {"zsh", "-f", "-c"}},
    {"dash", "activate", {"dash", "-c"}},
};
const Shell fish = {"fish", "activate.fish", {"fish", "--no-config", "-c"}};

CompletedProcess run_shell(const Shell& shell, const std::string& text, ProcessOptions options = {}) {
    std::vector<std::string> command = shell.command;
    command.push_back(text);
    // fish writes into the home folder.
    const TemporaryFolder home;
    options.environment.insert(options.environment.begin(), {{"HOME", home.path().string()},
                                                             {"VIRTUAL_ENV", std::nullopt},
                                                             {"VIRTUAL_ENV_PROMPT", std::nullopt},
                                                             {"XDG_CONFIG_HOME", std::nullopt}});
    return run_process(command, options);
}

std::string sourcing(const Shell& shell, const std::filesystem::path& environment) {
    const std::filesystem::path script = environment / "bin" / shell.script;
    return shell.name == "fish" ? "source " + fish_quote(script.string())
                                : ". " + posix_quote(script.string());
}

// Tells all that a script may have changed.
constexpr char posix_state[] =
    "state() { env | grep -v '^_=' | sort; printf 'PS1=%s\\n' \"${PS1-unset}\"; set | grep -E "
    "'^_?OLD_VIRTUAL' || true;"
    " command -v deactivate || echo none; }\n";
constexpr char fish_state[] =
    "function state; env | grep -v '^_=' | sort; set -g | grep _OLD_; functions -q deactivate "
    "_old_fish_prompt "
    "_thrum_return; echo $status; functions fish_prompt | grep -v '^# Defined'; end\n";

// Between activate and deactivate the environment's Python is the one; afterwards everything is as before, be
// PYTHONHOME and PS1 set or not; also where unset variables and failures end the script.
TEST(Activation, DeactivateRestoresEverything) {
    const TemporaryFolder folder;
    const Environment environment = create(folder.path() / "env", test_pythons().front(), {});
    const std::string expected = environment.path().string() + " " + environment.path().string();
    for (const Shell& shell : posix_shells) {
        for (const std::string set_up :
             {"", "PS1='> '; export PYTHONHOME=/nowhere", "unset PS1", "PS1=; export PYTHONHOME="}) {
            const CompletedProcess result = run_shell(
                shell, "set -eu\n" + set_up + "\n" + posix_state + "state; echo +++\n" +
                           sourcing(shell, environment.path()) +
                           "\npython -c 'import sys, os; print(sys.prefix, os.environ[\"VIRTUAL_ENV\"])'\n"
                           "echo \"${PS1-unset}\"\necho +++; deactivate; state");
            SCOPED_TRACE(shell.name + ": " + set_up);
            const std::string& text = result.output;
            const std::size_t first = text.find("+++\n");
            const std::size_t second = text.find("+++\n", first + 1);
            ASSERT_NE(second, text.npos) << text << result.errors;
            EXPECT_EQ(result.status, 0) << result.errors;
            EXPECT_EQ(result.errors, "");
            const std::string inside = text.substr(first + 4, second - first - 4);
            EXPECT_TRUE(inside.starts_with(expected + "\n")) << inside;
            if (set_up.starts_with("PS1='> '")) {
                EXPECT_EQ(inside, expected + "\n(env) > \n");
            }
            EXPECT_EQ(text.substr(second + 4), text.substr(0, first));
        }
    }
}

TEST(Activation, DeactivateRestoresEverythingInFish) {
    const TemporaryFolder folder;
    const Environment environment = create(folder.path() / "env", test_pythons().front(), {.prompt = "demo"});
    for (const std::string set_up :
         {"", "set -gx PYTHONHOME /nowhere", "function fish_prompt; echo \"$status> \"; end"}) {
        const CompletedProcess result = run_shell(
            fish, set_up + "\n" + fish_state + "state; echo +++\n" + sourcing(fish, environment.path()) +
                      "\npython -c 'import sys, os; print(sys.prefix, "
                      "os.environ[\"VIRTUAL_ENV\"])'\nfalse\nfish_prompt\n"
                      "echo +++; deactivate; state");
        SCOPED_TRACE(set_up);
        const std::string& text = result.output;
        const std::size_t first = text.find("+++\n");
        const std::size_t second = text.find("+++\n", first + 1);
        ASSERT_NE(second, text.npos) << text << result.errors;
        EXPECT_EQ(result.errors, "");
        const std::string inside = text.substr(first + 4, second - first - 4);
        const std::string place = environment.path().string();
        EXPECT_TRUE(inside.starts_with(place + " " + place + "\n(demo) ")) << inside;
        if (set_up.starts_with("function")) {
            EXPECT_TRUE(inside.ends_with("\n(demo) 1> \n")) << inside;
        }
        EXPECT_EQ(text.substr(second + 4), text.substr(0, first));
    }
}

// What is put on PATH while an environment is active stays there.
TEST(Activation, DeactivateKeepsNewPathEntries) {
    const TemporaryFolder folder;
    const Environment environment = create(folder.path() / "env", test_pythons().front(), {});
    for (const Shell& shell : posix_shells) {
        const std::string text = "PATH=/usr/bin:/bin; " + sourcing(shell, environment.path()) +
                                 "; PATH=/new:$PATH:/last; deactivate; echo \"$PATH\"";
        EXPECT_EQ(run_shell(shell, text).output, "/new:/usr/bin:/bin:/last\n") << shell.name;
    }
    const std::string text = "set -gx PATH /usr/bin /bin; " + sourcing(fish, environment.path()) +
                             "; set -gx PATH /new $PATH /last; deactivate; string join : $PATH";
    EXPECT_EQ(run_shell(fish, text).output, "/new:/usr/bin:/bin:/last\n");
}

// Activating a second environment leaves the first, whoever made either of them; one deactivate leads
// outside.
TEST(Activation, ActivatingAnotherEnvironmentLeavesTheFirst) {
    const TemporaryFolder folder;
    const std::filesystem::path first = create(folder.path() / "first", test_pythons().front(), {}).path();
    const std::filesystem::path second = create(folder.path() / "second", test_pythons().front(), {}).path();
    const std::filesystem::path other = folder.path() / "other";
    run_process({test_pythons().front().executable, "-m", "venv", "--without-pip", other}).check_returncode();
    const std::filesystem::path pairs[][2] = {{first, second}, {first, other}, {other, first}};
    for (const auto& pair : pairs) {
        for (const Shell& shell : posix_shells) {
            const CompletedProcess result =
                run_shell(shell, "PS1=x PATH=/usr/bin:/bin; " + sourcing(shell, pair[0]) + "; " +
                                     sourcing(shell, pair[1]) +
                                     "\necho \"$VIRTUAL_ENV $PATH $PS1\"; deactivate; echo "
                                     "\"${VIRTUAL_ENV-none} $PATH $PS1\"");
            EXPECT_EQ(result.output, pair[1].string() + " " + pair[1].string() + "/bin:/usr/bin:/bin (" +
                                         pair[1].filename().string() + ") x\nnone /usr/bin:/bin x\n")
                << shell.name << " from " << pair[0] << result.errors;
        }
        const CompletedProcess result = run_shell(
            fish, "set -gx PATH /usr/bin /bin; " + sourcing(fish, pair[0]) + "; " + sourcing(fish, pair[1]) +
                      "\necho $VIRTUAL_ENV (string join : $PATH); deactivate; echo (set -q VIRTUAL_ENV; echo "
                      "$status) "
                      "(string join : $PATH)");
        EXPECT_EQ(result.output,
                  pair[1].string() + " " + pair[1].string() + "/bin:/usr/bin:/bin\n1 /usr/bin:/bin\n")
            << "fish from " << pair[0] << result.errors;
    }
}

// A shell started inside an active environment that enters another one comes back to the first.
TEST(Activation, AShellInsideComesBackToTheOuterEnvironment) {
    const TemporaryFolder folder;
    const Environment outer = create(folder.path() / "outer", test_pythons().front(), {});
    const Environment inner = create(folder.path() / "inner", test_pythons().front(), {});
    const std::string prefix = "python -c 'import sys; print(sys.prefix)'";
    for (const Shell& shell : posix_shells) {
        const std::string text =
            sourcing(shell, outer.path()) + "; " + shell.name + " -c " +
            posix_quote(sourcing(shell, inner.path()) + "; deactivate; echo $VIRTUAL_ENV; " + prefix);
        EXPECT_EQ(run_shell(shell, text).output, outer.path().string() + "\n" + outer.path().string() + "\n")
            << shell.name;
    }
    const std::string text =
        sourcing(fish, outer.path()) + "; fish --no-config -c " +
        fish_quote(sourcing(fish, inner.path()) + "; deactivate; echo $VIRTUAL_ENV; " + prefix);
    EXPECT_EQ(run_shell(fish, text).output, outer.path().string() + "\n" + outer.path().string() + "\n");
}

// VIRTUAL_ENV_DISABLE_PROMPT leaves the prompt alone.
TEST(Activation, ThePromptCanBeLeftAlone) {
    const TemporaryFolder folder;
    const Environment environment = create(folder.path() / "env", test_pythons().front(), {});
    for (const Shell& shell : posix_shells) {
        const std::string text = "PS1='> '; VIRTUAL_ENV_DISABLE_PROMPT=1; " +
                                 sourcing(shell, environment.path()) + "; echo \"$PS1$VIRTUAL_ENV_PROMPT\"";
        EXPECT_EQ(run_shell(shell, text).output, "> env\n") << shell.name;
    }
}

const char* const hostile_names[] = {
    "a b",
    "it's",
    "'; touch pwned; '",
    "\"; touch pwned; \"",
    "$(touch pwned)",
    "`touch pwned`",
    "new\ntouch pwned\n",
    "; touch pwned",
    "\\'; touch pwned; \\'",
    "\\",
    "''; touch pwned #",
    "@PROMPT@ @ROOT@",
    "!! %1 ~ *",
    "ünïcode 🐍",
    "\u2019; touch pwned; \u2018",
    "x'$(touch pwned)'\"`touch pwned`\"",
};

// The prompt as the shell shows it, expanded the way the shell expands it.
std::string shown_prompt(const Shell& shell) {
    if (shell.name == "bash") return "printf %s \"${PS1@P}\"";
    if (shell.name == "zsh") return "setopt prompt_subst; print -rn -- \"${(%%)${(e)PS1}}\"";
    if (shell.name == "fish") return "fish_prompt";
    return ":";
}

void expect_harmless(const std::filesystem::path& place, const std::string& prompt,
                     const std::filesystem::path& here) {
    std::vector<Shell> shells = posix_shells;
    shells.push_back(fish);
    for (const Shell& shell : shells) {
        const std::string text =
            (shell.name == "fish" ? "" : "PS1='> '\n") + sourcing(shell, place) +
            "\npython -c 'import os, sys; w = sys.stdout.buffer.write; "
            "[w(os.fsencode(t) + b\"\\0\") for t in (sys.prefix, os.environ[\"VIRTUAL_ENV\"], "
            "os.environ[\"VIRTUAL_ENV_PROMPT\"])]'\n" +
            shown_prompt(shell) + "\ndeactivate";
        const CompletedProcess result = run_shell(shell, text, {.folder = here});
        SCOPED_TRACE(shell.name + " " + place.string() + " " + prompt);
        const auto words = split(result.output, '\0');
        ASSERT_EQ(words.size(), 4u) << result.output << result.errors;
        EXPECT_EQ(words[0], place.string());
        EXPECT_EQ(words[1], place.string());
        EXPECT_EQ(words[2], prompt);
        if (shell.name != "dash") {
            EXPECT_TRUE(words[3].starts_with("(" + plain_prompt(prompt) + ") ")) << words[3];
        }
        EXPECT_EQ(result.errors, "");
        EXPECT_TRUE(std::filesystem::is_empty(here));
    }
}

// CVE-2024-9287: a folder's name is data in every activation script, never a command.
TEST(Activation, CVE_2024_9287_TheFolderIsQuoted) {
    const TemporaryFolder here;
    for (const std::string name : hostile_names) {
        const TemporaryFolder folder;
        const Environment environment = create(folder.path() / name, test_pythons().front(), {});
        expect_harmless(environment.path(), name, here.path());
    }
}

// CVE-2024-53899: the same for the prompt, also when the shell shows it and expands it once more.
TEST(Activation, CVE_2024_53899_ThePromptIsQuoted) {
    const TemporaryFolder here;
    const TemporaryFolder folder;
    for (const std::string prompt : hostile_names) {
        const Environment environment =
            create(folder.path() / "env", test_pythons().front(), {.prompt = prompt});
        expect_harmless(environment.path(), prompt, here.path());
    }
}

// dash expands its prompt only when it is interactive: shown so, nothing in it runs either.
TEST(Activation, CVE_2024_53899_AnInteractiveDashRunsNothing) {
    const TemporaryFolder here;
    const TemporaryFolder folder;
    for (const std::string prompt : hostile_names) {
        const Environment environment =
            create(folder.path() / "env", test_pythons().front(), {.prompt = prompt});
        const CompletedProcess result = run_process({"sh", "-c", "printf '%s\\n' \"$1\" : : | ENV= dash -i",
                                                     "sh", sourcing(posix_shells[2], environment.path())},
                                                    {.folder = here.path()});
        EXPECT_NE(result.errors.find("(" + plain_prompt(prompt) + ") "), std::string::npos) << result.errors;
        EXPECT_TRUE(std::filesystem::is_empty(here.path())) << prompt;
    }
}

std::string script_named(std::string_view name, std::string_view prompt) {
    for (const ActivationScript& script : activation_scripts("/srv/env", "bin", prompt)) {
        if (script.name == name) return script.text;
    }
    return {};
}

// PowerShell: a verbatim string ends at any of five quotes, and each is doubled; the folder is not in the
// script.
TEST(Activation, CVE_2024_53899_PowerShellQuoting) {
    EXPECT_EQ(powershell_quote("a'b"), "'a''b'");
    EXPECT_EQ(powershell_quote("$(x) `n \"q\""), "'$(x) `n \"q\"'");
    for (const std::string quote : {"\u2018", "\u2019", "\u201A", "\u201B"}) {
        EXPECT_EQ(powershell_quote(quote + "; calc"), "'" + quote + quote + "; calc'");
    }
    EXPECT_EQ(powershell_quote("\u201C\u2017\xE2\x80"), "'\u201C\u2017\xE2\x80'");
    const std::string text = script_named("Activate.ps1", "\u2019; calc; '");
    EXPECT_TRUE(text.starts_with("\xEF\xBB\xBF#"));
    EXPECT_NE(text.find("$Env:VIRTUAL_ENV_PROMPT = '\u2019\u2019; calc; '''\n"), text.npos);
    EXPECT_NE(text.find("'(' + '\u2019\u2019; calc; ''' + ') '"), text.npos);
    EXPECT_EQ(text.find("/srv/env"), text.npos);
    EXPECT_TRUE(script_named("Activate.ps1", "plain").starts_with("#"));
}

// cmd: nothing but harmless characters of the prompt come into the script, every line ends as cmd wants it,
// and the folder is not in it.
TEST(Activation, CVE_2024_53899_BatchText) {
    EXPECT_EQ(batch_text("demo-1.0 (x)"), "demo-1.0 (x)");
    EXPECT_EQ(batch_text("a\"&calc&%PATH%^|<>!\r\nb$G\u00FC"),
              "a__calc__PATH_______"
              "_b_G__");
    const std::string text = script_named("activate.bat", "x\"&calc&\"");
    EXPECT_NE(text.find("set \"VIRTUAL_ENV_PROMPT=x__calc__\"\r\n"), text.npos);
    EXPECT_NE(text.find("set \"PROMPT=(x__calc__) %PROMPT%\"\r\n"), text.npos);
    EXPECT_EQ(text.find("/srv/env"), text.npos);
    for (const char* name : {"activate.bat", "deactivate.bat"}) {
        const std::string script = script_named(name, "x");
        for (std::size_t at = script.find('\n'); at != script.npos; at = script.find('\n', at + 1)) {
            EXPECT_EQ(script[at - 1], '\r');
        }
        EXPECT_EQ(script.find('@', 1), script.npos) << "an unfilled mark in " << name;
    }
}

// The command to type fits the user's shell and quotes what must be quoted.
TEST(Activation, TheCommandFitsTheShell) {
    const struct {
        const char* shell;
        const char* folder;
        const char* command;
    } rows[] = {
        {"/bin/bash", ".venv", "source .venv/bin/activate"},
        {"/usr/bin/zsh", "my env", "source 'my env/bin/activate'"},
        {"zsh", "it's", "source 'it'\\''s/bin/activate'"},
        {"/usr/bin/fish", ".venv", "source .venv/bin/activate.fish"},
        {"/usr/bin/fish", "it's", "source 'it\\'s/bin/activate.fish'"},
        {"/bin/tcsh", "it's!", "source 'it'\\''s'\\!'/bin/activate.csh'"},
        {"/bin/csh", ".venv", "source .venv/bin/activate.csh"},
        {"/opt/pwsh", "it's", "& 'it''s/bin/Activate.ps1'"},
        {"/bin/dash", ".venv", ". .venv/bin/activate"},
        {"", "/srv/env", ". /srv/env/bin/activate"},
    };
    for (const auto& row : rows) EXPECT_EQ(activation_command(row.shell, row.folder), row.command);
}

}  // namespace
}  // namespace thrum::venv
