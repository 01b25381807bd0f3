// thrum/venv/create_test.cpp: floor 5, venv
#include <thrum/base/errors.hpp>
#include <thrum/base/file.hpp>
#include <thrum/threads/thread.hpp>
#include <thrum/venv/create.hpp>
#include <thrum/venv/internal/temporary_folder.hpp>
#include <thrum/venv/internal/test_pythons_fixture.hpp>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>

namespace thrum::venv {
namespace {

using internal::TemporaryFolder;
using internal::test_pythons;

// Path, and for links where they lead, for copies how long they are; pyvenv.cfg and the activation scripts
// apart.
std::map<std::string, std::string> tree_of(const std::filesystem::path& root) {
    std::map<std::string, std::string> tree;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
        const std::string name = entry.path().lexically_relative(root).string();
        if (name.starts_with("bin/activate") || name.starts_with("bin/Activate") ||
            name == "bin/deactivate.bat")
            continue;
        if (entry.is_symlink()) {
            tree[name] = "-> " + std::filesystem::read_symlink(entry.path()).string();
        } else if (entry.is_directory()) {
            tree[name] = "folder";
        } else if (name.starts_with("bin/")) {
            tree[name] = "program of " + std::to_string(entry.file_size());
        } else {
            tree[name] = "file";
        }
    }
    return tree;
}

// What Python itself says about where it is.
std::string python_says(const std::filesystem::path& environment) {
    const CompletedProcess result = run_process(
        {(environment / "bin/python").string(), "-c",
         "import sys, site, sysconfig\n"
         "print(sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix, sys.executable)\n"
         "print(sys.path)\n"
         "print(site.getsitepackages(), site.ENABLE_USER_SITE, site.PREFIXES)\n"
         "print(sorted(sysconfig.get_paths().items()))\n"});
    EXPECT_EQ(result.status, 0) << result.errors;
    return result.output;
}

struct Made {
    std::map<std::string, std::string> tree;
    std::string configuration;
    std::string words;
};

Made look_at(const std::filesystem::path& place) {
    return {tree_of(place), read_file(place / "pyvenv.cfg"), python_says(place)};
}

// For every Python on this machine and every option the result is that of `python -m venv`: the same files
// and links, the same pyvenv.cfg to the byte, and the same words from Python about its prefix, path and
// folders.
TEST(Create, IsWhatPythonMVenvMakes) {
    const struct {
        CreateOptions options;
        std::vector<std::string> flags;
    } rows[] = {
        {{}, {}},
        {{.prompt = "it's \"mine\"\\"}, {"--prompt", "it's \"mine\"\\"}},
        {{.prompt = "it's"}, {"--prompt", "it's"}},
        {{.clear = true}, {"--clear"}},
        {{.system_site_packages = true}, {"--system-site-packages"}},
        {{.copies = true}, {"--copies"}},
        {{.prompt = ".", .clear = true, .system_site_packages = true, .copies = true},
         {"--copies", "--system-site-packages", "--clear", "--prompt", "."}},
    };
    const TemporaryFolder folder;
    const std::filesystem::path place = folder.path() / "the env";
    for (const Interpreter& python : test_pythons()) {
        for (const auto& row : rows) {
            // That "." means the present folder's name is newer than 3.8 (bpo-38901); here it means so for
            // all.
            if (python.minor == 8 && row.options.prompt == ".") continue;
            SCOPED_TRACE(python.executable.string() + " " +
                         python_repr(row.flags.empty() ? "" : row.flags.back()));
            std::vector<std::string> command = {python.executable.string(), "-m", "venv", "--without-pip"};
            command.insert(command.end(), row.flags.begin(), row.flags.end());
            command.push_back(place.string());
            run_process(command).check_returncode();
            const Made theirs = look_at(place);
            std::filesystem::remove_all(place);
            EXPECT_EQ(create(place, python, row.options).python(), place / "bin/python");
            const Made ours = look_at(place);
            EXPECT_EQ(ours.tree, theirs.tree);
            EXPECT_EQ(ours.configuration, theirs.configuration);
            EXPECT_EQ(ours.words, theirs.words);
            std::filesystem::remove_all(place);
        }
    }
}

// An environment made by an interpreter inside an environment hangs on the base, not on the other
// environment, which may go; also where Python's own venv chains them (3.8 to 3.10).
TEST(Create, AnEnvironmentOfAnEnvironmentUsesTheBase) {
    for (const Interpreter& python : test_pythons()) {
        const TemporaryFolder folder;
        const Environment first = create(folder.path() / "first", python, {});
        const Environment second = create(folder.path() / "second", {.python = first.python().string()});
        const Environment third = create(folder.path() / "third", {.python = second.path().string()});
        std::filesystem::remove_all(first.path());
        std::filesystem::remove_all(second.path());
        const CompletedProcess result =
            third.run({"python", "-c", "import sys; print(sys.prefix, sys.base_prefix)"});
        EXPECT_EQ(result.output, third.path().string() + " " + python.base_prefix.string() + "\n")
            << python.version;
    }
}

std::string why_not(const std::filesystem::path& place, const CreateOptions& options = {}) {
    try {
        create(place, test_pythons().front(), options);
    } catch (const CreationError& error) {
        return error.what();
    }
    return "made";
}

// What is in the way is never touched, with or without clear, and the message says what to do.
TEST(Create, RefusesWhatIsNoEnvironment) {
    const TemporaryFolder folder;
    const std::filesystem::path root = folder.path();
    write_file(root / "file", "mine");
    std::filesystem::create_directory(root / "full");
    write_file(root / "full/letter", "mine");
    std::filesystem::create_symlink("nowhere", root / "dangling");
    const std::string start = "cannot make an environment in " + root.string();
    EXPECT_EQ(why_not(root / "file"), start + "/file: a file is in the way; remove it first");
    EXPECT_EQ(why_not(root / "file", {.clear = true}),
              start + "/file: a file is in the way; remove it first");
    EXPECT_EQ(why_not(root / "dangling"), start + "/dangling: a file is in the way; remove it first");
    EXPECT_EQ(
        why_not(root / "full"),
        start + "/full: the folder is not empty and is no environment; choose another or empty it first");
    EXPECT_EQ(
        why_not(root / "full", {.clear = true}),
        start +
            "/full: the folder is not empty and is no environment, so it is not cleared; remove it yourself "
            "or choose another");
    EXPECT_EQ(why_not(root / "a:b"),
              start + "/a:b: the path holds ':', which separates the entries of PATH; choose another");
    EXPECT_EQ(why_not("/", {.clear = true}),
              "cannot make an environment in /: it is the root folder; choose a folder of its own");
    EXPECT_EQ(why_not("/usr/..", {.clear = true}),
              "cannot make an environment in /: it is the root folder; choose a folder of its own");
    EXPECT_EQ(why_not(""), "cannot make an environment: the path is empty; name a folder");
    EXPECT_EQ(read_file(root / "file"), "mine");
    EXPECT_EQ(read_file(root / "full/letter"), "mine");
    EXPECT_THROW(create(root / "file/below", test_pythons().front(), {}), OSError);
    EXPECT_THROW(create("/proc/none/env", test_pythons().front(), {}), OSError);
    // Nothing of a workshop is left beside.
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(root), {}), 3);
}

// The home folder is refused even where it looks like an environment or is reached through a link.
TEST(Create, RefusesTheHomeFolder) {
    const TemporaryFolder folder;
    const std::string before = std::getenv("HOME") == nullptr ? "" : std::getenv("HOME");
    const std::filesystem::path home = folder.path() / "home";
    std::filesystem::create_directory(home);
    write_file(home / "pyvenv.cfg", "home = /usr/bin\n");
    write_file(home / "letter", "mine");
    std::filesystem::create_directory_symlink(home, folder.path() / "link");
    ::setenv("HOME", home.c_str(), 1);
    EXPECT_NE(why_not(home, {.clear = true}).find("it is your home folder"), std::string::npos);
    EXPECT_NE(why_not(folder.path() / "link", {.clear = true}).find("it is your home folder"),
              std::string::npos);
    ::setenv("HOME", before.c_str(), 1);
    EXPECT_EQ(read_file(home / "letter"), "mine");
}

// Without clear an environment keeps its packages and gets back links and scripts that were lost.
TEST(Create, AnExistingEnvironmentIsMended) {
    const TemporaryFolder folder;
    const std::filesystem::path place = folder.path() / "env";
    const Interpreter& python = test_pythons().front();
    create(place, python, {.prompt = "one"});
    const std::filesystem::path module = place / python.scheme.purelib / "kept.py";
    write_file(module, "answer = 42\n");
    std::filesystem::remove(place / "bin/python");
    std::filesystem::remove(place / "bin/python3");
    write_file(place / "bin/activate", "broken");
    write_file(place / "bin/python3", "no program");
    const Environment mended = create(place, python, {.prompt = "two"});
    EXPECT_EQ(mended.run({"python", "-c", "import kept; print(kept.answer)"}).output, "42\n");
    EXPECT_EQ(value_of(mended.configuration(), "prompt"), "'two'");
    EXPECT_NE(read_file(place / "bin/activate"), "broken");
}

// An environment of another Python is not mixed with this one: it stays as it is and the message names both.
TEST(Create, AnEnvironmentOfAnotherPythonIsNotMixed) {
    const TemporaryFolder folder;
    const std::filesystem::path place = folder.path() / "env";
    const Interpreter& python = test_pythons().front();
    create(place, python, {});
    write_file(place / "pyvenv.cfg", "home = /usr/bin\nversion = 3.1.4\n");
    EXPECT_EQ(why_not(place),
              "cannot make an environment of Python " + python.version + " in " + place.string() +
                  ": there is one of Python 3.1.4; replace it with --clear or choose another");
    EXPECT_EQ(why_not(place, {.clear = true}), "made");
    EXPECT_TRUE(Environment(place).python_version().starts_with("3." + std::to_string(python.minor)));
}

// clear leaves nothing of the old environment, whether it can be swapped, is a link, or holds the present
// folder.
TEST(Create, ClearReplacesEverything) {
    for (const std::string how : {"plain", "link", "present folder"}) {
        const TemporaryFolder folder;
        const std::filesystem::path real = folder.path() / "env";
        const std::filesystem::path place = how == "link" ? folder.path() / "link" : real;
        create(real, test_pythons().front(), {});
        if (how == "link") std::filesystem::create_directory_symlink(real, place);
        write_file(real / "lib/old", "old");
        const std::filesystem::path before = std::filesystem::current_path();
        if (how == "present folder") std::filesystem::current_path(real / "lib");
        const Environment made =
            create(how == "present folder" ? "..//." : place, test_pythons().front(), {.clear = true});
        std::filesystem::current_path(before);
        EXPECT_EQ(made.path(), place) << how;
        EXPECT_FALSE(std::filesystem::exists(real / "lib/old")) << how;
        EXPECT_EQ(made.run({"python", "-c", "import sys; print(sys.prefix)"}).output, place.string() + "\n")
            << how;
        EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}),
                  how == "link" ? 2 : 1)
            << how;
    }
}

// A folder left by a crash in the middle of a creation in place is known for what it is and made anew.
TEST(Create, AnUnfinishedEnvironmentIsMadeAnew) {
    const TemporaryFolder folder;
    const std::filesystem::path place = folder.path() / "env";
    std::filesystem::create_directories(place / "bin");
    write_file(place / "bin/rubbish", "");
    write_file(place / "pyvenv.cfg.part2", "");
    EXPECT_NE(why_not(place), "made");
    std::filesystem::rename(place / "pyvenv.cfg.part2", place / "pyvenv.cfg.part");
    EXPECT_EQ(why_not(place), "made");
    EXPECT_FALSE(std::filesystem::exists(place / "bin/rubbish"));
    EXPECT_FALSE(std::filesystem::exists(place / "pyvenv.cfg.part"));
}

// Missing folders above are made; an empty folder is used; permissions are those that mkdir would give.
TEST(Create, FoldersAreMadeAsMkdirWould) {
    const TemporaryFolder folder;
    const ::mode_t before = ::umask(027);
    const Environment deep = create(folder.path() / "a/b/c", test_pythons().front(), {});
    std::filesystem::create_directory(folder.path() / "empty");
    create(folder.path() / "empty", test_pythons().front(), {});
    ::umask(before);
    for (const char* name : {"a", "a/b", "a/b/c", "empty", "a/b/c/lib"}) {
        EXPECT_EQ(std::filesystem::status(folder.path() / name).permissions(), std::filesystem::perms(0750))
            << name;
    }
    EXPECT_EQ(std::filesystem::status(deep.path() / "pyvenv.cfg").permissions(),
              std::filesystem::perms(0640));
}

// Any name that a folder can have can be an environment's, and Python agrees on its prefix.
TEST(Create, HostileFolderNames) {
    for (const std::string name : {" ", "a b", "it's", "\"quoted\"", "$(touch pwned)", "`touch pwned`",
                                   "new\nline", "home = /x\nhome = /y", "-n", "tab\there", "back\\slash",
                                   "ünïcode 🐍", "%PATH%", ";touch pwned;", "*?[a]",
                                   "not\xff"
                                   "utf8",
                                   "~", "a\rb"}) {
        const TemporaryFolder folder;
        const std::filesystem::path place = folder.path() / name;
        const Environment environment = create(place, test_pythons().front(), {});
        const CompletedProcess result =
            environment.run({"python", "-c",
                             "import sys, os; sys.stdout.buffer.write(os.fsencode(sys.prefix)); sys.prefix "
                             "!= sys.base_prefix or 1/0"});
        EXPECT_EQ(result.output, place.string()) << result.errors;
        EXPECT_EQ(result.status, 0) << result.errors;
        EXPECT_EQ(
            environment.configuration().size(),
            Environment(create(folder.path() / "plain", test_pythons().front(), {})).configuration().size());
    }
}

// The same from a fiber with its small stack, many at once, beside one another in one folder.
TEST(Create, RunsInFibers) {
    const TemporaryFolder folder;
    std::vector<std::string> prefixes(8);
    {
        std::vector<Thread> threads;
        for (std::size_t index = 0; index < prefixes.size(); ++index) {
            threads.emplace_back([&, index] {
                const Environment made =
                    create(folder.path() / std::to_string(index), {.python = "/usr/bin/python3"});
                prefixes[index] = made.run({"python", "-c", "import sys; print(sys.prefix)"}).output;
            });
        }
        for (Thread& thread : threads) thread.join();
    }
    for (std::size_t index = 0; index < prefixes.size(); ++index) {
        EXPECT_EQ(prefixes[index], (folder.path() / std::to_string(index)).string() + "\n");
    }
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 8);
}

}  // namespace
}  // namespace thrum::venv
