// thrum/venv/environment.hpp: floor 5, venv
// An environment on disk: which Python it has, what is installed in it, and programs run inside it.
#pragma once

#include <thrum/venv/configuration.hpp>
#include <thrum/venv/errors.hpp>
#include <thrum/venv/packages.hpp>
#include <thrum/venv/process.hpp>

#include <filesystem>
#include <string>
#include <vector>

namespace thrum::venv {

// A virtual environment that exists; made by create(), or named by its folder. The object only remembers
// where it is and what pyvenv.cfg said. Const members may be called from several threads at once.
class Environment {
public:
    // Throws NotAnEnvironmentError when `path` is none, OSError.
    explicit Environment(const std::filesystem::path& path);

    // Absolute.
    const std::filesystem::path& path() const noexcept { return path_; }
    // Where its programs are: path()/bin.
    std::filesystem::path scripts() const { return path_ / "bin"; }
    // Its interpreter, path()/bin/python.
    std::filesystem::path python() const { return scripts() / "python"; }
    // "3.11.2", from pyvenv.cfg: Python is not started.
    std::string python_version() const;
    const Configuration& configuration() const noexcept { return configuration_; }
    // The folders that packages are installed in.
    std::vector<std::filesystem::path> site_packages() const;
    // What is installed inside, without the system's own packages, by name. Throws OSError.
    std::vector<Package> packages() const;

    // Runs a program as after `activate`: looked up in scripts() first, VIRTUAL_ENV set, PYTHONHOME removed.
    // Returns whatever its status is; see run_process() for the rest, what it throws and what cancels it.
    CompletedProcess run(const std::vector<std::string>& arguments, const ProcessOptions& options = {}) const;

private:
    std::filesystem::path path_;
    Configuration configuration_;
};

}  // namespace thrum::venv
