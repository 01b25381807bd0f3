// thrum/venv/interpreter.hpp: floor 5, venv
// Finds a Python on this machine and asks it, in one short run, for all that making environments needs to
// know.
#pragma once

#include <thrum/venv/errors.hpp>

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace thrum::venv {

// The oldest Python that environments are made for.
inline constexpr int oldest_minor_version = 8;  // of Python 3
// How long an interpreter may take to answer.
inline constexpr std::chrono::seconds interpreter_query_time{30};

// Where an environment of this interpreter keeps its parts, relative to its folder; sysconfig's "venv"
// scheme.
struct EnvironmentScheme {
    std::filesystem::path purelib = {};  // "lib/python3.11/site-packages"
    std::filesystem::path platlib = {};
    std::filesystem::path scripts = {};  // "bin"
    std::filesystem::path include = {};  // "include/python3.11"; "include" before 3.11
};

// What an interpreter said about itself. Paths are absolute.
struct Interpreter {
    std::filesystem::path executable = {};  // sys.executable: behind shims and wrappers, links not followed
    std::filesystem::path real_executable = {};  // executable with all links followed
    std::filesystem::path base_executable = {};  // the one outside of all environments
    std::filesystem::path prefix = {};           // sys.prefix: the environment's folder when it is in one
    std::filesystem::path base_prefix = {};      // sys.base_prefix
    std::string version = {};                    // "3.13.0rc1"
    int major = 0;
    int minor = 0;
    int micro = 0;
    std::string implementation = {};    // "cpython", "pypy"
    std::string cache_tag = {};         // "cpython-311"
    std::string platform = {};          // sysconfig.get_platform(): "linux-x86_64"
    std::string sys_platform = {};      // "linux"
    std::string machine = {};           // "x86_64"
    std::string abi = {};               // the ABI tag of PEP 425: "cp311"
    std::string extension_suffix = {};  // ".cpython-311-x86_64-linux-gnu.so"
    bool is_64_bit = false;
    bool free_threaded = false;
    EnvironmentScheme scheme = {};

    bool in_environment() const { return prefix != base_prefix; }
};

// Asks the file `executable`. Throws InterpreterError when it cannot be run, is no Python, crashed or does
// not answer, with the last words of its standard error, or is older than 3.8; TimeoutError, Cancelled.
// Callable from any thread.
Interpreter query_interpreter(const std::filesystem::path& executable);

// The files that `request` may mean, best first, existing ones only. `request` is
// - a path, having a slash: the file, or the bin/python of the folder;
// - a version, "3", "3.11" or "3.11.7": python3.11, python3 and python in each folder of `search_path`;
// - a name, "python3.11": that file in each folder of `search_path`;
// - empty: python3, then python.
std::vector<std::filesystem::path> interpreter_candidates(std::string_view request,
                                                          std::string_view search_path);

// The first candidate on PATH that answers and is of the wanted version; for a version, then the ones that
// pyenv keeps (in $PYENV_ROOT or ~/.pyenv), newest first, which its shims show only where they are switched
// on. Throws InterpreterError that lists what was looked for and why each candidate was passed over.
Interpreter find_interpreter(std::string_view request = {});

}  // namespace thrum::venv
