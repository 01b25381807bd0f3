// thrum/venv/internal/temporary_folder.hpp: floor 5, venv
// A folder that is gone with its scope.
#pragma once

#include <thrum/base/errors.hpp>

#include <stdlib.h>

#include <filesystem>
#include <string>
#include <system_error>
#include <utility>

namespace thrum::venv::internal {

// Makes an empty folder (mode 0700) with a name of its own beside `beside`, or among the temporary files, and
// removes it with all it holds, unless release() was called. Move-only. Throws OSError. After mkdtemp(3).
class TemporaryFolder {
public:
    TemporaryFolder() : TemporaryFolder(std::filesystem::temp_directory_path() / "thrum-") {}
    // The folder is `prefix` plus six characters.
    explicit TemporaryFolder(const std::filesystem::path& prefix) {
        std::string name = prefix.string() + "XXXXXX";
        if (::mkdtemp(name.data()) == nullptr)
            throw_os_error(errno, "cannot make a folder at " + prefix.string());
        path_ = name;
    }
    TemporaryFolder(TemporaryFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
    TemporaryFolder& operator=(TemporaryFolder&&) = delete;
    ~TemporaryFolder() {
        std::error_code ignored;
        if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
    }

    const std::filesystem::path& path() const noexcept { return path_; }
    // Keeps the folder.
    std::filesystem::path release() noexcept { return std::exchange(path_, {}); }

private:
    std::filesystem::path path_;
};

}  // namespace thrum::venv::internal
