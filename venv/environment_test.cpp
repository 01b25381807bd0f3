// thrum/venv/environment_test.cpp: floor 5, venv
#include <thrum/base/file.hpp>
#include <thrum/venv/create.hpp>
#include <thrum/venv/environment.hpp>
#include <thrum/venv/internal/temporary_folder.hpp>
#include <thrum/venv/internal/test_pythons_fixture.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <set>

namespace thrum::venv {
namespace {

using internal::TemporaryFolder;
using internal::test_pythons;

void put_package(const std::filesystem::path& site_packages, const std::string& folder,
                 const std::string& metadata) {
    std::filesystem::create_directories(site_packages / folder);
    write_file(site_packages / folder / "METADATA", metadata);
}

// Names and versions come from METADATA's headers, in the order of their normalized names; rubbish is passed
// over.
TEST(Packages, ReadFromTheirMetadata) {
    const TemporaryFolder folder;
    const std::filesystem::path root = folder.path();
    put_package(root, "zope.interface-6.0.dist-info",
                "Metadata-Version: 2.1\r\nName: zope.interface\r\nVersion: 6.0\r\n\r\n");
    put_package(root, "Flask-2.2.dist-info",
                "name: Flask\nVERSION:2.2\nName: second\nSummary: x\n  Version: 9\n");
    put_package(root, "a_b-1.dist-info", "Name: A__b.-C\nVersion: 1!1.0+local\n\nName: body\nVersion: 2\n");
    put_package(root, "nameless-1.dist-info", "Version: 1\n\nName: nameless\n");
    put_package(root, "empty-1.dist-info", "");
    put_package(root, "module", "Name: module\nVersion: 1\n");
    std::filesystem::create_directory(root / "interrupted-1.dist-info");
    write_file(root / "file-1.dist-info", "Name: file\nVersion: 1\n");
    std::vector<std::string> found;
    for (const Package& package : installed_packages(root))
        found.push_back(package.name + " " + package.version);
    EXPECT_EQ(found, (std::vector<std::string>{"A__b.-C 1!1.0+local", "Flask 2.2", "zope.interface 6.0"}));
    EXPECT_EQ(normalized_name("A__b.-C"), "a-b-c");
    EXPECT_TRUE(installed_packages(root / "none").empty());
    EXPECT_TRUE(installed_packages(root / "file-1.dist-info").empty());
}

// A program runs as after `activate`: the environment's own first, its variables set, PYTHONHOME gone; the
// caller's changes come last; any status is a result.
TEST(Environment, RunIsAsAfterActivate) {
    const TemporaryFolder folder;
    const Environment environment = create(folder.path() / "env", test_pythons().front(), {});
    ::setenv("PYTHONHOME", "/nowhere", 1);
    const std::string expression =
        "import sys, os; print(sys.prefix, os.environ['VIRTUAL_ENV'], 'PYTHONHOME' in os.environ)";
    const std::string place = environment.path().string();
    EXPECT_EQ(environment.run({"python", "-c", expression}).output, place + " " + place + " False\n");
    // A child that looks python up itself finds the same.
    EXPECT_EQ(environment.run({"sh", "-c", "exec python3 -c \"$1\"", "sh", expression}).output,
              place + " " + place + " False\n");
    ::unsetenv("PYTHONHOME");
    EXPECT_EQ(
        environment.run({"sh", "-c", "echo $VIRTUAL_ENV"}, {.environment = {{"VIRTUAL_ENV", "mine"}}}).output,
        "mine\n");
    EXPECT_EQ(environment.run({"python", "-c", "import sys; sys.exit('no')"}).status, 1);
    EXPECT_THROW(environment.run({"no-such-program-here"}), FileNotFoundError);
}

// An environment is opened by its folder, also one of virtualenv's making; what is none is refused.
TEST(Environment, Open) {
    const TemporaryFolder folder;
    EXPECT_THROW(Environment(folder.path()), NotAnEnvironmentError);
    write_file(folder.path() / "pyvenv.cfg", "version_info = 3.11.2.final.0\n");
    EXPECT_EQ(Environment(folder.path()).python_version(), "3.11.2");
    EXPECT_TRUE(Environment(folder.path()).packages().empty());
    write_file(folder.path() / "pyvenv.cfg", "home = /usr/bin\n");
    EXPECT_THROW(Environment(folder.path()).python_version(), NotAnEnvironmentError);
}

// A wheel of one module and one script, as pip takes it (the binary distribution format specification).
constexpr char make_wheel[] = R"python(
import sys, zipfile
files = {
    'thrum_sample.py': 'answer = 42\ndef main(): print("sample", answer)\n',
    'thrum_sample-1.5.dist-info/METADATA': 'Metadata-Version: 2.1\nName: thrum-sample\nVersion: 1.5\n',
    'thrum_sample-1.5.dist-info/WHEEL': 'Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n',
    'thrum_sample-1.5.dist-info/entry_points.txt': '[console_scripts]\nthrum-sample = thrum_sample:main\n',
}
record = ''.join(name + ',,\n' for name in files) + 'thrum_sample-1.5.dist-info/RECORD,,\n'
with zipfile.ZipFile(sys.argv[1], 'w') as wheel:
    for name, text in {**files, 'thrum_sample-1.5.dist-info/RECORD': record}.items():
        wheel.writestr(name, text)
)python";

// What `folders` hold, to see whether anything was put there.
std::set<std::string> entries_of(const std::vector<std::filesystem::path>& folders) {
    std::set<std::string> entries;
    for (const std::filesystem::path& folder : folders) {
        std::error_code code;
        std::filesystem::directory_iterator entry(folder, code);
        for (; !code && entry != std::filesystem::directory_iterator(); entry.increment(code)) {
            entries.insert(entry->path().string());
        }
    }
    return entries;
}

// A seeded environment has pip of its own, and what that installs lands inside and nowhere else: not in the
// base, not in the home folder. For the system's Python and the one on PATH.
TEST(Environment, PipInstallsInsideAndNowhereElse) {
    for (std::size_t index = 0; index < std::min<std::size_t>(2, test_pythons().size()); ++index) {
        const Interpreter& python = test_pythons()[index];
        SCOPED_TRACE(python.executable);
        const TemporaryFolder folder;
        const std::filesystem::path wheel = folder.path() / "thrum_sample-1.5-py3-none-any.whl";
        run_process({python.executable, "-c", make_wheel, wheel}).check_returncode();
        const std::filesystem::path home = folder.path() / "home";
        std::filesystem::create_directory(home);
        const std::filesystem::path base = python.base_prefix;
        const std::vector<std::filesystem::path> elsewhere = {
            base / python.scheme.purelib, base / "bin", base / "lib/python3/dist-packages",
            base / "local/bin", base / "local" / python.scheme.purelib.parent_path() / "dist-packages"};
        const std::set<std::string> before = entries_of(elsewhere);
        const Environment environment =
            create(folder.path() / "env", python, {.system_site_packages = index == 1, .seed = true});
        EXPECT_EQ(environment.run({"python", "-m", "pip", "--version"}).output.find("pip "), 0u);
        EXPECT_EQ(value_of(environment.configuration(), "include-system-site-packages"),
                  index == 1 ? "true" : "false");

        const CompletedProcess installed = environment.run(
            {"pip", "install", "--no-index", "--no-cache-dir", "--disable-pip-version-check", wheel.string()},
            {.environment = {
                 {"HOME", home.string()}, {"PIP_USER", std::nullopt}, {"PIP_FIND_LINKS", std::nullopt}}});
        ASSERT_EQ(installed.status, 0) << installed.errors;
        EXPECT_EQ(environment.run({"thrum-sample"}).output, "sample 42\n");
        EXPECT_EQ(
            environment.run({"python", "-c", "import thrum_sample; print(thrum_sample.__file__)"}).output,
            (environment.path() / python.scheme.purelib / "thrum_sample.py").string() + "\n");
        const auto packages = environment.packages();
        const auto sample = std::ranges::find(packages, "thrum-sample", &Package::name);
        ASSERT_NE(sample, packages.end());
        EXPECT_EQ(sample->version, "1.5");
        EXPECT_NE(std::ranges::find(packages, "pip", &Package::name), packages.end());

        EXPECT_EQ(entries_of(elsewhere), before);
        // pip asks other programs for their versions, which may leave something of their own in the home
        // folder.
        EXPECT_FALSE(std::filesystem::exists(home / ".local"));
        EXPECT_NE(run_process({python.executable, "-c", "import thrum_sample"}).status, 0);
    }
}

// A Python whose ensurepip is missing or fails, as its real counterparts do: `ensurepip` runs `script`
// instead.
std::filesystem::path python_with_ensurepip(const std::filesystem::path& folder, const std::string& script) {
    const std::filesystem::path file = folder / "python3";
    const std::string real = test_pythons().front().executable.string();
    write_file(file,
               "#!/bin/sh\nif [ \"$3\" = ensurepip ]; then " + script + "; fi\nexec " + real + " \"$@\"\n",
               0755);
    return file;
}

// When pip cannot be put inside, the message says why and what to install, and what was there before is there
// again: nothing, an empty folder, or the old environment.
TEST(Environment, AFailedSeedLeavesNoHalfEnvironment) {
    const struct {
        std::string script;
        std::string message;
    } rows[] = {
        {"echo \"$0: No module named ensurepip\" >&2; exit 1",
         " comes without ensurepip; on Debian and Ubuntu install python3.11-venv (apt install "
         "python3.11-venv), or leave "
         "out --seed"},
        {"echo 'the disk is full' >&2; exit 1", ": the disk is full"},
    };
    for (const auto& row : rows) {
        for (const std::string before : {"nothing", "empty folder", "environment"}) {
            const TemporaryFolder folder;
            Interpreter python = test_pythons().front();
            python.minor = 11;
            python.base_executable = python_with_ensurepip(folder.path(), row.script);
            const std::filesystem::path place = folder.path() / "env";
            if (before == "empty folder") std::filesystem::create_directory(place);
            if (before == "environment") {
                create(place, test_pythons().front(), {});
                write_file(place / "mark", "old");
            }
            SCOPED_TRACE(before + " " + row.script);
            try {
                create(place, python, {.clear = true, .seed = true});
                FAIL() << "ensurepip cannot have worked";
            } catch (const CreationError& error) {
                const std::string what = error.what();
                EXPECT_TRUE(what.starts_with("cannot put pip into " + place.string() + ": ")) << what;
                EXPECT_TRUE(what.ends_with(row.message)) << what;
                EXPECT_EQ(what.find('\n'), what.npos);
            }
            EXPECT_EQ(std::filesystem::exists(place), before != "nothing");
            if (before == "empty folder") {
                EXPECT_TRUE(std::filesystem::is_empty(place));
            } else if (before == "environment") {
                EXPECT_EQ(read_file(place / "mark"), "old");
            }
            EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}),
                      before == "nothing" ? 1 : 2);
        }
    }
}

}  // namespace
}  // namespace thrum::venv
