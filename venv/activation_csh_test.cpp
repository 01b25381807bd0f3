// thrum/venv/activation_csh_test.cpp: floor 5, venv
// Promise: activate.csh does in a real csh what the other scripts do in their shells, whatever bytes the
// environment's path and prompt hold; a line break, which csh cannot take, is refused in words.
#include <thrum/base/file.hpp>
#include <thrum/venv/activation.hpp>
#include <thrum/venv/create.hpp>
#include <thrum/venv/internal/temporary_folder.hpp>
#include <thrum/venv/internal/test_pythons_fixture.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace thrum::venv {
namespace {

using internal::TemporaryFolder;
using internal::test_pythons;

// csh finds aliases line by line, so `text` is a script, and not an argument of -c.
CompletedProcess run_csh(const std::string& text, const std::filesystem::path& folder = {}) {
    const TemporaryFolder own;
    write_file(own.path() / "script", text);
    return run_process({"tcsh", "-f", own.path() / "script"},
                       {.folder = folder,
                        .environment = {{"PATH", "/usr/bin:/bin"},
                                        {"HOME", own.path().string()},
                                        {"PYTHONHOME", std::nullopt},
                                        {"VIRTUAL_ENV", std::nullopt},
                                        {"VIRTUAL_ENV_PROMPT", std::nullopt}}});
}

std::string sourcing(const std::filesystem::path& environment) {
    return "source " + csh_quote((environment / "bin/activate.csh").string()) + "\n";
}

// Where Python and the shell think they are.
constexpr char where[] =
    "python3 -c 'import sys; print(sys.prefix == sys.base_prefix or sys.prefix)'\n"
    "printenv PATH\necho \"$?VIRTUAL_ENV $?VIRTUAL_ENV_PROMPT $?PYTHONHOME\"\n"
    "if ( $?prompt ) then\necho \"[$prompt]\"\nendif\n";
constexpr char outside[] = "True\n/usr/bin:/bin\n0 0 0\n";

// Between activate and deactivate the environment's Python is the one; afterwards all is as before.
TEST(CshActivation, DeactivateRestoresEverything) {
    const TemporaryFolder folder;
    const std::string place = create(folder.path() / "env", test_pythons().front(), {}).path().string();
    const std::string inside = place + "\n" + place + "/bin:/usr/bin:/bin\n1 1 0\n";
    CompletedProcess result = run_csh(sourcing(place) + where + "deactivate\n" + where + "alias\n");
    EXPECT_EQ(result.output, inside + outside);
    EXPECT_EQ(result.errors, "");

    result = run_csh("set prompt = '> '\nsetenv PYTHONHOME /nowhere\n" + sourcing(place) + where +
                     "deactivate\necho \"$PYTHONHOME [$prompt] $?VIRTUAL_ENV\"\nset\n");
    EXPECT_TRUE(result.output.starts_with(inside + "[(env) > ]\n/nowhere [> ] 0\n")) << result.output;
    EXPECT_EQ(result.output.find("_OLD_VIRTUAL"), std::string::npos) << result.output;
    EXPECT_EQ(result.errors, "");

    result = run_csh("set prompt = '> '\nsetenv VIRTUAL_ENV_DISABLE_PROMPT 1\n" + sourcing(place) +
                     "echo \"[$prompt]\"\ndeactivate\necho \"[$prompt]\"\n");
    EXPECT_EQ(result.output, "[> ]\n[> ]\n");
    EXPECT_EQ(result.errors, "");
}

// Another environment, whoever made it, is left first; one deactivate then leads outside.
TEST(CshActivation, ActivatingAnotherEnvironmentLeavesTheFirst) {
    const TemporaryFolder folder;
    const std::filesystem::path first = create(folder.path() / "first", test_pythons().front(), {}).path();
    const std::filesystem::path second = create(folder.path() / "second", test_pythons().front(), {}).path();
    const std::filesystem::path other = folder.path() / "other";
    run_process({test_pythons().front().executable, "-m", "venv", "--without-pip", other}).check_returncode();
    const std::filesystem::path pairs[][2] = {
        {first, second}, {first, first}, {first, other}, {other, first}};
    for (const auto& pair : pairs) {
        const CompletedProcess result = run_csh(
            "set prompt = x\n" + sourcing(pair[0]) + sourcing(pair[1]) +
            "echo \"$VIRTUAL_ENV $PATH $prompt\"\ndeactivate\necho \"$?VIRTUAL_ENV $PATH $prompt\"\n");
        const std::string place = pair[1].string();
        EXPECT_EQ(result.output, place + " " + place + "/bin:/usr/bin:/bin (" + pair[1].filename().string() +
                                     ") x\n0 /usr/bin:/bin x\n")
            << pair[0] << result.errors;
        EXPECT_EQ(result.errors, "");
    }
}

// A shell started inside an active environment that enters another one comes back to the first.
TEST(CshActivation, AShellInsideComesBackToTheOuterEnvironment) {
    const TemporaryFolder folder;
    const Environment outer = create(folder.path() / "outer", test_pythons().front(), {});
    const Environment inner = create(folder.path() / "inner", test_pythons().front(), {});
    write_file(folder.path() / "inside",
               sourcing(inner.path()) + "deactivate\necho \"$VIRTUAL_ENV $VIRTUAL_ENV_PROMPT\"\n");
    const CompletedProcess result =
        run_csh(sourcing(outer.path()) + "tcsh -f " + csh_quote((folder.path() / "inside").string()) + "\n");
    EXPECT_EQ(result.output, outer.path().string() + " outer\n") << result.errors;
}

// What the prompt shows of `text`.
std::string shown(const std::string& text) {
    std::string result = plain_prompt(text);
    std::replace(result.begin(), result.end(), '^', '_');
    return result;
}

const char* const hostile_names[] = {
    "a b",
    "it's",
    "'; touch pwned; '",
    "\"; touch pwned; \"",
    "$(touch pwned)",
    "`touch pwned`",
    "; touch pwned",
    "\\'; touch pwned; \\'",
    "\\",
    "''; touch pwned #",
    "@PROMPT@ @ROOT@",
    "!! !touch a!b \\! %1 ~ * {a,b}[c]?",
    "^x^y^[[2J",
    "$HOME\ttab",
    "ünïcode 🐍",
    "x'$(touch pwned)'\"`touch pwned`\"",
};

// CVE-2024-9287, CVE-2024-53899: path and prompt are data, also where the shell has another rule for "\", and
// where it expands the prompt once more to show it.
TEST(CshActivation, CVE_2024_9287_PathAndPromptAreQuoted) {
    const TemporaryFolder here;
    for (const std::string name : hostile_names) {
        const TemporaryFolder folder;
        const std::string place =
            create(folder.path() / name, test_pythons().front(), {.prompt = name}).path().string();
        for (const std::string set_up : {"", "set backslash_quote\n"}) {
            const CompletedProcess result =
                run_csh(set_up + "set prompt = '> '\n" + sourcing(place) +
                            "printenv VIRTUAL_ENV\nprintenv VIRTUAL_ENV_PROMPT\nprintenv PATH\n"
                            "printf '%s\\n' \"$prompt\"\ndeactivate\nprintenv PATH\n",
                        here.path());
            EXPECT_EQ(result.output, place + "\n" + name + "\n" + place + "/bin:/usr/bin:/bin\n(" +
                                         shown(name) + ") > \n/usr/bin:/bin\n");
            EXPECT_EQ(result.errors, "") << name;
            EXPECT_TRUE(std::filesystem::is_empty(here.path())) << name;
        }
    }
}

// The prompt of an interactive csh is expanded each time it is shown: nothing in it runs.
TEST(CshActivation, CVE_2024_53899_AnInteractiveShellRunsNothing) {
    const TemporaryFolder here;
    const TemporaryFolder folder;
    for (const std::string prompt : hostile_names) {
        const Environment environment =
            create(folder.path() / "env", test_pythons().front(), {.prompt = prompt});
        const CompletedProcess result =
            run_process({"sh", "-c", "printf '%s\\n' \"$1\" : : | tcsh -f -i", "sh",
                         "source " + csh_quote((environment.path() / "bin/activate.csh").string())},
                        {.folder = here.path(), .environment = {{"LC_ALL", "C.UTF-8"}}});
        EXPECT_NE((result.output + result.errors).find("(" + shown(prompt) + ") "), std::string::npos)
            << result.output << result.errors;
        EXPECT_TRUE(std::filesystem::is_empty(here.path())) << prompt;
    }
}

// A line break in the path is refused in words and changes nothing; in the prompt it is shown as "_".
TEST(CshActivation, LineBreaksAreRefused) {
    const TemporaryFolder here;
    const TemporaryFolder folder;
    const std::string name = "new\ntouch pwned\n";
    create(folder.path() / name, test_pythons().front(), {});
    const Environment plain = create(folder.path() / "env", test_pythons().front(), {.prompt = name});
    // csh cannot be told that path, so a link leads there.
    std::filesystem::create_symlink(folder.path() / name, folder.path() / "link");
    CompletedProcess result = run_csh(sourcing(folder.path() / "link") + where, here.path());
    EXPECT_EQ(result.output, outside);
    EXPECT_NE(result.errors.find("holds a line break, which csh cannot take; move it\n"), std::string::npos)
        << result.errors;
    result = run_csh(sourcing(plain.path()) + "printenv VIRTUAL_ENV_PROMPT\n", here.path());
    EXPECT_EQ(result.output, "new_touch pwned_\n");
    EXPECT_EQ(result.errors, "");
    EXPECT_TRUE(std::filesystem::is_empty(here.path()));
}

}  // namespace
}  // namespace thrum::venv
