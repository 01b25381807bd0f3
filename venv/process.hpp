// thrum/venv/process.hpp: floor 5, venv
// Runs a program and hands back what it wrote, while the calling thread is parked and not blocked.
#pragma once

#include <thrum/threads/deadline.hpp>

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace thrum::venv {

// What a program may write to one of its outputs before it is stopped, in bytes.
inline constexpr std::size_t max_process_output = std::size_t{256} << 20;

// Changes to the environment variables: a name with its new value, or with nothing to remove it.
using EnvironmentChanges = std::vector<std::pair<std::string, std::optional<std::string>>>;

struct ProcessOptions {
    std::filesystem::path folder = {};    // where it runs; the present folder where empty
    EnvironmentChanges environment = {};  // applied, in order, to the variables of this process
    bool merge_errors = false;            // standard error goes where standard output goes
    Deadline deadline = never;            // besides the Timeout scopes in force
    std::size_t output_limit = max_process_output;
};

struct CompletedProcess {
    std::vector<std::string> arguments = {};
    int status = 0;           // exit status; -N when signal N ended it, as in Python
    std::string output = {};  // all of standard output, as bytes
    std::string errors = {};  // all of standard error, as bytes

    bool ok() const noexcept { return status == 0; }
    // Throws CalledProcessError with the last line of `errors` unless status is 0.
    void check_returncode() const;
};

// "exited with status 1", "was killed by signal 9".
std::string describe_status(int status);

// The file that a shell would run for `name`: `name` itself when it has a slash and is an executable file,
// else the first one in the folders of `search_path` (as in PATH; empty entries mean the present folder).
// Absolute, links not followed. Nothing when there is none.
std::optional<std::filesystem::path> find_program(std::string_view name, std::string_view search_path);

// Starts arguments[0] (looked up on the PATH that the program will see) with `arguments`, empty standard
// input and no other descriptor of this process, waits for its end and returns its outputs. It leads a
// session of its own, without a terminal. What children it left behind write later is not waited for.
// Callable from fibers and plain threads alike; many may run at once. Throws FileNotFoundError when there is
// no such program or folder, OSError when it cannot be started, TimeoutError when a deadline passes, Error
// beyond output_limit, Cancelled; in the last three cases the whole group has been killed and the program
// reaped. After posix_spawn(3), pidfd_open(2).
CompletedProcess run_process(const std::vector<std::string>& arguments, const ProcessOptions& options = {});

}  // namespace thrum::venv
