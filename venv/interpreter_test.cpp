// thrum/venv/interpreter_test.cpp: floor 5, venv
#include <thrum/base/file.hpp>
#include <thrum/threads/thread.hpp>
#include <thrum/venv/create.hpp>
#include <thrum/venv/internal/temporary_folder.hpp>
#include <thrum/venv/internal/test_pythons_fixture.hpp>
#include <thrum/venv/interpreter.hpp>
#include <thrum/venv/process.hpp>

#include <gtest/gtest.h>

#include <cstdlib>
#include <optional>

namespace thrum::venv {
namespace {

using internal::TemporaryFolder;
using internal::test_pythons;

// The one question gives what Python tells when asked at length, for every Python that is here.
TEST(Interpreter, TheFactsAreThoseOfPython) {
    ASSERT_FALSE(test_pythons().empty());
    for (const Interpreter& python : test_pythons()) {
        const CompletedProcess result = run_process(
            {python.executable.string(), "-I", "-c",
             "import sys, os, platform, sysconfig\n"
             "print(sys.executable, os.path.realpath(sys.executable), sys._base_executable, sys.prefix, "
             "sys.base_prefix,"
             " platform.python_version(), *sys.version_info[:3], sys.implementation.name, "
             "sys.implementation.cache_tag,"
             " sysconfig.get_platform(), sys.platform, platform.machine(), "
             "sysconfig.get_config_var('EXT_SUFFIX'),"
             " int(sys.maxsize > 2**32), int(bool(sysconfig.get_config_var('Py_GIL_DISABLED'))))"});
        std::string told;
        for (const std::string& word :
             {python.executable.string(), python.real_executable.string(), python.base_executable.string(),
              python.prefix.string(), python.base_prefix.string(), python.version,
              std::to_string(python.major), std::to_string(python.minor), std::to_string(python.micro),
              python.implementation, python.cache_tag, python.platform, python.sys_platform, python.machine,
              python.extension_suffix, std::to_string(python.is_64_bit),
              std::to_string(python.free_threaded)}) {
            told += (told.empty() ? "" : " ") + word;
        }
        EXPECT_EQ(told + "\n", result.output) << result.errors;
        EXPECT_EQ(python.abi, "cp3" + std::to_string(python.minor));
        EXPECT_EQ(python.scheme.purelib, "lib/python3." + std::to_string(python.minor) + "/site-packages");
        EXPECT_FALSE(python.in_environment());
    }
}

// Asked inside an environment it tells of both: the environment and the base it hangs on.
TEST(Interpreter, InsideAnEnvironment) {
    const TemporaryFolder folder;
    for (const Interpreter& python : test_pythons()) {
        const Environment made = create(folder.path() / "env", python, {.clear = true});
        const Interpreter inside = query_interpreter(made.python());
        EXPECT_TRUE(inside.in_environment());
        EXPECT_EQ(inside.executable, made.python());
        EXPECT_EQ(inside.prefix, made.path());
        EXPECT_EQ(inside.base_prefix, python.base_prefix);
        EXPECT_EQ(inside.real_executable, python.real_executable);
        EXPECT_EQ(inside.base_executable.parent_path(), python.base_executable.parent_path());
    }
}

// A wrapper that starts the real Python, as pyenv's shims do, is seen through, also when it prints something
// first.
TEST(Interpreter, AWrapperIsSeenThrough) {
    const TemporaryFolder folder;
    const Interpreter& python = test_pythons().front();
    const std::filesystem::path shim = folder.path() / "python3";
    write_file(shim, "#!/bin/sh\necho welcome\nexec " + python.executable.string() + " \"$@\"\n", 0755);
    EXPECT_EQ(query_interpreter(shim).executable, python.executable);
    const Environment made = create(folder.path() / "env", {.python = shim.string()});
    EXPECT_EQ(std::filesystem::read_symlink(made.scripts() / python.base_executable.filename()),
              python.base_executable);
}

std::string why_not(const std::filesystem::path& executable) {
    try {
        query_interpreter(executable);
    } catch (const InterpreterError& error) {
        return error.what();
    }
    return "";
}

// Whatever is run instead of a Python, the message says what it did.
TEST(Interpreter, WhatIsNoPythonIsNamed) {
    const TemporaryFolder folder;
    const std::string name = (folder.path() / "python3").string();
    const std::string no_python = name + " is not a working Python interpreter: it ";
    const struct {
        const char* script;
        std::string message;
    } rows[] = {
        {"#!/bin/sh\nexit 0\n", name + " is not a Python interpreter: it ran, but did not answer"},
        {"#!/bin/sh\necho hello\n", name + " is not a Python interpreter: it ran, but did not answer"},
        {"#!/bin/sh\necho 'first cause' >&2\necho more >&2\nexit 127\n",
         no_python + "exited with status 127: first cause"},
        {"#!/bin/sh\nprintf 'Traceback (most):\\n  x\\nValueError: bad\\n' >&2; exit 1\n",
         no_python + "exited with status 1: ValueError: bad"},
        {"#!/bin/sh\necho oh >&2; kill -11 $$\n", name + " crashed: it was killed by signal 11: oh"},
        {"#!/bin/sh\necho 'Unknown option: -I' >&2; exit 2\n",
         name + " is Python 2 or an early Python 3; Python 3.8 or newer is needed"},
        {"#!/bin/sh\nprintf "
         "'thrum-interpreter-facts-1\\0version\\0003.7.16\\0major\\0003\\0minor\\0007\\0'\n",
         name + " is Python 3.7.16; Python 3.8 or newer is needed"},
        {"#!/bin/sh\nprintf 'thrum-interpreter-facts-1\\0version\\0003.9.1\\0major\\0003\\0minor\\0009\\0'\n",
         name + " does not know its own path; give --python with the path of the real file"},
        {"#!/bin/sh\nprintf 'thrum-interpreter-facts-1\\0version'\n",
         name + " is not a Python interpreter: it ran, but did not answer"},
        {"#!/nowhere/sh\n", "cannot run " + name + " (" + name + "): No such file or directory"},
        {"\x7f"
         "ELF",
         "cannot run " + name + " (" + name + "): Exec format error"},
    };
    for (const auto& row : rows) {
        write_file(name, row.script, 0755);
        EXPECT_EQ(why_not(name), row.message) << row.script;
    }
    EXPECT_EQ(why_not("/nowhere/python"), "cannot run /nowhere/python: there is no such program");
}

// Real Pythons that are too old are told by their version, where pyenv keeps some.
TEST(Interpreter, OldPythonsAreRefused) {
    const char* pyenv = std::getenv("PYENV_ROOT");
    std::error_code code;
    std::filesystem::directory_iterator entry(
        std::filesystem::path(pyenv == nullptr ? "" : pyenv) / "versions", code);
    for (; !code && entry != std::filesystem::directory_iterator(); entry.increment(code)) {
        const std::string version = entry->path().filename().string();
        const std::string python = (entry->path() / "bin/python").string();
        if (version.starts_with("2.")) {
            EXPECT_EQ(why_not(python),
                      python + " is Python 2 or an early Python 3; Python 3.8 or newer is needed");
        } else if (version.starts_with("3.6.") || version.starts_with("3.7.")) {
            EXPECT_EQ(why_not(python), python + " is Python " + version + "; Python 3.8 or newer is needed");
        }
    }
}

// A variable of this process for as long as the scope stands.
class Variable {
public:
    Variable(const char* name, const std::string& value) : name_(name) {
        if (const char* before = std::getenv(name)) before_ = before;
        ::setenv(name, value.c_str(), 1);
    }
    ~Variable() {
        if (before_) {
            ::setenv(name_, before_->c_str(), 1);
        } else {
            ::unsetenv(name_);
        }
    }
    Variable(const Variable&) = delete;
    Variable& operator=(const Variable&) = delete;

private:
    const char* name_;
    std::optional<std::string> before_;
};

// Each form of a request finds what it says, in the order it says.
TEST(Interpreter, CandidatesInTheirOrder) {
    const TemporaryFolder folder;
    const std::filesystem::path root = folder.path();
    for (const char* name :
         {"a/python", "a/python3.11", "b/python3", "b/python", "b/python3.11", "b/pypy3", "env/bin/python"}) {
        std::filesystem::create_directories((root / name).parent_path());
        write_file(root / name, "#!/bin/sh\n", 0755);
    }
    write_file(root / "a/python3", "not executable", 0644);
    const std::string search = (root / "a").string() + ":/nowhere:" + (root / "b").string();
    const struct {
        std::string request;
        std::vector<std::string> names;
    } rows[] = {
        {"", {"b/python3", "a/python", "b/python"}},
        {"3", {"b/python3", "a/python", "b/python"}},
        {"3.11", {"a/python3.11", "b/python3.11", "b/python3", "a/python", "b/python"}},
        {"3.11.2", {"a/python3.11", "b/python3.11", "b/python3", "a/python", "b/python"}},
        {"python3.11", {"a/python3.11", "b/python3.11"}},
        {"pypy3", {"b/pypy3"}},
        {"python3.12", {}},
        {(root / "b/python3").string(), {"b/python3"}},
        {(root / "env").string(), {"env/bin/python"}},
        {(root / "a/python3").string(), {}},
        {"3.", {}},
        {"3.11.2.1", {}},
    };
    for (const auto& row : rows) {
        std::vector<std::filesystem::path> expected;
        for (const std::string& name : row.names) expected.push_back(root / name);
        EXPECT_EQ(interpreter_candidates(row.request, search), expected) << row.request;
    }
}

// A broken or too old first candidate does not hide a good one behind it; a wrong version is not taken.
TEST(Interpreter, TheFirstGoodOneIsTaken) {
    const TemporaryFolder folder;
    const Interpreter& python = test_pythons().front();
    std::filesystem::create_directory(folder.path() / "a");
    std::filesystem::create_directory(folder.path() / "b");
    write_file(folder.path() / "a/python3", "#!/bin/sh\necho 'no version set' >&2\nexit 127\n", 0755);
    std::filesystem::create_symlink(python.executable, folder.path() / "b/python3");
    const Variable pyenv("PYENV_ROOT", "/nowhere");
    const Variable path("PATH", (folder.path() / "a").string() + ":" + (folder.path() / "b").string());
    EXPECT_EQ(find_interpreter().real_executable, python.real_executable);
    const std::string minor = "3." + std::to_string(python.minor);
    EXPECT_EQ(find_interpreter(minor).real_executable, python.real_executable);
    EXPECT_EQ(find_interpreter(python.version).real_executable, python.real_executable);
    try {
        find_interpreter("3.1");
        FAIL() << "3.1 is not " << python.version;
    } catch (const InterpreterError& error) {
        EXPECT_EQ(error.what(),
                  "no Python found for '3.1': " + (folder.path() / "a/python3").string() +
                      " is not a working Python interpreter: it exited with status 127: no version set; " +
                      (folder.path() / "b/python3").string() + " is Python " + python.version +
                      "; install it, or give --python with a path");
    }
}

// A version that is not on PATH is found among pyenv's, the newest of those that it means.
TEST(Interpreter, PyenvsVersionsAreFound) {
    const TemporaryFolder folder;
    const Interpreter& python = test_pythons().front();
    const std::string minor = "3." + std::to_string(python.minor);
    const std::filesystem::path versions = folder.path() / "versions";
    for (const std::string& name :
         {minor + ".2", minor + ".10", minor + "0.1", std::string("2.7.18"), std::string("mine")}) {
        std::filesystem::create_directories(versions / name / "bin");
        std::filesystem::create_symlink(python.executable, versions / name / "bin/python3");
    }
    std::filesystem::create_directories(versions / (minor + ".11"));  // half removed
    const Variable path("PATH", "/nowhere");
    const Variable pyenv("PYENV_ROOT", folder.path().string());
    EXPECT_EQ(find_interpreter(minor).executable, versions / (minor + ".10") / "bin/python3");
    EXPECT_THROW(find_interpreter("3.1"), InterpreterError);
    EXPECT_THROW(find_interpreter(), InterpreterError);
}

// A version that is not here: what is here is offered, newest first, each once, and nothing that is too old.
TEST(Interpreter, WhatIsHereIsOffered) {
    const TemporaryFolder folder;
    const std::string root = folder.path().string();
    const Interpreter& python = test_pythons().front();
    for (const char* name : {"a/python3", "a/python3.9", "b/python3.10", "b/python3", "b/python3.7",
                             "b/python3.10-config", "versions/3.12.1/bin/python3"}) {
        std::filesystem::create_directories((folder.path() / name).parent_path());
        write_file(folder.path() / name, "#!/bin/sh\nexec " + python.executable.string() + " \"$@\"\n", 0755);
    }
    std::filesystem::create_symlink("b", folder.path() / "c");
    const Variable pyenv("PYENV_ROOT", root);
    const Variable path("PATH", root + "/a:" + root + "/b:" + root + "/c");
    try {
        find_interpreter("3.99");
        FAIL();
    } catch (const InterpreterError& error) {
        EXPECT_EQ(error.what(),
                  "no Python found for '3.99': " + root + "/a/python3 is Python " + python.version + "; " +
                      root + "/b/python3 is Python " + python.version +
                      "; here are 3.12, 3.10, 3.9: choose one with --python 3.12, give --python with a "
                      "path, or install it");
    }
}

// When there is nothing at all, the message lists what was looked for and where.
TEST(Interpreter, NothingFoundSaysWhatWasLookedFor) {
    const Variable pyenv("PYENV_ROOT", "/nowhere");
    const Variable path("PATH", "/nowhere:/usr/share");
    const struct {
        const char* request;
        const char* message;
    } rows[] = {
        {"",
         "no Python found: looked for python3, python on PATH (/nowhere:/usr/share); install it, or give "
         "--python "
         "with a path"},
        {"3.11",
         "no Python found for '3.11': looked for python3.11, python3, python on PATH (/nowhere:/usr/share); "
         "install it, or give --python with a path"},
        {"pypy3",
         "no Python found for 'pypy3': looked for pypy3 on PATH (/nowhere:/usr/share); install it, or give "
         "--python with a path"},
        {"./none",
         "no Python found for './none': there is no executable file of that name; give a path, a version "
         "(3.11) or a name on PATH"},
    };
    for (const auto& row : rows) {
        try {
            find_interpreter(row.request);
            FAIL() << row.request;
        } catch (const InterpreterError& error) {
            EXPECT_STREQ(error.what(), row.message);
        }
    }
}

// The caller's deadline is the caller's: it comes out as TimeoutError, not as a complaint about the
// interpreter.
TEST(Interpreter, TheCallersDeadlineIsTimeoutError) {
    const TemporaryFolder folder;
    write_file(folder.path() / "python3", "#!/bin/sh\nsleep 1000\n", 0755);
    const Timeout timeout(std::chrono::milliseconds(20));
    EXPECT_THROW(query_interpreter(folder.path() / "python3"), TimeoutError);
}

}  // namespace
}  // namespace thrum::venv
