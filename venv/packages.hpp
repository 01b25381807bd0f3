// thrum/venv/packages.hpp: floor 5, venv
// What is installed: the *.dist-info folders beside the packages (PEP 376, the core metadata specification).
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace thrum::venv {

struct Package {
    std::string name = {};                // as its author writes it
    std::string version = {};             // as in METADATA
    std::filesystem::path location = {};  // the dist-info folder
};

// The name by which packages are the same: lower case, each run of "-", "_" and "." one "-" (PEP 503).
std::string normalized_name(std::string_view name);

// The packages of one site-packages folder, by normalized name. A dist-info folder without readable METADATA,
// as an interrupted installation leaves it, is no package. None where the folder does not exist; otherwise
// throws OSError.
std::vector<Package> installed_packages(const std::filesystem::path& site_packages);

}  // namespace thrum::venv
